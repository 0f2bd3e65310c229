#pragma once
#include <span>
#include <string_view>

namespace halfwave {

/// A number that shapes an activation, such as leaky_relu's slope.
struct ActivationParameter {
  std::string_view name;
  float value;      ///< default
  float low, high;  ///< allowed range, both ends included
  std::string_view help;
};

/// What is known of an activation; made from its one declaration in src/kernels/activations/.
struct ActivationInfo {
  std::string_view name;      ///< as in --activation
  std::string_view formula;   ///< for people, in plain text
  std::string_view onnx;      ///< its ONNX expression in opset 17, e.g. "Mul(x, Sigmoid(x))"
  std::string_view source;    ///< paper or library that defines it
  std::span<const ActivationParameter> parameters;

  bool elementwise;         ///< one number in, one out (not crelu, softmax); prelu and brelu learn a number per unit
  bool zero_below;          ///< exact zeros for a whole range of inputs: its output is worth skipping
  bool piecewise_linear;
  bool monotone;            ///< non-decreasing at the default parameters
  bool saturates;           ///< slope tends to 0 on both sides
  double lipschitz;         ///< the largest |slope| at the default parameters; infinity where unbounded
  bool backward_from_output;  ///< the backward pass reads the output; else the input

  /// Which initialisation keeps the signal's size: its family, and sqrt(1 / E[f(z)^2]) for z standard normal.
  enum class Initialisation { he, lecun, xavier } initialisation;
  double gain;
};

/// All activations, in alphabetical order.
std::span<const ActivationInfo> activations();

/// By name; throws Error (usage) with the near names.
const ActivationInfo& find_activation(std::string_view name);

}  // namespace halfwave
