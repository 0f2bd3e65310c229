#pragma once
#include <cmath>
#include <numbers>
#include <span>
#include <tuple>

#include "kernels/activation_kernels.h"

// What one declaration in src/kernels/activations/ gives, in a form that no longer depends on its type.

namespace halfwave {

/// The exact formula, for tests and for the initialisation gain. For Form::per_unit the learned number is the
/// parameter; for Form::doubled the first half of the output; for Form::row nothing (null).
struct ActivationReference {
  long double (*value)(long double x, const float* parameters);
  long double (*slope)(long double x, const float* parameters);
};

struct ActivationDeclaration {
  ActivationInfo info;
  ActivationReference reference;
};

/// Those that the form has; the others are null.
struct ActivationKernels {
  ActivationFunctions pointwise{};
  PerUnitFunctions per_unit{};
  RandomFunctions random{};
  RowFunctions row{};
};

/// One file of declarations, with the kernels for the instruction set that is chosen at the time of the call.
struct ActivationGroup {
  std::span<const ActivationDeclaration> declarations;
  std::span<const ActivationKernels> kernels;  ///< in the same order
};

// The files of src/kernels/activations/.
ActivationGroup rectifiers();
ActivationGroup exponentials();
ActivationGroup gaussians();
ActivationGroup row_wise();

/// All declarations, in alphabetical order, each with its gain.
std::span<const ActivationDeclaration> activation_declarations();

template <class... F>
struct ActivationList {};

/// sqrt(1 / E[f(z)^2]), z standard normal, at the default parameters, by the trapezoidal rule: its error at
/// kinks and jumps is below 1e-3 of the result, and far below where f is smooth.
template <class F>
double initialisation_gain(const float* defaults) {
  constexpr double kStep = 1.0 / 128, kEnd = 10;
  double sum = 0, weights = 0;
  for (double z = -kEnd; z <= kEnd; z += kStep) {
    const double weight = std::exp(-0.5 * z * z), y = F::value(z, defaults);
    sum += weight * y * y;
    weights += weight;
  }
  return std::sqrt(weights / sum);
}

template <class F>
ActivationDeclaration declaration() {
  ActivationDeclaration made{F::info, {}};
  if constexpr (F::info.form != ActivationInfo::Form::row) {
    float defaults[F::info.parameters.size() + 1]{};
    for (std::size_t i = 0; i < F::info.parameters.size(); ++i) defaults[i] = F::info.parameters[i].value;
    made.info.gain = initialisation_gain<F>(defaults);
    made.reference = {&F::template value<long double>, &F::template slope<long double>};
  }
  return made;
}

template <class... F>
std::span<const ActivationDeclaration> declarations(ActivationList<F...>) {
  static const ActivationDeclaration made[] = {declaration<F>()...};
  return made;
}

}  // namespace halfwave
