#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "operators/elementwise.h"

namespace halfwave {
namespace {

// ---- Cast ----------------------------------------------------------------------------------------------

/// The type of the attribute `to`: a number of ONNX's, before opset 6 its name.
ElementType wanted_type(const OperatorNode& node) {
  if (!node.has("to")) throw input_error("the attribute 'to' is missing");
  if (node.opset < 6) {
    std::string name = node.text("to", "");
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "float") return ElementType::float32;
    if (name == "double") return ElementType::float64;
    for (int number = 1; number < 32; ++number) {
      const auto type = static_cast<ElementType>(number);
      if (kAnyType.has(type) && type_name(type) == name) return type;
    }
    throw input_error(fmt::format("there are no elements of the type '{}'", node.text("to", "")));
  }
  const std::int64_t number = node.integer("to", 0);
  if (number < 1 || number >= 32 || !kAnyType.has(static_cast<ElementType>(number)))
    throw input_error(fmt::format("elements of ONNX's type {} are not supported", number));
  return static_cast<ElementType>(number);
}

std::vector<ValueInfo> infer_cast(const OperatorNode& node, Infos inputs) {
  return one_output(wanted_type(node), argument(inputs, 0).dims);
}
std::vector<ValueInfo> infer_cast_like(const OperatorNode&, Infos inputs) {
  return one_output(argument(inputs, 1).type, argument(inputs, 0).dims);
}
void compute_cast(const OperatorCall& call) { call.outputs[0] = call.inputs[0].cast(call.outputs[0].type()); }

// ---- Identity, Dropout ---------------------------------------------------------------------------------

std::vector<ValueInfo> infer_identity(const OperatorNode&, Infos inputs) {
  ValueInfo x = argument(inputs, 0);
  x.value = {};
  return {std::move(x)};
}
void compute_identity(const OperatorCall& call) { call.outputs[0] = call.inputs[0]; }

/// Throws where a dropout would draw random numbers.
void check_not_training(bool training, double ratio) {
  if (training && ratio != 0.0)
    throw input_error(
        "it drops at random, as in training: export the model for inference (training_mode false, is_test "
        "1)");
}

/// Before opset 12 the ratio is an attribute, and before 7 it is applied unless is_test is set.
std::vector<ValueInfo> infer_old_dropout(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kFloating);
  check_not_training(node.opset < 7 && node.integer("is_test", 0) == 0, node.number("ratio", 0.5f));
  return {{x.type, x.dims, {}}, {node.opset < 10 ? x.type : ElementType::boolean, x.dims, {}}};
}

std::vector<ValueInfo> infer_dropout(const OperatorNode&, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kFloating);
  if (given(inputs, 1)) argument_among(inputs, 1, kFloating);
  if (given(inputs, 2)) argument_among(inputs, 2, kBoolean);
  check_scalar(inputs, 1);
  check_scalar(inputs, 2);
  return {{x.type, x.dims, {}}, {ElementType::boolean, x.dims, {}}};
}

/// All is kept.
void compute_old_dropout(const OperatorCall& call) {
  if (call.outputs[0]) call.outputs[0] = call.inputs[0];
  if (call.outputs.size() < 2 || !call.outputs[1]) return;
  Tensor kept(ElementType::boolean, call.outputs[1].dims());
  std::ranges::fill(kept.elements<bool>(), true);
  call.outputs[1] = kept.cast(call.outputs[1].type());
}

void compute_dropout(const OperatorCall& call) {
  const double ratio = call.has(1) ? call.inputs[1].cast(ElementType::float64).elements<double>()[0] : 0.5;
  check_not_training(call.has(2) && call.inputs[2].elements<bool>()[0], ratio);
  compute_old_dropout(call);
}

// ---- Clip ----------------------------------------------------------------------------------------------

/// The limits as attributes, before opset 11.
struct ClipToAttributes {
  auto operator()(const OperatorNode& node) const {
    constexpr float kLargest = std::numeric_limits<float>::max();
    return [low = node.number("min", -kLargest), high = node.number("max", kLargest)](auto x) {
      using T = decltype(x);
      return std::min(std::max(x, static_cast<T>(low)), static_cast<T>(high));
    };
  }
};

std::vector<ValueInfo> infer_clip(const OperatorNode&, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kNumbers);
  check_same_type(inputs, 0, 1);
  check_same_type(inputs, 0, 2);
  check_scalar(inputs, 1);
  check_scalar(inputs, 2);
  return one_output(x.type, x.dims);
}

/// Where the limits cross, all is the upper one. A NaN stays one.
void compute_clip(const OperatorCall& call) {
  constexpr TypeSet kKernels = kFullPrecision | kIntegers;
  if (!kKernels.has(call.inputs[0].type())) return compute_as(call, kKernels, compute_clip);
  visit_among<kKernels>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    const T low = call.has(1) ? call.inputs[1].elements<T>()[0] : std::numeric_limits<T>::lowest();
    const T high = call.has(2) ? call.inputs[2].elements<T>()[0] : std::numeric_limits<T>::max();
    const std::span<const T> x = call.inputs[0].elements<T>();
    std::ranges::transform(x, call.outputs[0].elements<T>().begin(),
                           [=](T v) { return std::min(std::max(v, low), high); });
  });
}

}  // namespace

std::span<const Operator> conversion_operators() {
  static const std::vector<Operator> all{
      {"Cast", 1, infer_cast, compute_cast},
      {"CastLike", 15, infer_cast_like, compute_cast},
      map_operator<kFloating, kFullPrecision, ClipToAttributes>("Clip", 1),
      {"Clip", 11, infer_clip, compute_clip},
      {"Dropout", 1, infer_old_dropout, compute_old_dropout},
      {"Dropout", 12, infer_dropout, compute_dropout},
      {"Identity", 1, infer_identity, compute_identity, nullptr, true},
  };
  return all;
}

}  // namespace halfwave
