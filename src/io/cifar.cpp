#include "io/cifar.h"

#include <fmt/format.h>

#include <algorithm>

#include "halfwave/error.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels, kClasses = 10;

/// The file or its compressed form, or an empty path.
fs::path existing(const fs::path& file) {
  for (const char* ending : {"", ".gz"}) {
    std::error_code error;
    fs::path path = file;
    path += ending;
    if (fs::exists(path, error)) return path;
  }
  return {};
}

std::vector<fs::path> training_batches(const fs::path& folder) {
  std::vector<fs::path> batches;
  for (int i = 1; i <= 5; ++i) {
    const fs::path path = existing(folder / fmt::format("data_batch_{}.bin", i));
    if (!path.empty()) batches.push_back(path);
  }
  return batches;
}

struct Batch {
  Bytes pixels;
  std::vector<double> labels;
};

Batch read_batch(const fs::path& path) {
  const std::unique_ptr<ByteSource> source = open_source(path);
  Batch batch;
  Bytes record(kRecord);
  for (;;) {
    const std::size_t n = source->read(record);
    if (n == 0) break;
    const std::size_t index = batch.labels.size();
    if (n < kRecord) {
      throw input_error(fmt::format(
          "{}: the file is truncated: it ends in the middle of record {}, or is no CIFAR-10 batch",
          source->name(), index));
    }
    if (record[0] >= kClasses) {
      throw input_error(fmt::format("{}: label {} of record {} is out of range 0 … 9: not a CIFAR-10 batch",
                                    source->name(), record[0], index));
    }
    if (index == 0)
      batch.pixels.reserve(
          static_cast<std::size_t>(std::min<std::uint64_t>(source->most(), 10000 * kPixels)));
    batch.labels.push_back(record[0]);
    batch.pixels.insert(batch.pixels.end(), record.begin() + 1, record.end());
  }
  return batch;
}

/// One part of all its batches; each batch's memory is given back as soon as it is copied.
Part join(const std::string& name, std::span<Batch> batches) {
  Bytes pixels;
  std::vector<double> labels;
  std::size_t size = 0;
  for (const Batch& batch : batches) size += batch.pixels.size();
  if (batches.size() == 1) {
    pixels = std::move(batches[0].pixels);
    labels = std::move(batches[0].labels);
  } else {
    pixels.reserve(size);
    for (Batch& batch : batches) {
      pixels.insert(pixels.end(), batch.pixels.begin(), batch.pixels.end());
      labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
      batch = {};
    }
  }
  const std::size_t count = labels.size();
  return {{name, {count, 3, 32, 32}, true, std::move(pixels)}, Array{name, {count}, true, std::move(labels)}};
}

std::vector<std::string> class_names(const fs::path& folder) {
  const fs::path meta = existing(folder / "batches.meta.txt");
  if (meta.empty()) return cifar10_classes();
  const Bytes text = read_contents(meta);
  std::vector<std::string> names;
  for (auto begin = text.begin(); begin != text.end();) {
    const auto end = std::find(begin, text.end(), '\n');
    std::string name(begin, end);
    while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
    if (!name.empty()) names.push_back(name);
    begin = end == text.end() ? end : end + 1;
  }
  if (names.size() != kClasses) {
    throw input_error(
        fmt::format("{}: {} class names where CIFAR-10 has {}", meta.string(), names.size(), kClasses));
  }
  return names;
}

}  // namespace

const std::vector<std::string>& cifar10_classes() {
  static const std::vector<std::string> names{"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};
  return names;
}

bool has_cifar(const fs::path& folder) {
  return !training_batches(folder).empty() || !existing(folder / "test_batch.bin").empty();
}

Parts read_cifar_folder(const fs::path& folder, Needed needed) {
  std::vector<fs::path> paths = training_batches(folder);
  const fs::path test = existing(folder / "test_batch.bin");
  if (paths.empty() && needed == Needed::all) {
    throw input_error(fmt::format("{}: has no data_batch_1.bin (or .gz)", folder.string()));
  }
  if (needed == Needed::test && !test.empty()) paths.clear();
  const std::size_t training = paths.size();
  if (!test.empty()) paths.push_back(test);
  std::vector<Batch> batches(paths.size());
  for_each_file(paths, [&](std::size_t i) { batches[i] = read_batch(paths[i]); });
  Parts parts;
  parts.class_labels = true;
  parts.class_names = class_names(folder);
  if (training > 0) parts.train = join(paths[0].string(), std::span(batches).first(training));
  if (!test.empty()) parts.test = join(test.string(), std::span(batches).last(1));
  return parts;
}

}  // namespace halfwave
