#include "io/array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "halfwave/error.h"

namespace halfwave {
namespace {

template <std::size_t size>
auto unsigned_of_size() {
  if constexpr (size == 1) return std::uint8_t{};
  if constexpr (size == 2) return std::uint16_t{};
  if constexpr (size == 4) return std::uint32_t{};
  if constexpr (size == 8) return std::uint64_t{};
}

template <class T>
T load(const std::uint8_t* p, bool big_endian) {
  using Bits = decltype(unsigned_of_size<sizeof(T)>());
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t byte = big_endian ? i : sizeof(T) - 1 - i;
    bits = static_cast<Bits>((std::uint64_t{bits} << 8) | p[byte]);
  }
  return std::bit_cast<T>(bits);
}

/// IEEE 754 binary16.
struct Half {
  std::uint16_t bits;
  explicit operator double() const {
    const int sign = bits >> 15, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                             : exponent == 31 ? (fraction == 0 ? HUGE_VAL : std::nan(""))
                                              : std::ldexp(1024 + fraction, exponent - 25);
    return sign != 0 ? -magnitude : magnitude;
  }
  explicit operator float() const { return static_cast<float>(static_cast<double>(*this)); }
};

template <class Stored, class Out>
void convert_as(const Bytes& from, bool big_endian, Out* to) {
  const std::size_t n = from.size() / sizeof(Stored);
  for (std::size_t i = 0; i < n; ++i) {
    to[i] = static_cast<Out>(load<Stored>(from.data() + i * sizeof(Stored), big_endian));
  }
}

template <class Out>
void convert(const Bytes& from, ElementType type, Out* to) {
  using Kind = ElementType::Kind;
  const auto as = [&]<class Stored>(Stored) { convert_as<Stored>(from, type.big_endian, to); };
  switch (type.kind) {
    case Kind::floating:
      return type.size == 2 ? as(Half{}) : type.size == 4 ? as(float{}) : as(double{});
    case Kind::integer:
      return type.size == 1   ? as(std::int8_t{})
             : type.size == 2 ? as(std::int16_t{})
             : type.size == 4 ? as(std::int32_t{})
                              : as(std::int64_t{});
    default:
      return type.size == 1   ? as(std::uint8_t{})
             : type.size == 2 ? as(std::uint16_t{})
             : type.size == 4 ? as(std::uint32_t{})
                              : as(std::uint64_t{});
  }
}

template <class Out>
std::vector<Out> read_numbers(ByteSource& source, std::size_t n, ElementType type) {
  constexpr std::size_t kStep = std::size_t{1} << 16;  // elements: the conversion works in the cache
  std::vector<Out> values;
  check_memory(source.name(), std::uint64_t{n} * sizeof(Out));
  values.reserve(n);
  Bytes chunk;
  while (values.size() < n) {
    const std::size_t begin = values.size(), step = std::min(kStep, n - begin);
    chunk.resize(step * type.size);
    source.read_exactly(chunk, "the values");
    values.resize(begin + step);
    convert(chunk, type, values.data() + begin);
  }
  return values;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 63));
  } else {
    put(0xF0 | (code >> 18 & 7));
    put(0x80 | (code >> 12 & 63));
    put(0x80 | (code >> 6 & 63));
  }
  put(0x80 | (code & 63));
}

std::vector<std::string> read_texts(ByteSource& source, std::size_t n, ElementType type) {
  std::vector<std::string> texts;
  Bytes one(type.size);
  while (texts.size() < n) {
    source.read_exactly(one, "the values");
    std::string text;
    if (type.kind == ElementType::Kind::bytes) {
      text.assign(one.begin(), std::find(one.begin(), one.end(), std::uint8_t{0}));
    } else {
      for (std::size_t i = 0; i + 4 <= one.size(); i += 4) {
        const auto code = load<std::uint32_t>(one.data() + i, type.big_endian);
        if (code == 0) break;
        append_utf8(text, code);
      }
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

/// From the order in which the first axis is contiguous to the one in which the last is.
template <class T>
void transpose_fortran(std::vector<T>& values, const std::vector<std::size_t>& shape) {
  std::vector<T> from = std::move(values);
  values.resize(from.size());
  std::vector<std::size_t> index(shape.size(), 0), stride(shape.size(), 1);
  for (std::size_t axis = 1; axis < shape.size(); ++axis) stride[axis] = stride[axis - 1] * shape[axis - 1];
  std::size_t at = 0;
  for (T& value : values) {
    value = std::move(from[at]);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      at += stride[axis];
      if (++index[axis] < shape[axis]) break;
      at -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

template <class T>
void check_finite(const Array& array, const std::vector<T>& values) {
  const auto bad = [](T v) { return !(std::abs(v) <= std::numeric_limits<T>::max()); };
  if (std::count_if(values.begin(), values.end(), bad) == 0) return;
  const auto at = static_cast<std::size_t>(std::find_if(values.begin(), values.end(), bad) - values.begin());
  throw input_error(fmt::format(
      "{}: {} at row {}, column {} (counted from 0): every value must be a finite number", array.name,
      std::isnan(values[at]) ? "NaN" : "an infinite value", at / array.row_size(), at % array.row_size()));
}

}  // namespace

std::size_t Array::row_size() const {
  return shape.empty() ? 1
                       : std::accumulate(shape.begin() + 1, shape.end(), std::size_t{1}, std::multiplies<>());
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("{{{}}}", fmt::join(shape, ", "));
}

std::size_t element_count(const std::string& name, const std::vector<std::size_t>& shape) {
  std::size_t n = 1;
  for (const std::size_t dimension : shape) {
    if (dimension == 0) return 0;
    if (__builtin_mul_overflow(n, dimension, &n) || n > (std::size_t{1} << 56)) {
      throw input_error(
          fmt::format("{}: the header is wrong: no file holds {} values", name, shape_text(shape)));
    }
  }
  return n;
}

Array read_elements(ByteSource& source, std::vector<std::size_t> shape, ElementType type, bool fortran_order,
                    ArrayUse use) {
  const std::size_t n = element_count(source.name(), shape);
  if (n > 0 && type.size > 0 && n > source.most() / type.size) {
    throw input_error(
        fmt::format("{}: the file is truncated, or its header wrong: {} values of {} bytes announced, "
                    "at most {} bytes there",
                    source.name(), shape_text(shape), type.size, source.most()));
  }
  Array array;
  array.name = source.name();
  array.shape = std::move(shape);
  array.integer = !type.text() && type.kind != ElementType::Kind::floating;
  if (type.text()) {
    if (use == ArrayUse::inputs)
      throw input_error(fmt::format("{}: holds text where numbers are needed", array.name));
    if (type.size == 0) throw input_error(fmt::format("{}: holds only empty texts", array.name));
    array.values = read_texts(source, n, type);
  } else if (use == ArrayUse::labels) {
    array.values = read_numbers<double>(source, n, type);
  } else if (type.size == 1 && type.kind != ElementType::Kind::integer) {
    Bytes bytes;
    source.append(bytes, n, "values");
    array.values = std::move(bytes);
  } else {
    array.values = read_numbers<float>(source, n, type);
  }
  source.expect_end();
  if (fortran_order && array.shape.size() > 1) {
    std::visit([&](auto& values) { transpose_fortran(values, array.shape); }, array.values);
  }
  if (const auto* floats = std::get_if<std::vector<float>>(&array.values)) check_finite(array, *floats);
  if (const auto* doubles = std::get_if<std::vector<double>>(&array.values)) check_finite(array, *doubles);
  return array;
}

namespace {

/// Every example, [rows, columns], as [columns, rows].
void transpose_examples(Array& array, std::size_t rows, std::size_t columns) {
  std::visit(
      [&](auto& values) {
        auto example = std::remove_reference_t<decltype(values)>(rows * columns);
        for (std::size_t begin = 0; begin < values.size(); begin += example.size()) {
          for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t column = 0; column < columns; ++column) {
              example[column * rows + row] = std::move(values[begin + row * columns + column]);
            }
          }
          std::move(example.begin(), example.end(), values.begin() + static_cast<std::ptrdiff_t>(begin));
        }
      },
      array.values);
}

}  // namespace

void channels_first(Array& array) {
  const std::size_t height = array.shape[1], width = array.shape[2], channels = array.shape[3];
  transpose_examples(array, height * width, channels);
  array.shape = {array.shape[0], channels, height, width};
}

void channels_last(Array& array) {
  const std::size_t channels = array.shape[1], height = array.shape[2], width = array.shape[3];
  transpose_examples(array, channels, height * width);
  array.shape = {array.shape[0], height, width, channels};
}

}  // namespace halfwave
