#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "operators/broadcast.h"
#include "operators/normalisation.h"
#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

// --- LRN: over neighbouring channels (Krizhevsky, Sutskever, Hinton, 2012)

std::vector<ValueInfo> infer_lrn(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = floating_argument(inputs, 0);
  if (node.integer("size", 0) < 1) throw input_error("its size must be one channel at least");
  for (const std::string_view attribute : {"alpha", "beta", "bias"})
    static_cast<void>(node.number(attribute, 0.0f));
  if (data.dims && data.dims->size() < 2)
    throw input_error(fmt::format("{} has no channels", describe(*data.dims)));
  return one_output(data.type, data.dims);
}

template <class T>
void normalise_neighbours(const OperatorCall& call) {
  const Dims& dims = call.inputs[0].dims();
  const auto channels = dims[1];
  const auto places = static_cast<std::size_t>(product(dims, 2, dims.size()));
  const std::int64_t size = call.node.integer("size", 0), below = std::min((size - 1) / 2, channels),
                     above = std::min(size - 1 - (size - 1) / 2, channels);
  const auto alpha = static_cast<T>(call.node.number("alpha", 1e-4f)) / static_cast<T>(size),
             beta = static_cast<T>(call.node.number("beta", 0.75f)),
             bias = static_cast<T>(call.node.number("bias", 1.0f));
  const std::span<const T> x = call.inputs[0].elements<T>();
  const std::span<T> y = call.outputs[0].elements<T>();
  const auto work = static_cast<double>(x.size()) * static_cast<double>(below + above + 20);
  const auto planes = static_cast<std::size_t>(checked_product(dims[0], channels));
  share_work(call.threads, planes, work, [&](Range mine) {
    for (std::size_t plane = mine.begin; plane < mine.end; ++plane) {
      const auto channel = static_cast<std::int64_t>(plane) % channels;
      const auto first = plane - static_cast<std::size_t>(std::min(below, channel));
      const auto last = plane + static_cast<std::size_t>(std::min(above, channels - 1 - channel));
      T* to = y.data() + plane * places;
      for (std::size_t other = first; other <= last; ++other)
        for (std::size_t i = 0; i < places; ++i) to[i] += x[other * places + i] * x[other * places + i];
      for (std::size_t i = 0; i < places; ++i)
        to[i] = x[plane * places + i] * std::pow(bias + alpha * to[i], -beta);
    }
  });
}

void compute_lrn(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type())) return compute_as(call, kFullPrecision, compute_lrn);
  if (call.inputs[0].count() == 0) return;
  visit_among<kFullPrecision>(call.inputs[0].type(),
                              [&]<class T>(TypeTag<T>) { normalise_neighbours<T>(call); });
}

// --- LpNormalization: rows along an axis divided by their norm

std::vector<ValueInfo> infer_lp_normalization(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = floating_argument(inputs, 0);
  const std::int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2) throw input_error(fmt::format("p must be 1 or 2, not {}", p));
  if (data.dims) axis_of(node.integer("axis", -1), data.dims->size());
  return one_output(data.type, data.dims);
}

template <class T>
void divide_by_norms(const OperatorCall& call) {
  const Dims& dims = call.inputs[0].dims();
  const std::size_t axis = axis_of(call.node.integer("axis", -1), dims.size());
  const auto inner = static_cast<std::size_t>(product(dims, axis + 1, dims.size())),
             length = static_cast<std::size_t>(dims[axis]);
  const bool absolute = call.node.integer("p", 2) == 1;
  const std::span<const T> x = call.inputs[0].elements<T>();
  const std::span<T> y = call.outputs[0].elements<T>();
  for (std::size_t row = 0; row < x.size() / length; ++row) {
    const std::size_t first = row / inner * length * inner + row % inner;
    T sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const T element = x[first + i * inner];
      sum += absolute ? std::abs(element) : element * element;
    }
    const T norm = absolute ? sum : std::sqrt(sum);
    for (std::size_t i = 0; i < length; ++i)  // of zeros: zeros
      y[first + i * inner] = norm == T(0) ? T(0) : x[first + i * inner] / norm;
  }
}

void compute_lp_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_lp_normalization);
  if (call.inputs[0].count() == 0) return;
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) { divide_by_norms<T>(call); });
}

// --- MeanVarianceNormalization: (x - mean) / (deviation + 1e-9) over some axes

/// The shape with those axes at 1.
Dims reduced_dims(const OperatorNode& node, const Dims& dims) {
  Dims reduced = dims;
  for (const std::size_t axis : axes_of(node.integers("axes", {0, 2, 3}), dims.size())) reduced[axis] = 1;
  return reduced;
}

std::vector<ValueInfo> infer_mean_variance(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = floating_argument(inputs, 0);
  if (data.dims) reduced_dims(node, *data.dims);
  return one_output(data.type, data.dims);
}

template <class T>
void normalise_axes(const OperatorCall& call) {
  const Dims &dims = call.inputs[0].dims(), reduced = reduced_dims(call.node, dims);
  const std::span<const T> x = call.inputs[0].elements<T>();
  const std::span<T> y = call.outputs[0].elements<T>();
  const auto groups = static_cast<std::size_t>(element_count(reduced));
  const auto count = static_cast<double>(x.size() / groups);
  const auto for_elements = [&](auto&& f) {  // f(element, its group)
    for (RowWalk walk(dims, {&reduced}); walk; walk.next())
      for (std::size_t i = 0; i < walk.size(); ++i) f(walk.begin() + i, walk.from(0) + i * walk.step(0));
  };
  std::vector<double> means(groups, 0.0), deviations(groups, 0.0);
  for_elements([&](std::size_t i, std::size_t group) { means[group] += static_cast<double>(x[i]) / count; });
  for_elements([&](std::size_t i, std::size_t group) {
    const double away = static_cast<double>(x[i]) - means[group];
    deviations[group] += away * away / count;
  });
  for (double& deviation : deviations) deviation = std::sqrt(deviation) + 1e-9;
  for_elements([&](std::size_t i, std::size_t group) {
    y[i] = static_cast<T>((static_cast<double>(x[i]) - means[group]) / deviations[group]);
  });
}

void compute_mean_variance(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_mean_variance);
  if (call.inputs[0].count() == 0) return;
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) { normalise_axes<T>(call); });
}

constexpr Operator kOperators[] = {
    {"LRN", 1, infer_lrn, compute_lrn},
    {"LpNormalization", 1, infer_lp_normalization, compute_lp_normalization},
    {"MeanVarianceNormalization", 9, infer_mean_variance, compute_mean_variance},
};

}  // namespace

std::span<const Operator> axis_normalisation_operators() { return kOperators; }

}  // namespace halfwave
