// If this failed, a named data set would be looked for in the wrong places, or a damaged download be trained
// on.
#include "io/named_sets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <span>
#include <thread>

#include "io/byte_source.h"
#include "io/sha256.h"
#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using ::testing::HasSubstr;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Sha256, PublishedExamples) {  // FIPS 180-2, appendix B; the empty text; and the padding's edges against
                                   // each other
  EXPECT_EQ(sha256(bytes_of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(bytes_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(bytes_of(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/// An HTTP server on 127.0.0.1 that knows a few files and answers 404 to anything else.
class Server {
 public:
  explicit Server(std::map<std::string, std::string> files)
      : files_(std::move(files)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(socket_, 8);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  void serve() {
    for (int client = ::accept(socket_, nullptr, nullptr); client >= 0;
         client = ::accept(socket_, nullptr, nullptr)) {
      char request[4096];
      const ssize_t n = ::recv(client, request, sizeof request, 0);
      const std::string text(request, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
      const auto found = files_.find(text.substr(5, text.find(' ', 5) - 5));
      const std::string body = found == files_.end() ? "no" : found->second;
      const std::string answer =
          std::string("HTTP/1.1 ") + (found == files_.end() ? "404 Not Found" : "200 OK") +
          "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      for (std::size_t sent = 0; sent < answer.size();) {
        const ssize_t m = ::send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (m <= 0) break;
        sent += static_cast<std::size_t>(m);
      }
      ::close(client);
    }
  }
  std::map<std::string, std::string> files_;
  int socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

const std::string kImages = idx(8, {4, 1, 2}, "abcdefgh"), kLabels = idx(8, {4}, {0, 1, 0, 1});

NamedFile described(const std::string& name, const std::string& contents) {
  return {name, contents.size(), sha256(bytes_of(contents))};
}

NamedSet tiny_set(std::vector<std::string> addresses) {
  return {"tiny",
          "4",
          "a set for tests",
          std::move(addresses),
          "",
          {described("train-images-idx3-ubyte", kImages), described("train-labels-idx1-ubyte", kLabels)},
          {"a", "b"}};
}

Places places_in(const Folder& folder) {
  Places places;
  places.given = folder.path() / "given";
  places.cache = folder.path() / "cache";
  places.installed = {folder.path() / "installed"};
  places.connect_seconds = 2;
  return places;
}

std::string tar_member(const std::string& name, const std::string& contents) {
  std::string header(512, '\0');
  name.copy(header.data(), 100);
  char size[16];
  std::snprintf(size, sizeof size, "%011zo", contents.size());
  std::memcpy(header.data() + 124, size, 12);
  header[156] = '0';
  return header + contents + std::string((512 - contents.size() % 512) % 512, '\0');
}

TEST(NamedSets, PlacesAreSearchedInOrder) {
  const Folder folder;
  const Places places = places_in(folder);
  const NamedSet set = tiny_set({"http://127.0.0.1:1/"});
  const auto put = [&](const std::string& where) {
    folder.write(where + "/train-images-idx3-ubyte.gz", gzipped(kImages));
    folder.write(where + "/train-labels.idx1-ubyte", kLabels);
  };
  folder.write("given/tiny/train-images-idx3-ubyte", kImages);  // half a set does not count
  for (const char* where : {"installed/tiny", "cache/tiny", "given", "given/tiny"}) {
    put(where);
    EXPECT_EQ(find_or_download(set, places, {}), folder.path() / where);
  }
}

TEST(NamedSets, FilesAreDownloadedVerifiedAndKept) {
  const Folder folder;
  const Places places = places_in(folder);
  const std::string images = gzipped(kImages), labels = gzipped(kLabels);
  Server server({{"train-images-idx3-ubyte.gz", images}, {"train-labels-idx1-ubyte.gz", labels}});
  std::map<std::string, std::uint64_t> seen;
  const auto progress = [&](const std::string& file, std::uint64_t done, std::uint64_t) {
    seen[file] = done;
  };
  // The first address has nothing: the second is tried.
  const NamedSet set = tiny_set({server.address() + "nothing/", server.address()});
  const fs::path cached = find_or_download(set, places, progress);
  EXPECT_EQ(cached, places.cache / "tiny");
  EXPECT_EQ(read_text(cached / "train-images-idx3-ubyte.gz"), images);
  EXPECT_EQ(seen["train-images-idx3-ubyte.gz"], images.size());
  EXPECT_EQ(seen["train-labels-idx1-ubyte.gz"], labels.size());
  EXPECT_EQ(load(cached.string()).train.count + load(cached.string()).test.count, 4u);
  // The second time nothing is fetched.
  EXPECT_EQ(find_or_download(tiny_set({"http://127.0.0.1:1/"}), places, {}), cached);
}

TEST(NamedSets, DamagedDownloadsAreRefused) {
  const Folder folder;
  const Places places = places_in(folder);
  std::string other = kImages;
  other.back() ^= 1;
  const std::map<std::string, std::string> wrong{{"other", gzipped(other)},
                                                 {"cut", gzipped(kImages).substr(0, 20)},
                                                 {"page", "<html>log in to the hotel's network</html>"},
                                                 {"bomb", gzipped(std::string(3000000, '\0'))},
                                                 {"long", std::string(100000, 'x')}};
  for (const auto& [what, bytes] : wrong) {
    Server server({{"train-images-idx3-ubyte.gz", bytes}});
    expect_error(ErrorKind::input, {"tiny", "train-images-idx3-ubyte", "Put "},
                 [&] { find_or_download(tiny_set({server.address()}), places, {}); });
    EXPECT_TRUE(fs::is_empty(places.cache / "tiny")) << what;
  }
}

TEST(NamedSets, ArchivesAreUnpacked) {
  const Folder folder;
  NamedSet set = tiny_set({"file://" + folder.path().string() + "/"});
  set.archive = "tiny.tar.gz";
  std::string archive = tar_member("folder/readme.html", "hello") +
                        tar_member("folder/train-images-idx3-ubyte", kImages) +
                        tar_member("folder/train-labels-idx1-ubyte", kLabels) + std::string(1024, '\0');
  folder.write("tiny.tar.gz", gzipped(archive));
  const fs::path cached = find_or_download(set, places_in(folder), {});
  EXPECT_EQ(read_text(cached / "train-labels-idx1-ubyte"), kLabels);
  EXPECT_FALSE(fs::exists(cached / "readme.html"));
  const Folder second;
  set.addresses = {"file://" + second.path().string() + "/"};
  for (const std::string& bad : {archive.substr(0, 600), tar_member("x", "y"), std::string("no archive")}) {
    second.write("tiny.tar.gz", gzipped(bad));
    expect_error(ErrorKind::input, {"tiny.tar.gz"}, [&] { find_or_download(set, places_in(second), {}); });
  }
}

TEST(NamedSets, AnUnreachableNetworkIsSaidQuickly) {
  const Folder folder;
  const auto start = std::chrono::steady_clock::now();
  expect_error(ErrorKind::input,
               {"tiny is not on this machine", "127.0.0.1:1",
                "train-images-idx3-ubyte, train-labels-idx1-ubyte (or .gz)",
                (folder.path() / "cache" / "tiny").string(), "$HALFWAVE_DATA/tiny"},
               [&] { find_or_download(tiny_set({"http://127.0.0.1:1/"}), places_in(folder), {}); });
  Places homeless = places_in(folder);
  homeless.cache.clear();
  expect_error(ErrorKind::input, {"HOME", "$HALFWAVE_DATA/tiny"},
               [&] { find_or_download(tiny_set({"http://127.0.0.1:1/"}), homeless, {}); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(NamedSets, VariablesNameThePlaces) {
  const char *data = std::getenv("HALFWAVE_DATA"), *cache = std::getenv("XDG_CACHE_HOME"),
             *home = std::getenv("HOME");
  ::setenv("HALFWAVE_DATA", "/a", 1);
  ::setenv("HOME", "/h", 1);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(default_places().given, "/a");
  EXPECT_EQ(default_places().cache, "/h/.cache/halfwave");
  EXPECT_EQ(default_places().installed, std::vector<fs::path>{"/usr/share/datasets"});
  ::setenv("XDG_CACHE_HOME", "/c", 1);
  EXPECT_EQ(default_places().cache, "/c/halfwave");
  const auto restore = [](const char* name, const char* value) {
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  };
  restore("HALFWAVE_DATA", data);
  restore("XDG_CACHE_HOME", cache);
  restore("HOME", home);
}

// ---- The pinned checksums and the published data ----

class PublishedData : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(PublishedData, HasThePinnedChecksums) {
  const auto& [name, folder] = GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is missing";
  for (const NamedSet& set : named_sets()) {
    if (set.name != name) continue;
    for (const NamedFile& file : set.files) {
      if (file.size > 10000000)
        continue;  // the large ones take seconds; the loader's test below reads them all
      const Bytes contents = read_contents(fs::path(folder) / (file.name + ".gz"));
      EXPECT_EQ(contents.size(), file.size);
      EXPECT_EQ(sha256(contents), file.checksum) << file.name;
    }
  }
}

TEST_P(PublishedData, IsReadWhole) {
  const auto& [name, folder] = GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is missing";
  const Dataset data = load(folder);
  EXPECT_EQ(data.train.count, 60000u);
  EXPECT_EQ(data.test.count, 10000u);
  EXPECT_THAT(data.schema.shape, ::testing::ElementsAre(1, 28, 28));
  EXPECT_TRUE(std::holds_alternative<std::vector<std::uint8_t>>(data.train.values));
  EXPECT_EQ(data.schema.classes[0], std::string(name) == "mnist" ? "0" : "T-shirt/top");
  std::vector<int> members(10, 0);
  for (const std::int32_t label : data.test.labels) ++members.at(static_cast<std::size_t>(label));
  if (std::string(name) == "fashion-mnist") {
    EXPECT_EQ(members, std::vector<int>(10, 1000));
  }
  const Examples test = load_examples(options_for(folder), data.schema);
  EXPECT_EQ(floats(test), floats(data.test));
  EXPECT_EQ(test.labels, data.test.labels);
}

INSTANTIATE_TEST_SUITE_P(Sets, PublishedData,
                         ::testing::Values(std::pair("mnist", HALFWAVE_SOURCE_DIR "/../shared/data/mnist"),
                                           std::pair("fashion-mnist", "/usr/share/datasets/fashion-mnist")),
                         [](const auto& set) {
                           return std::string(set.param.first) == "mnist" ? "mnist" : "fashion";
                         });

TEST(NamedSets, AFolderOfTheOtherMnistIsNotTaken) {
  const fs::path folder = HALFWAVE_SOURCE_DIR "/../shared/data/mnist";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is missing";
  const Folder empty;
  Places places = places_in(empty);
  places.given = folder;
  EXPECT_EQ(find_or_download(named_sets()[0], places, {}), folder);
  NamedSet fashion = named_sets()[1];
  fashion.addresses = {"http://127.0.0.1:1/"};
  expect_error(ErrorKind::input, {"fashion-mnist is not on this machine"},
               [&] { find_or_download(fashion, places, {}); });
}

}  // namespace
}  // namespace halfwave
