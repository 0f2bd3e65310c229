#include <fmt/format.h>

#include <algorithm>

#include "operators/convolution.h"
#include "operators/type_set.h"

namespace halfwave {
namespace {

/// Checks what Conv and ConvTranspose have in common; the channels of x are axis `in` of the weights.
void check_convolution(Infos inputs) {
  argument_among(inputs, 0, kFloating);
  argument(inputs, 1);
  check_same_type(inputs, 0, 1);
  check_same_type(inputs, 0, 2);
}

std::int64_t groups_of(const OperatorNode& node, const Dims& x, const Dims& weights, bool transposed) {
  const std::int64_t groups = node.integer("group", 1);
  if (x.size() != weights.size())
    throw input_error(
        fmt::format("weights of shape {} do not fit an input of {}", describe(weights), describe(x)));
  const bool fits = groups >= 1 && groups <= kLargestTensor && weights[0] % groups == 0 &&
                    x[1] == (transposed ? weights[0] : weights[1] * groups);
  if (!fits)
    throw input_error(fmt::format("weights of shape {} do not fit an input of {} in {} groups",
                                  describe(weights), describe(x), groups));
  return groups;
}

void check_bias(Infos inputs, std::int64_t channels) {
  if (given(inputs, 2) && inputs[2].dims && *inputs[2].dims != Dims{channels})
    throw input_error(
        fmt::format("the bias has shape {} for {} channels", describe(*inputs[2].dims), channels));
}

void check_kernel(const std::vector<Window>& windows, const Dims& weights) {
  for (std::size_t i = 0; i < windows.size(); ++i)
    if (windows[i].kernel != weights[i + 2])
      throw input_error(fmt::format("kernel_shape is not that of the weights, {}", describe(weights)));
}

/// What the dimensions say; `windows` have the weights' size.
Convolution sized_convolution(std::vector<Window> windows, std::int64_t groups, const Dims& x,
                              const Dims& weights) {
  check_kernel(windows, weights);
  Convolution c;
  c.windows = std::move(windows);
  c.groups = static_cast<std::size_t>(groups);
  c.batch = static_cast<std::size_t>(x[0]);
  c.in_channels = static_cast<std::size_t>(weights[1]);
  c.out_channels = static_cast<std::size_t>(weights[0]) / c.groups;
  return c;
}

Convolution convolution_of(const OperatorNode& node, const Dims& x, const Dims& weights) {
  const std::int64_t groups = groups_of(node, x, weights, false);
  Convolution c =
      sized_convolution(windows_of(node, spatial_dims(x), spatial_dims(weights)), groups, x, weights);
  place_windows(node, c.windows);
  return c;
}

std::vector<ValueInfo> infer_conv(const OperatorNode& node, Infos inputs) {
  check_convolution(inputs);
  if (!inputs[0].dims || !inputs[1].dims) return one_output(inputs[0].type, std::nullopt);
  const Convolution c = convolution_of(node, *inputs[0].dims, *inputs[1].dims);
  Dims dims = {(*inputs[0].dims)[0], (*inputs[1].dims)[0]};
  check_bias(inputs, dims[1]);
  for (const Window& w : c.windows) dims.push_back(w.out);
  return one_output(inputs[0].type, dims);
}

void compute_conv(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type())) return compute_as(call, kFullPrecision, compute_conv);
  if (call.outputs[0].count() == 0) return;
  const Convolution c = convolution_of(call.node, call.inputs[0].dims(), call.inputs[1].dims());
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    convolve<T>(c, call.inputs[0].elements<T>(), call.inputs[1].elements<T>(),
                call.has(2) ? call.inputs[2].elements<T>() : std::span<const T>(),
                call.outputs[0].elements<T>(), call.threads);
  });
}

/// The windows of the convolution that ConvTranspose is the transpose of: from its output to its input.
std::vector<Window> transposed_windows(const OperatorNode& node, const Dims& spatial, const Dims& kernel) {
  std::vector<Window> windows = windows_of(node, spatial, kernel);
  const std::size_t axes = windows.size();
  const std::string automatic = auto_pad_of(node);
  const bool same = automatic.starts_with("SAME");
  const Dims added = node.integers("output_padding", Dims(axes, 0)),
             pads = automatic == "NOTSET" ? node.integers("pads", Dims(2 * axes, 0)) : Dims(2 * axes, 0);
  Dims wanted = node.integers("output_shape");
  if (wanted.size() == axes + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (added.size() != axes || pads.size() != 2 * axes || (!wanted.empty() && wanted.size() != axes))
    throw input_error(fmt::format("output_padding, pads and output_shape must be of {} axes", axes));
  for (std::size_t i = 0; i < axes; ++i) {
    Window& w = windows[i];
    for (const std::int64_t number : {added[i], pads[i], pads[axes + i], wanted.empty() ? 0 : wanted[i]})
      if (number < 0 || number > kLargestTensor)
        throw input_error(fmt::format("output_padding, pads or output_shape cannot be {}", number));
    const std::int64_t places = w.in;
    if (checked_product(places, w.stride) > kLargestTensor || w.extent() > kLargestTensor)
      throw input_error("the output would be too large");
    const std::int64_t full = (places - 1) * w.stride + added[i] + w.extent();
    w.before = pads[i];
    w.after = pads[axes + i];
    if (!wanted.empty() || same) {
      const std::int64_t missing =
          std::max<std::int64_t>(full - (wanted.empty() ? places * w.stride : wanted[i]), 0);
      w.before = automatic == "SAME_UPPER" ? missing / 2 : missing - missing / 2;
      w.after = missing - w.before;
    }
    w.out = places;
    w.in = wanted.empty() ? full - w.before - w.after : wanted[i];
    if (w.in < 0) throw input_error(fmt::format("pads {} and {} leave nothing", w.before, w.after));
  }
  return windows;
}

Convolution transposed_convolution_of(const OperatorNode& node, const Dims& x, const Dims& weights) {
  const std::int64_t groups = groups_of(node, x, weights, true);
  return sized_convolution(transposed_windows(node, spatial_dims(x), spatial_dims(weights)), groups, x,
                           weights);
}

std::vector<ValueInfo> infer_conv_transpose(const OperatorNode& node, Infos inputs) {
  check_convolution(inputs);
  if (!inputs[0].dims || !inputs[1].dims) return one_output(inputs[0].type, std::nullopt);
  const Dims& weights = *inputs[1].dims;
  const Convolution c = transposed_convolution_of(node, *inputs[0].dims, weights);
  Dims dims = {(*inputs[0].dims)[0], checked_product(weights[1], static_cast<std::int64_t>(c.groups))};
  check_bias(inputs, dims[1]);
  for (const Window& w : c.windows) dims.push_back(w.in);
  return one_output(inputs[0].type, dims);
}

void compute_conv_transpose(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_conv_transpose);
  if (call.outputs[0].count() == 0) return;
  const Convolution c = transposed_convolution_of(call.node, call.inputs[0].dims(), call.inputs[1].dims());
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    convolve_transposed<T>(c, call.inputs[0].elements<T>(), call.inputs[1].elements<T>(),
                           call.has(2) ? call.inputs[2].elements<T>() : std::span<const T>(),
                           call.outputs[0].elements<T>(), call.threads);
  });
}

/// As many as weights lead to an output channel: axis 0 of the weights, of the transposed ones axis 1.
double conv_work(const OperatorNode& /*node*/, Infos inputs) {
  const Dims& weights = *inputs[1].dims;
  return static_cast<double>(element_count(weights)) /
         static_cast<double>(std::max<std::int64_t>(weights[0], 1));
}
double conv_transpose_work(const OperatorNode& /*node*/, Infos inputs) {
  const Dims& weights = *inputs[1].dims;
  return static_cast<double>(element_count(weights)) /
         static_cast<double>(std::max<std::int64_t>(weights[1], 1));
}

constexpr Operator kOperators[] = {
    {"Conv", 1, infer_conv, compute_conv, conv_work},
    {"ConvTranspose", 1, infer_conv_transpose, compute_conv_transpose, conv_transpose_work},
};

}  // namespace

std::span<const Operator> convolution_operators() { return kOperators; }

}  // namespace halfwave
