#include <fmt/format.h>

#include <cmath>

#include "operators/moves.h"
#include "operators/normalisation.h"
#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

// LayerNormalization (https://arxiv.org/abs/1607.06450) and RMSNormalization
// (https://arxiv.org/abs/1910.07467): rows are all axes from one on.

/// Dimensions of a row.
Dims row_dims(const OperatorNode& node, const Dims& dims) {
  const std::size_t axis = axis_of(node.integer("axis", -1), dims.size());
  return {dims.begin() + static_cast<std::ptrdiff_t>(axis), dims.end()};
}

void check_parameter(Infos inputs, std::size_t i, const std::optional<Dims>& row) {
  const ValueInfo& info = floating_argument(inputs, i);
  if (!row || !info.dims) return;
  if (info.dims->size() > row->size() || broadcast_dims(*info.dims, *row) != *row)
    throw input_error(
        fmt::format("input {} has shape {} for rows of {}", i + 1, describe(*info.dims), describe(*row)));
}

/// The type of the statistics: attribute stash_type, float32 or bfloat16 or float64.
ElementType statistics_type(const OperatorNode& node) {
  const std::int64_t number = node.integer("stash_type", 1);
  for (const ElementType type :
       {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16})
    if (number == static_cast<std::int64_t>(type)) return type;
  throw input_error(fmt::format("stash_type {} is no floating-point type", number));
}

std::vector<ValueInfo> infer_rows(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = floating_argument(inputs, 0);
  static_cast<void>(node.number("epsilon", 1e-5f));
  std::optional<Dims> row, statistics;
  if (data.dims) {
    row = row_dims(node, *data.dims);
    statistics = data.dims;
    std::fill(statistics->end() - std::ssize(*row), statistics->end(), 1);
  }
  check_parameter(inputs, 1, row);
  if (given(inputs, 2)) check_parameter(inputs, 2, row);
  const ElementType type = statistics_type(node);
  return {{data.type, data.dims, {}}, {type, statistics, {}}, {type, statistics, {}}};
}

std::vector<ValueInfo> infer_rms(const OperatorNode& node, Infos inputs) {
  std::vector<ValueInfo> outputs =
      infer_rows(node, inputs.subspan(0, std::min<std::size_t>(inputs.size(), 2)));
  outputs.resize(1);
  return outputs;
}

/// A parameter stretched to a row.
template <class T>
Tensor stretched(const Tensor& parameter, const Dims& row) {
  Tensor full(kTypeOf<T>, row);
  stretch_elements(parameter.cast(kTypeOf<T>), full);
  return full;
}

template <class T>
void normalise_rows(const OperatorCall& call, bool centred) {
  const Dims dims = row_dims(call.node, call.inputs[0].dims());
  const auto length = static_cast<std::size_t>(product(dims, 0, dims.size()));
  const std::span<const T> x = call.inputs[0].elements<T>();
  if (x.empty()) return;
  const Tensor scales = stretched<T>(call.inputs[1], dims), biases = centred && call.has(2)
                                                                         ? stretched<T>(call.inputs[2], dims)
                                                                         : Tensor(kTypeOf<T>, dims);
  const std::span<const T> scale = scales.elements<T>(), bias = biases.template elements<T>();
  const auto wanted = [&](std::size_t i) { return call.outputs.size() > i && call.outputs[i]; };
  const std::size_t rows = x.size() / length;
  Tensor means(kTypeOf<T>, {static_cast<std::int64_t>(rows)}), inverses = Tensor(means.type(), means.dims());
  const std::span<T> mean = means.elements<T>(), inverse = inverses.elements<T>(),
                     y = wanted(0) ? call.outputs[0].elements<T>() : std::span<T>();
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5f));
  share_work(call.threads, rows, 5.0 * static_cast<double>(x.size()), [&](Range mine) {
    for (std::size_t row = mine.begin; row < mine.end; ++row) {
      const T* from = x.data() + row * length;
      const Moments m = moments_of(from, length, centred);
      mean[row] = static_cast<T>(m.mean);
      inverse[row] = static_cast<T>(1.0 / std::sqrt(m.variance + epsilon));
      for (std::size_t i = 0; i < length && !y.empty(); ++i)
        y[row * length + i] = (from[i] - mean[row]) * inverse[row] * scale[i] + bias[i];
    }
  });
  if (wanted(1)) call.outputs[1] = means.reshaped(call.outputs[1].dims()).cast(call.outputs[1].type());
  if (wanted(2)) call.outputs[2] = inverses.reshaped(call.outputs[2].dims()).cast(call.outputs[2].type());
}

void compute_layer_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_layer_normalization);
  visit_among<kFullPrecision>(call.inputs[0].type(),
                              [&]<class T>(TypeTag<T>) { normalise_rows<T>(call, true); });
}
void compute_rms_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_rms_normalization);
  visit_among<kFullPrecision>(call.inputs[0].type(),
                              [&]<class T>(TypeTag<T>) { normalise_rows<T>(call, false); });
}

constexpr Operator kOperators[] = {
    {"LayerNormalization", 17, infer_rows, compute_layer_normalization},
    {"RMSNormalization", 23, infer_rms, compute_rms_normalization},
};

}  // namespace

std::span<const Operator> row_normalisation_operators() { return kOperators; }

}  // namespace halfwave
