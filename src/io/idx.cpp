#include "io/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "halfwave/error.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

ElementType element_type(const std::string& name, std::uint8_t code) {
  using Kind = ElementType::Kind;
  switch (code) {
    case 0x08:
      return {Kind::unsigned_integer, 1, true};
    case 0x09:
      return {Kind::integer, 1, true};
    case 0x0B:
      return {Kind::integer, 2, true};
    case 0x0C:
      return {Kind::integer, 4, true};
    case 0x0D:
      return {Kind::floating, 4, true};
    case 0x0E:
      return {Kind::floating, 8, true};
    default:
      throw input_error(fmt::format("{}: not an IDX file: unknown element type 0x{:02x}", name, code));
  }
}

/// The file "<part>-<what>-idx…" of the folder, or an empty path.
fs::path find_idx(const fs::path& folder, std::string_view part, std::string_view what) {
  fs::path found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string(), start = fmt::format("{}-{}", part, what);
    if (!name.starts_with(start + "-idx") && !name.starts_with(start + ".idx")) continue;
    if (name.find(".tmp-") != std::string::npos) continue;
    if (found.empty() || entry.path() < found) found = entry.path();  // the uncompressed one first
  }
  return found;
}

struct Files {
  fs::path images, labels;
};

Files find_files(const fs::path& folder, std::string_view part) {
  const Files files{find_idx(folder, part, "images"), find_idx(folder, part, "labels")};
  if (files.images.empty() != files.labels.empty()) {
    throw input_error(fmt::format("{}: {} is there, but {}-{}-idx…-ubyte (or .gz) is not", folder.string(),
                                  (files.images.empty() ? files.labels : files.images).filename().string(),
                                  part, files.images.empty() ? "images" : "labels"));
  }
  return files;
}

}  // namespace

Array read_idx(const fs::path& path, ArrayUse use) {
  const std::unique_ptr<ByteSource> source = open_source(path);
  std::array<std::uint8_t, 4> magic{};
  source->read_exactly(magic, "the header");
  if (magic[0] != 0 || magic[1] != 0 || magic[3] == 0) {
    throw input_error(fmt::format("{}: not an IDX file: it starts with bytes {:02x} {:02x} {:02x} {:02x}",
                                  source->name(), magic[0], magic[1], magic[2], magic[3]));
  }
  const ElementType type = element_type(source->name(), magic[2]);
  std::vector<std::size_t> shape(magic[3]);
  for (std::size_t& dimension : shape) {
    std::array<std::uint8_t, 4> bytes{};
    source->read_exactly(bytes, "the header");
    for (const std::uint8_t byte : bytes) dimension = dimension << 8 | byte;
  }
  return read_elements(*source, std::move(shape), type, false, use);
}

bool has_idx(const fs::path& folder) {
  return !find_idx(folder, "train", "images").empty() || !find_idx(folder, "t10k", "images").empty();
}

Parts read_idx_folder(const fs::path& folder, Needed needed) {
  const Files train = find_files(folder, "train"), test = find_files(folder, "t10k");
  if (train.images.empty() && needed == Needed::all) {
    throw input_error(fmt::format("{}: has no train-images-idx3-ubyte (or .gz)", folder.string()));
  }
  const bool with_test = !test.images.empty(), with_train = needed == Needed::all || !with_test;
  Parts parts;
  parts.class_labels = true;
  if (with_test) parts.test.emplace();
  // Largest first, so that two threads share the work well.
  for_each_file({train.images, test.images, train.labels, test.labels}, [&](std::size_t job) {
    if (job == 0 && with_train) parts.train.inputs = read_idx(train.images, ArrayUse::inputs);
    if (job == 1 && with_test) parts.test->inputs = read_idx(test.images, ArrayUse::inputs);
    if (job == 2 && with_train) parts.train.labels = read_idx(train.labels, ArrayUse::labels);
    if (job == 3 && with_test) parts.test->labels = read_idx(test.labels, ArrayUse::labels);
  });
  return parts;
}

}  // namespace halfwave
