#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "operators/broadcast.h"
#include "operators/family_parts.h"
#include "operators/numbers.h"
#include "operators/type_set.h"

namespace halfwave {
namespace {

constexpr TypeSet kSummable =
    kFloating | TypeSet{ElementType::int32, ElementType::int64, ElementType::uint32, ElementType::uint64};
constexpr TypeSet kOrdered = kSummable | kBoolean | TypeSet{ElementType::int8, ElementType::uint8};

// ---- Which axes ----------------------------------------------------------------------------------------

/// Whether each axis is reduced; nothing where they depend on a value that is not known. The axes are an
/// attribute, and from opset `input_since` on an input.
std::optional<std::vector<bool>> reduced_axes(const OperatorNode& node, Infos inputs, std::size_t rank,
                                              std::int64_t input_since) {
  const Setting axes = setting(node, "axes", inputs, 1, input_since);
  if (axes.given && !axes.numbers) return std::nullopt;
  const bool all = !axes.given || axes.numbers->empty();
  // None given means all, or none if the node says so: each element is then reduced by itself.
  if (all) return std::vector<bool>(rank, node.integer("noop_with_empty_axes", 0) == 0);
  std::vector<bool> reduced(rank, false);
  for (const std::size_t axis : axes_of(*axes.numbers, rank)) reduced[axis] = true;
  return reduced;
}

/// The shape with the reduced axes as 1, or without them.
Dims reduced_dims(const Dims& dims, const std::vector<bool>& reduced, bool keep) {
  Dims result;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!reduced[i])
      result.push_back(dims[i]);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

template <TypeSet kTypes, std::int64_t kInputSince>
std::vector<ValueInfo> infer_reduction(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kTypes);
  const bool keep = node.integer("keepdims", 1) != 0;
  if (!x.dims) return one_output(x.type, std::nullopt);
  const auto reduced = reduced_axes(node, inputs, x.dims->size(), kInputSince);
  if (!reduced) return one_output(x.type, std::nullopt);
  return one_output(x.type, reduced_dims(*x.dims, *reduced, keep));
}

// ---- How -----------------------------------------------------------------------------------------------
// What the sums of each kind begin with, take in, and become at the end. S is the type of the sums.

struct Sum {
  template <class S>
  static constexpr S kStart{0};
  template <class S>
  static S with(S sum, S x) {
    return wrapping(sum, x, std::plus<>());
  }
  template <class S>
  static S result(S sum, std::size_t) {
    return sum;
  }
};
struct Mean : Sum {
  template <class S>
  static S result(S sum, std::size_t n) {
    return sum / static_cast<S>(n);
  }
};
struct LogSum : Sum {
  template <class S>
  static S result(S sum, std::size_t) {
    return std::log(sum);
  }
};
struct L1 : Sum {
  template <class S>
  static S with(S sum, S x) {
    return Sum::with(sum, magnitude(x));
  }
};
struct SumSquare : Sum {
  template <class S>
  static S with(S sum, S x) {
    return Sum::with(sum, wrapping(x, x, std::multiplies<>()));
  }
};
struct L2 : SumSquare {
  template <class S>
  static S result(S sum, std::size_t) {
    return std::sqrt(sum);
  }
};
struct Product : Sum {
  template <class S>
  static constexpr S kStart{1};
  template <class S>
  static S with(S product, S x) {
    return wrapping(product, x, std::multiplies<>());
  }
};

template <class S>
inline constexpr S kHighest = std::numeric_limits<S>::has_infinity ? std::numeric_limits<S>::infinity()
                                                                   : std::numeric_limits<S>::max();
template <class S>
inline constexpr S kLowest = std::numeric_limits<S>::has_infinity ? -kHighest<S>
                                                                  : std::numeric_limits<S>::lowest();
// A NaN is both the largest and the smallest.
struct Maximum : Sum {
  template <class S>
  static constexpr S kStart = kLowest<S>;
  template <class S>
  static S with(S most, S x) {
    return most >= x || is_nan(most) ? most : x;
  }
};
struct Minimum : Sum {
  template <class S>
  static constexpr S kStart = kHighest<S>;
  template <class S>
  static S with(S least, S x) {
    return least <= x || is_nan(least) ? least : x;
  }
};

/// The type of the sums: fractions are summed in double.
template <class T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, double,
                                 std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;

/// f(index of the sum, element) for every element of x. `sums` is the shape of the sums, reduced axes
/// being 1.
template <class T, class F>
void for_each_summand(const Tensor& x, const Dims& sums, F f) {
  const T* values = x.elements<T>().data();
  for (RowWalk walk(x.dims(), {&sums}); walk; walk.next()) {
    const T* row = values + walk.begin();
    if (walk.step(0) == 0)
      for (std::size_t i = 0; i < walk.size(); ++i) f(walk.from(0), row[i]);
    else
      for (std::size_t i = 0; i < walk.size(); ++i) f(walk.from(0) + i, row[i]);
  }
}

template <std::int64_t kInputSince>
Dims sums_dims(const OperatorCall& call) {
  const Dims& dims = call.inputs[0].dims();
  return reduced_dims(dims, *reduced_axes(call.node, infos_of(call), dims.size(), kInputSince), true);
}

template <TypeSet kCompiled, std::int64_t kInputSince, class Kind>
void compute_reduction(const OperatorCall& call) {
  const Tensor& x = call.inputs[0];
  if (!kCompiled.has(x.type()))
    return compute_as(call, kCompiled, compute_reduction<kCompiled, kInputSince, Kind>, 1);
  const Dims dims = sums_dims<kInputSince>(call);
  visit_among<kCompiled>(x.type(), [&]<class T>(TypeTag<T>) {
    using S = SumOf<T>;
    const std::span<T> y = call.outputs[0].elements<T>();
    std::vector<S> sums(y.size(), Kind::template kStart<S>);
    for_each_summand<T>(x, dims, [&](std::size_t i, T value) {
      sums[i] = Kind::template with<S>(sums[i], static_cast<S>(value));
    });
    const std::size_t n = x.count() / std::max<std::size_t>(y.size(), 1);
    std::ranges::transform(sums, y.begin(), [n](S sum) { return static_cast<T>(Kind::result(sum, n)); });
  });
}

/// log Σ exp x, as m + log Σ exp(x - m) with the largest m of each sum.
template <std::int64_t kInputSince>
void compute_log_sum_exp(const OperatorCall& call) {
  const Tensor& x = call.inputs[0];
  if (!kFullPrecision.has(x.type()))
    return compute_as(call, kFullPrecision, compute_log_sum_exp<kInputSince>, 1);
  const Dims dims = sums_dims<kInputSince>(call);
  visit_among<kFullPrecision>(x.type(), [&]<class T>(TypeTag<T>) {
    const std::span<T> y = call.outputs[0].elements<T>();
    std::vector<double> largest(y.size(), kLowest<double>), sums(y.size(), 0.0);
    for_each_summand<T>(
        x, dims, [&](std::size_t i, T value) { largest[i] = Maximum::with<double>(largest[i], value); });
    for (double& m : largest)
      if (!std::isfinite(m)) m = 0;
    for_each_summand<T>(x, dims,
                        [&](std::size_t i, T value) { sums[i] += std::exp(double{value} - largest[i]); });
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>(largest[i] + std::log(sums[i]));
  });
}

/// The axes have come as an input from opset kInputSince on.
template <class Kind, TypeSet kCompiled, TypeSet kTypes = kSummable, std::int64_t kInputSince = 18>
Operator reduction(std::string_view name) {
  return {name, 1, infer_reduction<kTypes, kInputSince>, compute_reduction<kCompiled, kInputSince, Kind>};
}

}  // namespace

std::span<const Operator> reduce_operators() {
  constexpr TypeSet kOrderedKernels = kFullPrecision | kIntegers | kBoolean;
  static const std::vector<Operator> all{
      reduction<L1, kWide>("ReduceL1"),
      reduction<L2, kFullPrecision>("ReduceL2"),
      reduction<LogSum, kFullPrecision>("ReduceLogSum"),
      {"ReduceLogSumExp", 1, infer_reduction<kSummable, 18>, compute_log_sum_exp<18>},
      reduction<Maximum, kOrderedKernels, kOrdered>("ReduceMax"),
      reduction<Mean, kFullPrecision>("ReduceMean"),
      reduction<Minimum, kOrderedKernels, kOrdered>("ReduceMin"),
      reduction<Product, kWide>("ReduceProd"),
      reduction<Sum, kWide, kSummable, 13>("ReduceSum"),
      reduction<SumSquare, kWide>("ReduceSumSquare"),
  };
  return all;
}

}  // namespace halfwave
