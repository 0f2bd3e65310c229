#include <cmath>

#include "operators/elementwise.h"
#include "operators/numbers.h"

namespace halfwave {
namespace {

/// An operator that gives f(x).
template <TypeSet kTypes = kFloating, TypeSet kCompiled = kFullPrecision, class F>
Operator function(std::string_view name, std::int64_t since, F) {
  return map_operator<kTypes, kCompiled, Plain<F>>(name, since);
}

/// A NaN stays one.
template <class T>
T sign(T x) {
  if (x > T{0}) return T{1};
  return x < T{0} ? static_cast<T>(-1) : x;
}

std::vector<Operator> functions() {
  return {
      function<kNumbers, kFullPrecision | kIntegers>("Abs", 1, [](auto x) { return magnitude(x); }),
      function<kFloating | kSigned, kFullPrecision | kSigned>("Neg", 1, [](auto x) { return negated(x); }),
      function<kNumbers, kFullPrecision | kIntegers>("Sign", 9, [](auto x) { return sign(x); }),
      function<kNumbers>("Erf", 9, [](auto x) { return std::erf(x); }),
      function("Sqrt", 1, [](auto x) { return std::sqrt(x); }),
      function("Exp", 1, [](auto x) { return std::exp(x); }),
      function("Log", 1, [](auto x) { return std::log(x); }),
      function("Reciprocal", 1, [](auto x) { return decltype(x){1} / x; }),
      function("Floor", 1, [](auto x) { return std::floor(x); }),
      function("Ceil", 1, [](auto x) { return std::ceil(x); }),
      function("Round", 11, [](auto x) { return std::nearbyint(x); }),  // halves to even
      function("Sin", 7, [](auto x) { return std::sin(x); }),
      function("Cos", 7, [](auto x) { return std::cos(x); }),
      function("Tan", 7, [](auto x) { return std::tan(x); }),
      function("Asin", 7, [](auto x) { return std::asin(x); }),
      function("Acos", 7, [](auto x) { return std::acos(x); }),
      function("Atan", 7, [](auto x) { return std::atan(x); }),
      function("Sinh", 9, [](auto x) { return std::sinh(x); }),
      function("Cosh", 9, [](auto x) { return std::cosh(x); }),
      function("Asinh", 9, [](auto x) { return std::asinh(x); }),
      function("Acosh", 9, [](auto x) { return std::acosh(x); }),
      function("Atanh", 9, [](auto x) { return std::atanh(x); }),
  };
}

}  // namespace

std::span<const Operator> function_operators() {
  static const std::vector<Operator> all = functions();
  return all;
}

}  // namespace halfwave
