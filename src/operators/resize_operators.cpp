#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "operators/resampling.h"
#include "operators/type_set.h"

namespace halfwave {
namespace {

/// Which input is which: Resize 10 and Upsample 9 have the scales alone.
struct Places {
  std::size_t roi, scales, sizes;
};
constexpr std::size_t kNone = 99;
Places places_of(const OperatorNode& node) {
  if (node.op == "Resize" && node.opset >= 11) return {1, 2, 3};
  return {kNone, node.op == "Upsample" && node.opset < 9 ? kNone : 1, kNone};
}

template <class Names>
std::string one_of(const OperatorNode& node, std::string_view attribute, std::string_view otherwise,
                   const Names& names) {
  std::string text = node.text(attribute, otherwise);
  if (std::find(std::begin(names), std::end(names), text) == std::end(names))
    throw input_error(fmt::format("{} '{}' is none that is known", attribute, text));
  return text;
}

/// All that does not depend on shapes.
Resampling settings_of(const OperatorNode& node) {
  constexpr std::string_view kModes[] = {"nearest", "linear", "cubic", "bilinear"};
  constexpr std::string_view kCoordinates[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
      "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
  constexpr std::string_view kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  Resampling r;
  const std::string mode = one_of(node, "mode", "nearest", kModes);
  r.mode = mode == "nearest" ? Resampling::Mode::nearest
           : mode == "cubic" ? Resampling::Mode::cubic
                             : Resampling::Mode::linear;
  if (node.op == "Upsample" || node.opset < 11) {
    r.coordinates = "asymmetric";
    r.nearest = "simple";
    return r;
  }
  r.coordinates = one_of(node, "coordinate_transformation_mode", "half_pixel", kCoordinates);
  r.nearest = one_of(node, "nearest_mode", "round_prefer_floor", kNearest);
  r.cubic_a = node.number("cubic_coeff_a", -0.75f);
  r.exclude_outside = node.integer("exclude_outside", 0) != 0;
  r.extrapolation = node.number("extrapolation_value", 0.0f);
  if (node.integer("antialias", 0) != 0) throw input_error("antialias is not known");
  return r;
}

/// An input that is there and not empty; opset 11 leaves one out by giving no numbers.
bool filled(Infos inputs, std::size_t i) {
  return given(inputs, i) && !(inputs[i].dims && *inputs[i].dims == Dims{0});
}

std::vector<float> scales_in(const Tensor& tensor) {
  const Tensor numbers = tensor.cast(ElementType::float32);
  const std::span<const float> elements = numbers.elements<float>();
  return {elements.begin(), elements.end()};
}

/// The axes that scales, sizes and roi are about, in their order.
std::vector<std::size_t> resized_axes(const OperatorNode& node, std::size_t rank) {
  if (node.op == "Resize" && node.opset >= 18 && node.has("axes"))
    return axes_of(node.integers("axes"), rank);
  std::vector<std::size_t> all(rank);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

void check_count(std::size_t numbers, std::size_t axes) {
  if (numbers != axes)
    throw input_error(fmt::format("{} scales or sizes are given for {} axes", numbers, axes));
}

void set_scales(Resampling& r, std::span<const std::size_t> axes, std::span<const float> scales) {
  check_count(scales.size(), axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizedAxis& axis = r.axes[axes[i]];
    axis.scale = scales[i];
    axis.length = scales[i] * static_cast<float>(axis.in);
    const float out = std::floor(axis.length);
    if (!(scales[i] > 0.0f && out <= static_cast<float>(kLargestTensor)))
      throw input_error(fmt::format("axis {} of {} cannot be scaled by {}", axes[i], axis.in, scales[i]));
    axis.out = static_cast<std::int64_t>(out);
  }
}

void set_sizes(const OperatorNode& node, Resampling& r, std::span<const std::size_t> axes,
               std::span<const std::int64_t> sizes) {
  check_count(sizes.size(), axes.size());
  constexpr std::string_view kPolicies[] = {"stretch", "not_larger", "not_smaller"};
  const std::string policy = one_of(node, "keep_aspect_ratio_policy", "stretch", kPolicies);
  float common = 0.0f;  // scale of all axes, where they keep their ratio
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizedAxis& axis = r.axes[axes[i]];
    if (sizes[i] < 0 || sizes[i] > kLargestTensor || (axis.in == 0 && sizes[i] > 0))
      throw input_error(fmt::format("axis {} of {} cannot be resized to {}", axes[i], axis.in, sizes[i]));
    axis.out = sizes[i];
    axis.length = static_cast<float>(axis.out);
    axis.scale = axis.in == 0 ? 1.0f : static_cast<float>(axis.out) / static_cast<float>(axis.in);
    const bool first = i == 0;
    if (policy == "not_larger") common = first ? axis.scale : std::min(common, axis.scale);
    if (policy == "not_smaller") common = first ? axis.scale : std::max(common, axis.scale);
  }
  if (policy == "stretch") return;
  for (const std::size_t i : axes) {
    r.axes[i].scale = common;
    r.axes[i].length = common * static_cast<float>(r.axes[i].in);
    const float out = std::floor(r.axes[i].length + 0.5f);
    if (!(out <= static_cast<float>(kLargestTensor)))
      throw input_error(fmt::format("axis {} cannot be scaled by {}", i, common));
    r.axes[i].out = static_cast<std::int64_t>(out);
  }
}

/// The axes' sizes before and after; nothing where they are not known yet.
std::optional<Resampling> resampling_of(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  Resampling r = settings_of(node);
  const Places at = places_of(node);
  if (!data.dims) return std::nullopt;
  for (const std::int64_t dim : *data.dims) r.axes.push_back({dim, dim, 1.0f, static_cast<float>(dim)});
  const std::vector<std::size_t> axes = resized_axes(node, r.axes.size());
  if (at.scales == kNone) {
    if (!node.has("scales")) throw input_error("the scales are missing");
    set_scales(r, axes, node.numbers("scales"));
  } else if (filled(inputs, at.sizes)) {
    const auto sizes = known_integers(inputs, at.sizes);
    if (!sizes) return std::nullopt;
    set_sizes(node, r, axes, *sizes);
  } else if (filled(inputs, at.scales)) {
    floating_argument(inputs, at.scales);
    if (!inputs[at.scales].value) return std::nullopt;
    set_scales(r, axes, scales_in(inputs[at.scales].value));
  } else {
    throw input_error("neither scales nor sizes are given");
  }
  return r;
}

/// Types: interpolation needs numbers, choosing the nearest does not.
void check_type(const OperatorNode& node, Infos inputs) {
  const bool nearest = settings_of(node).mode == Resampling::Mode::nearest;
  argument_among(inputs, 0, nearest ? kAnyType : kNumbers);
}

std::vector<ValueInfo> infer_resize(const OperatorNode& node, Infos inputs) {
  check_type(node, inputs);
  const auto r = resampling_of(node, inputs);
  if (!r) return one_output(inputs[0].type, std::nullopt);
  Dims dims;
  for (const ResizedAxis& axis : r->axes) dims.push_back(axis.out);
  return one_output(inputs[0].type, dims);
}

/// roi: the first ends of all axes, then the last ones, as parts of their lengths.
void set_region(const OperatorCall& call, Resampling& r) {
  if (r.coordinates != "tf_crop_and_resize") return;
  const std::vector<std::size_t> axes = resized_axes(call.node, r.axes.size());
  if (!call.has(1)) throw input_error("roi is missing");
  const std::vector<float> region = scales_in(call.inputs[1]);
  if (region.size() != 2 * axes.size())
    throw input_error(fmt::format("roi has {} numbers for {} axes", region.size(), axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    r.axes[axes[i]].first = region[i];
    r.axes[axes[i]].last = region[axes.size() + i];
  }
}

void compute_resize(const OperatorCall& call) {
  Resampling r = *resampling_of(call.node, infos_of(call));
  set_region(call, r);
  const ElementType own = call.outputs[0].type(), computed = computed_type(own, kFullPrecision);
  if (r.mode == Resampling::Mode::nearest || own == computed)
    return resample(r, call.inputs[0], call.outputs[0], call.threads);
  Tensor y(computed, call.outputs[0].dims());
  resample(r, call.inputs[0].cast(computed), y, call.threads);
  call.outputs[0] = y.cast(own);
}

constexpr Operator kOperators[] = {
    {"Resize", 10, infer_resize, compute_resize},
    {"Upsample", 7, infer_resize, compute_resize},
};

}  // namespace

std::span<const Operator> resize_operators() { return kOperators; }

}  // namespace halfwave
