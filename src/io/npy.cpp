#include "io/npy.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <initializer_list>

#include "halfwave/error.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

/// The header: a Python dictionary with three known keys, e.g. {'descr': '<f4', 'fortran_order': False,
/// 'shape': (3, 4), }.
class Header {
 public:
  Header(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}

  ElementType element_type() const {
    const std::string_view value = after("'descr'");
    const std::size_t end = value.empty() || value[0] != '\'' ? std::string_view::npos : value.find('\'', 1);
    if (end == std::string_view::npos) {
      throw input_error(
          fmt::format("{}: holds records with named fields: save each field as its own array", name_));
    }
    return parse_type(value.substr(1, end - 1));
  }

  bool fortran_order() const {
    const std::string_view value = after("'fortran_order'");
    if (value.substr(0, 4) == "True") return true;
    if (value.substr(0, 5) == "False") return false;
    throw wrong();
  }

  std::vector<std::size_t> shape() const {
    const std::string_view value = after("'shape'");
    const std::size_t close = value.find(')');
    if (value.empty() || value[0] != '(' || close == std::string_view::npos) throw wrong();
    std::vector<std::size_t> shape;
    const char *p = value.data() + 1, *end = value.data() + close;
    while (p < end) {
      if (*p == ' ' || *p == ',') {
        ++p;
        continue;
      }
      std::size_t dimension = 0;
      const auto [next, error] = std::from_chars(p, end, dimension);
      if (error != std::errc() || shape.size() == kMostAxes) throw wrong();
      shape.push_back(dimension);
      p = next;
    }
    return shape;
  }

 private:
  static constexpr std::size_t kMostAxes = 32;  // NumPy's own limit

  Error wrong() const {
    return input_error(fmt::format("{}: not a NumPy array: its header is damaged", name_));
  }

  /// What follows the key and its colon.
  std::string_view after(std::string_view key) const {
    const std::size_t at = text_.find(key);
    if (at == std::string::npos) throw wrong();
    const std::size_t value = text_.find_first_not_of(" :", at + key.size());
    return value == std::string::npos ? std::string_view() : std::string_view(text_).substr(value);
  }

  ElementType parse_type(std::string_view text) const {
    using Kind = ElementType::Kind;
    std::size_t size = 0;
    const auto unsupported = [&] {
      return input_error(fmt::format(
          "{}: element type '{}' is not supported: save booleans, integers or floats", name_, text));
    };
    if (text.substr(0, 2) == "|O" || text == "O") {
      throw input_error(fmt::format(
          "{}: holds Python objects: save it as numbers or text, e.g. x.astype('float32')", name_));
    }
    if (text.size() < 3 ||
        std::from_chars(text.data() + 2, text.data() + text.size(), size).ec != std::errc())
      throw unsupported();
    const bool big = text[0] == '>';
    const bool word = size == 1 || size == 2 || size == 4 || size == 8;
    constexpr std::size_t kMostText = std::size_t{1} << 20;
    switch (text[1]) {
      case 'b':
        if (size == 1) return {Kind::boolean, size, big};
        break;
      case 'u':
        if (word) return {Kind::unsigned_integer, size, big};
        break;
      case 'i':
        if (word) return {Kind::integer, size, big};
        break;
      case 'f':
        if (word && size > 1) return {Kind::floating, size, big};
        break;
      case 'U':
        if (size < kMostText) return {Kind::utf32, 4 * size, big};
        break;
      case 'S':
        if (size < kMostText) return {Kind::bytes, size, big};
        break;
      default:
        break;
    }
    throw unsupported();
  }

  std::string name_, text_;
};

fs::path first_existing(const fs::path& folder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    std::error_code error;
    if (fs::exists(folder / name, error)) return folder / name;
  }
  return {};
}

Array read_npy_file(const fs::path& path, ArrayUse use) { return read_npy(*open_source(path), use); }

}  // namespace

Array read_npy(ByteSource& source, ArrayUse use) {
  constexpr std::array<std::uint8_t, 6> kMagic{0x93, 'N', 'U', 'M', 'P', 'Y'};
  std::array<std::uint8_t, 8> start{};
  source.read_exactly(start, "the header");
  if (!std::equal(kMagic.begin(), kMagic.end(), start.begin()) || start[6] < 1 || start[6] > 3) {
    throw input_error(fmt::format("{}: not a NumPy array (.npy)", source.name()));
  }
  Bytes length(start[6] == 1 ? 2 : 4);  // little endian
  source.read_exactly(length, "the header");
  std::size_t size = 0;
  for (std::size_t i = length.size(); i-- > 0;) size = size << 8 | length[i];
  Bytes text;
  source.append(text, size, "the header");
  const Header header(source.name(), std::string(text.begin(), text.end()));
  return read_elements(source, header.shape(), header.element_type(), header.fortran_order(), use);
}

fs::path find_npy_inputs(const fs::path& folder) {
  return first_existing(folder, {"x.npy", "X.npy", "x_train.npy", "X_train.npy"});
}

Parts read_npy_siblings(const fs::path& inputs, Needed needed) {
  const fs::path folder = inputs.parent_path();
  const std::string stem = inputs.stem().string();
  const bool known = stem == "x" || stem == "X" || stem == "x_train" || stem == "X_train";
  const fs::path labels = known ? first_existing(folder, {"y.npy", "y_train.npy", "Y.npy"}) : fs::path();
  if (labels.empty()) {
    throw input_error(
        fmt::format("{}: has no labels: put them beside it as y.npy (the inputs as x.npy), or use an .npz "
                    "with x_train and y_train",
                    inputs.string()));
  }
  const fs::path test = first_existing(folder, {"x_test.npy", "X_test.npy"});
  const fs::path test_labels = first_existing(folder, {"y_test.npy", "Y_test.npy"});
  Parts parts;
  if (!test.empty() && !test_labels.empty()) {
    parts.test.emplace(
        Part{read_npy_file(test, ArrayUse::inputs), read_npy_file(test_labels, ArrayUse::labels)});
  }
  if (needed == Needed::all || !parts.test) {
    parts.train = {read_npy_file(inputs, ArrayUse::inputs), read_npy_file(labels, ArrayUse::labels)};
  }
  return parts;
}

}  // namespace halfwave
