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
  std::string_view name;     ///< as in --activation
  std::string_view formula;  ///< for people, in plain text
  std::string_view onnx;     ///< its ONNX expression in opset 17, e.g. "Mul(x, Sigmoid(x))"
  std::string_view source;   ///< paper or library that defines it
  std::string_view
      kinks{};  ///< which slope is used where the derivative does not exist; empty if it exists everywhere
  std::span<const ActivationParameter> parameters{};

  /// What it maps to what, which decides the kernels that compute it (src/kernels/activation_kernels.h).
  enum class Form {
    pointwise,  ///< every number by itself
    per_unit,   ///< every number by itself, with one learned number per unit (prelu, brelu)
    random,     ///< every number by itself; training draws a random number for each (rrelu)
    doubled,    ///< n units to 2 n units (crelu)
    row,        ///< every row of units together (softmax)
  } form = Form::pointwise;

  bool elementwise = true;  ///< one number in, one out (not crelu, softmax)
  bool zero_below = false;  ///< exact zeros for a whole range of inputs: its output is worth skipping
  bool piecewise_linear = false;
  bool monotone = false;   ///< non-decreasing at the default parameters
  bool saturates = false;  ///< slope tends to 0 on both sides
  double lipschitz = 1;    ///< the largest |slope| at the default parameters; infinity where unbounded
  bool backward_from_output = false;  ///< the backward pass reads the output; else the input
  double ulp =
      2;  ///< largest error of the forward pass at the default parameters, in units in the last place

  /// Which initialisation keeps the signal's size: its family, and sqrt(1 / E[f(z)^2]) for z standard normal.
  enum class Initialisation { he, lecun, xavier } initialisation = Initialisation::xavier;
  double gain = 1;
};

/// All activations, in alphabetical order.
std::span<const ActivationInfo> activations();

/// By name; throws Error (usage) with the near names.
const ActivationInfo& find_activation(std::string_view name);

}  // namespace halfwave
