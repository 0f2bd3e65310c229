#include "io/named_sets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "core/file.h"
#include "halfwave/error.h"
#include "io/byte_source.h"
#include "io/cifar.h"
#include "io/download.h"
#include "io/sha256.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

/// The file or its compressed form in the folder, with '-' or '.' before "idx"; an empty path where it is not
/// there.
fs::path find_file(const fs::path& folder, const std::string& name) {
  std::string dotted = name;
  if (const std::size_t at = dotted.find("-idx"); at != std::string::npos) dotted[at] = '.';
  for (const std::string& candidate : {name, name + ".gz", dotted, dotted + ".gz"}) {
    if (is_there(folder / candidate)) return folder / candidate;
  }
  return {};
}

bool holds_all(const fs::path& folder, const NamedSet& set) {
  return std::all_of(set.files.begin(), set.files.end(),
                     [&](const NamedFile& f) { return !find_file(folder, f.name).empty(); });
}

/// MNIST and Fashion-MNIST call their files the same. In a folder that bears no name, the checksum of the
/// smallest file tells whether it is rather the other one.
bool is_another_set(const fs::path& folder, const NamedSet& set) {
  const NamedFile& smallest =
      *std::min_element(set.files.begin(), set.files.end(),
                        [](const NamedFile& a, const NamedFile& b) { return a.size < b.size; });
  const std::string checksum = sha256(read_contents(find_file(folder, smallest.name)));
  for (const NamedSet& other : named_sets()) {
    if (other.name == set.name) continue;
    for (const NamedFile& file : other.files) {
      if (file.name == smallest.name && file.checksum == checksum) return true;
    }
  }
  return false;
}

std::optional<fs::path> look_up(const NamedSet& set, const Places& places) {
  std::vector<fs::path> folders;
  if (!places.given.empty()) {
    if (holds_all(places.given / set.name, set)) return places.given / set.name;
    if (holds_all(places.given, set) && !is_another_set(places.given, set)) return places.given;
  }
  if (!places.cache.empty()) folders.push_back(places.cache / set.name);
  for (const fs::path& installed : places.installed) folders.push_back(installed / set.name);
  for (const fs::path& folder : folders) {
    if (holds_all(folder, set)) return folder;
  }
  return std::nullopt;
}

void check_contents(const Bytes& contents, const NamedFile& file, const std::string& address) {
  if (contents.size() == file.size && sha256(contents) == file.checksum) return;
  throw input_error(fmt::format("{}: {} is not the published file: its SHA-256 differs", address, file.name));
}

/// Calls fetch(address) with one address after the other until one succeeds.
template <class Fetch>
void try_addresses(const NamedSet& set, Fetch&& fetch) {
  for (std::size_t i = 0; i < set.addresses.size(); ++i) {
    try {
      return fetch(set.addresses[i]);
    } catch (const Error&) {
      if (i + 1 == set.addresses.size()) throw;
    }
  }
}

/// The contents of the regular files of a tar archive (POSIX.1-1988: blocks of 512 bytes, sizes in octal).
template <class Visit>
void for_each_tar_member(const std::string& name, std::span<const std::uint8_t> archive, Visit&& visit) {
  constexpr std::size_t kBlock = 512, kNameSize = 100, kSizeAt = 124, kSizeDigits = 12, kTypeAt = 156;
  for (std::size_t at = 0; at + kBlock <= archive.size() && archive[at] != 0;) {
    const auto* header = reinterpret_cast<const char*>(archive.data() + at);
    const std::string path(header, std::find(header, header + kNameSize, '\0'));
    const std::size_t size = std::strtoull(std::string(header + kSizeAt, kSizeDigits).c_str(), nullptr, 8);
    at += kBlock;
    if (size > archive.size() - at) throw input_error(fmt::format("{}: the archive is truncated", name));
    if (header[kTypeAt] == '0' || header[kTypeAt] == '\0')
      visit(fs::path(path).filename().string(), archive.subspan(at, size));
    at += (size + kBlock - 1) / kBlock * kBlock;
  }
}

class Downloader {
 public:
  Downloader(const NamedSet& set, const Places& places, const DownloadProgress& progress)
      : set_(set),
        folder_(places.cache / set.name),
        progress_(progress),
        seconds_(std::max(1L, places.connect_seconds /
                                  static_cast<long>(std::max<std::size_t>(1, set.addresses.size())))) {}

  fs::path run() {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw input_error(fmt::format("{}: cannot be made: {}", folder_.string(), error.message()));
    if (!set_.archive.empty()) {
      try_addresses(set_, [&](const std::string& address) { fetch_archive(address + set_.archive); });
    } else {
      for (const NamedFile& file : set_.files) {
        if (!find_file(folder_, file.name).empty()) continue;
        try_addresses(set_,
                      [&](const std::string& address) { fetch_file(file, address + file.name + ".gz"); });
      }
    }
    return folder_;
  }

 private:
  Bytes fetch(const std::string& address, const std::string& file, std::uint64_t limit) {
    return download(address, limit, seconds_, [&](std::uint64_t done, std::uint64_t total) {
      if (progress_) progress_(file, done, total);
    });
  }

  static Bytes inflate(const std::string& address, const Bytes& compressed, std::uint64_t size) {
    const auto source = inflate_source(address, compressed, nullptr, Deflate::gzip);
    Bytes contents(size + 1);
    contents.resize(source->read(contents));
    return contents;
  }

  void fetch_file(const NamedFile& file, const std::string& address) {
    const std::string name = file.name + ".gz";
    const Bytes compressed = fetch(address, name, file.size + 4096);
    check_contents(inflate(address, compressed, file.size), file, address);
    write_file_atomically(folder_ / name, {compressed});
  }

  void fetch_archive(const std::string& address) {
    constexpr std::uint64_t kHeaders = 1 << 20;  // what an archive may hold besides the files
    std::uint64_t size = kHeaders;
    for (const NamedFile& file : set_.files) size += file.size;
    const Bytes archive = inflate(address, fetch(address, set_.archive, size), size);
    std::size_t found = 0;
    for_each_tar_member(address, archive,
                        [&](const std::string& name, std::span<const std::uint8_t> contents) {
                          const auto file = std::find_if(set_.files.begin(), set_.files.end(),
                                                         [&](const NamedFile& f) { return f.name == name; });
                          if (file == set_.files.end()) return;
                          check_contents(Bytes(contents.begin(), contents.end()), *file, address);
                          write_file_atomically(folder_ / name, {contents});
                          ++found;
                        });
    if (found < set_.files.size())
      throw input_error(fmt::format("{}: holds {} of the {} files", address, found, set_.files.size()));
  }

  const NamedSet& set_;
  fs::path folder_;
  const DownloadProgress& progress_;
  long seconds_;
};

std::string where_to_put(const NamedSet& set, const Places& places) {
  std::vector<std::string> names, folders;
  for (const NamedFile& file : set.files) names.push_back(file.name);
  if (!places.cache.empty()) folders.push_back((places.cache / set.name).string());
  folders.push_back(fmt::format("$HALFWAVE_DATA/{}", set.name));
  return fmt::format("Put {} (or .gz) into {}", fmt::join(names, ", "), fmt::join(folders, " or "));
}

}  // namespace

const std::vector<NamedSet>& named_sets() {
  // The checksums are those of the published files: for MNIST and Fashion-MNIST of the contents whose
  // compressed forms have the published MD5s, for CIFAR-10 of the members of cifar-10-binary.tar.gz.
  static const std::vector<NamedSet> sets{
      {"mnist",
       "60,000 + 10,000",
       "handwritten digits, 28 × 28 grey pixels (LeCun, Cortes, Burges)",
       {"https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/"},
       "",
       {{"train-images-idx3-ubyte", 47040016,
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
        {"train-labels-idx1-ubyte", 60008,
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {"t10k-images-idx3-ubyte", 7840016,
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {"t10k-labels-idx1-ubyte", 10008,
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
      {"fashion-mnist",
       "60,000 + 10,000",
       "articles of clothing, 28 × 28 grey pixels (Zalando Research)",
       {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
       "",
       {{"train-images-idx3-ubyte", 47040016,
         "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
        {"train-labels-idx1-ubyte", 60008,
         "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
        {"t10k-images-idx3-ubyte", 7840016,
         "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
        {"t10k-labels-idx1-ubyte", 10008,
         "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot"}},
      {"cifar-10",
       "50,000 + 10,000",
       "photographs of ten kinds of things, 32 × 32 colour pixels (Krizhevsky)",
       {"https://www.cs.toronto.edu/~kriz/"},
       "cifar-10-binary.tar.gz",
       {{"data_batch_1.bin", 30730000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
        {"data_batch_2.bin", 30730000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
        {"data_batch_3.bin", 30730000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
        {"data_batch_4.bin", 30730000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
        {"data_batch_5.bin", 30730000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
        {"test_batch.bin", 30730000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}},
       cifar10_classes()},
  };
  return sets;
}

Places default_places() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value != nullptr ? value : "");
  };
  Places places;
  places.given = variable("HALFWAVE_DATA");
  const fs::path cache = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (!cache.empty()) {
    places.cache = cache / "halfwave";
  } else if (!home.empty()) {
    places.cache = home / ".cache" / "halfwave";
  }
  places.installed = {"/usr/share/datasets"};
  return places;
}

fs::path find_or_download(const NamedSet& set, const Places& places, const DownloadProgress& progress) {
  if (const auto folder = look_up(set, places)) return *folder;
  try {
    if (places.cache.empty()) throw input_error("neither XDG_CACHE_HOME nor HOME says where to keep it");
    return Downloader(set, places, progress).run();
  } catch (const Error& error) {
    throw input_error(fmt::format("{} is not on this machine, and its download failed ({}). {}", set.name,
                                  error.what(), where_to_put(set, places)));
  }
}

}  // namespace halfwave
