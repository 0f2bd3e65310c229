#include "operators/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

namespace halfwave {
namespace {

/// What is refused before it is allocated: more bytes than this in one tensor.
constexpr std::size_t kMostBytes = std::size_t{1} << 33;

template <class T>
constexpr bool kText = std::is_same_v<T, std::string>;

/// A number as ONNX writes it into a text: as few digits as tell it apart.
template <class From>
std::string number_text(From x) {
  if constexpr (std::is_integral_v<From>) {
    return fmt::format("{}", +x);  // a bool as 0 or 1
  } else {
    const std::conditional_t<std::is_same_v<From, double>, double, float> number = x;
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-INF" : "INF";
    return fmt::format("{}", number);
  }
}

/// The number that the text is, but for spaces around it; nothing where it is none of that type.
template <class To>
std::optional<To> parsed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n\r");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  To number{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

template <class To>
To number_of(const std::string& text) {
  if (const std::optional<To> number = parsed<To>(text)) return *number;
  if (const std::optional<double> number = parsed<double>(text)) return static_cast<To>(*number);  // infinite
  throw input_error(fmt::format("the text '{}' is no number", text));
}

/// To an integer: towards zero, and the nearest there is where it does not fit.
template <class To>
To to_integer(double x) {
  if (std::isnan(x)) return 0;
  constexpr auto kLow = static_cast<double>(std::numeric_limits<To>::lowest());
  if (x <= kLow) return std::numeric_limits<To>::lowest();
  if (x >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(x);
}

/// A float that is rounded to half precision as x would be: where it is not exact its last bit is set.
float to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (static_cast<double>(nearest) == x || !std::isfinite(nearest) || (bits & 1u) != 0) return nearest;
  // Of the two floats around x the nearest is even, so that the other one is odd.
  const float towards =
      x > nearest ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  return std::nextafter(nearest, towards);
}

template <class From, class To>
To convert(const From& x) {
  if constexpr (std::is_same_v<From, To>) {
    return x;
  } else if constexpr (kText<To>) {
    return number_text(x);
  } else if constexpr (kText<From>) {
    if constexpr (std::is_same_v<To, bool>) {
      return number_of<double>(x) != 0.0;
    } else if constexpr (std::is_integral_v<To>) {
      const std::optional<To> whole = parsed<To>(x);
      return whole ? *whole : to_integer<To>(number_of<double>(x));
    } else if constexpr (std::is_floating_point_v<To>) {
      return number_of<To>(x);
    } else {
      return To(number_of<float>(x));
    }
  } else if constexpr (std::is_same_v<To, bool>) {
    return static_cast<bool>(x != From{});
  } else if constexpr (std::is_integral_v<To>) {
    if constexpr (std::is_integral_v<From>)
      return static_cast<To>(x);
    else
      return to_integer<To>(static_cast<double>(x));
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(x);
  } else if constexpr (sizeof(From) > sizeof(float) || std::is_integral_v<From>) {
    return To(to_odd(static_cast<double>(x)));
  } else {
    return To(static_cast<float>(x));
  }
}

}  // namespace

std::int64_t element_count(const Dims& dims) {
  std::int64_t count = 1;
  bool empty = false;
  if (dims.size() > kLargestRank)
    throw input_error(
        fmt::format("{} dimensions are more than a tensor can have, {}", dims.size(), kLargestRank));
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw input_error(fmt::format("{} is no shape: a dimension is negative", describe(dims)));
    // Also where there are no elements, so that no product of dimensions can overflow.
    if (dim > 0 && count > kLargestTensor / dim)
      throw input_error(fmt::format("{} has more than {} elements", describe(dims), kLargestTensor));
    if (dim == 0)
      empty = true;
    else
      count *= dim;
  }
  return empty ? 0 : count;
}

std::string describe(const Dims& dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

Tensor::Tensor(ElementType type, Dims dims) : type_(type), dims_(std::move(dims)) {
  count_ = static_cast<std::size_t>(element_count(dims_));
  const auto allocate = [&]<class T>(TypeTag<T>) {
    if constexpr (!std::is_void_v<T>) {
      if (count_ > kMostBytes / sizeof(T))
        throw input_error(
            fmt::format("{} of {} is more than {} GiB", describe(dims_), type_name(type_), kMostBytes >> 30));
      // At least one, so that there is always a place to point at.
      data_ = std::shared_ptr<T>(new T[std::max<std::size_t>(count_, 1)](), std::default_delete<T[]>());
    }
  };
  if (type != ElementType::sequence) {
    visit_type(type, allocate);
    return;
  }
  if (dims_.size() != 1)
    throw input_error(fmt::format("a sequence has a length, and no shape {}", describe(dims_)));
  allocate(TypeTag<Tensor>{});
}

Tensor Tensor::reshaped(Dims dims) const {
  if (static_cast<std::size_t>(element_count(dims)) != count_)
    throw input_error(
        fmt::format("{} and {} have different numbers of elements", describe(dims_), describe(dims)));
  Tensor other = *this;
  other.dims_ = std::move(dims);
  return other;
}

Tensor Tensor::cast(ElementType type) const {
  if (type == type_) return *this;
  if (type_ == ElementType::sequence || type == ElementType::sequence)
    throw input_error(fmt::format("{} cannot be made {}", type_name(type_), type_name(type)));
  Tensor to(type, dims_);
  visit_type(type_, [&]<class From>(TypeTag<From>) {
    if constexpr (!std::is_void_v<From>)
      visit_type(type, [&]<class To>(TypeTag<To>) {
        if constexpr (!std::is_void_v<To>) {
          const std::span<const From> from = elements<From>();
          std::transform(from.begin(), from.end(), to.elements<To>().begin(), convert<From, To>);
        }
      });
  });
  return to;
}

std::vector<std::int64_t> Tensor::integers() const {
  if (is_floating(type_) || type_ == ElementType::text || type_ == ElementType::sequence ||
      type_ == ElementType::none)
    throw input_error(fmt::format("whole numbers are needed, not {}", type_name(type_)));
  const Tensor whole = cast(ElementType::int64);
  const std::span<const std::int64_t> elements = whole.elements<std::int64_t>();
  return {elements.begin(), elements.end()};
}

void Tensor::check_type(ElementType type) const {
  if (type != type_)
    throw Error(ErrorKind::fault,
                fmt::format("a tensor of {} was taken for one of {}", type_name(type_), type_name(type)));
}

}  // namespace halfwave
