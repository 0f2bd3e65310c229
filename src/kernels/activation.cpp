#include "halfwave/activation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/suggest.h"
#include "halfwave/error.h"
#include "kernels/activation_declaration.h"

namespace halfwave {
namespace {

constexpr ActivationGroup (*kGroups[])() = {&rectifiers, &exponentials, &gaussians, &row_wise};

ActivationKernels kernels_for(const ActivationInfo& info) {
  for (const auto group : kGroups) {
    const auto [declarations, kernels] = group();
    for (std::size_t i = 0; i < declarations.size(); ++i) {
      if (declarations[i].info.name == info.name) return kernels[i];
    }
  }
  throw Error(ErrorKind::fault, "activation '" + std::string(info.name) + "' is not declared");
}

template <class Functions>
Functions checked(const ActivationInfo& info, Functions functions) {
  if (functions.forward) return functions;
  throw Error(ErrorKind::fault, "activation '" + std::string(info.name) + "' has no kernels of this form");
}

}  // namespace

std::span<const ActivationDeclaration> activation_declarations() {
  static const std::vector<ActivationDeclaration> all = [] {
    std::vector<ActivationDeclaration> list;
    for (const auto group : kGroups) {
      const auto declarations = group().declarations;
      list.insert(list.end(), declarations.begin(), declarations.end());
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.info.name < b.info.name; });
    return list;
  }();
  return all;
}

std::span<const ActivationInfo> activations() {
  static const std::vector<ActivationInfo> all = [] {
    std::vector<ActivationInfo> list;
    for (const ActivationDeclaration& declaration : activation_declarations())
      list.push_back(declaration.info);
    return list;
  }();
  return all;
}

const ActivationInfo& find_activation(std::string_view name) {
  std::vector<std::string> names;
  for (const ActivationInfo& info : activations()) {
    if (info.name == name) return info;
    names.emplace_back(info.name);
  }
  throw usage_error("unknown activation '" + std::string(name) + "'." + did_you_mean(name, names) +
                    " 'halfwave list activations' shows all of them.");
}

ActivationFunctions activation_functions(const ActivationInfo& info) {
  return checked(info, kernels_for(info).pointwise);
}
PerUnitFunctions per_unit_functions(const ActivationInfo& info) {
  return checked(info, kernels_for(info).per_unit);
}
RandomFunctions random_functions(const ActivationInfo& info) {
  return checked(info, kernels_for(info).random);
}
RowFunctions row_functions(const ActivationInfo& info) { return checked(info, kernels_for(info).row); }

bool flat_where_zero(const ActivationInfo& info, const float* parameters) {
  const auto declared = std::ranges::find_if(
      activation_declarations(), [&](const ActivationDeclaration& d) { return d.info.name == info.name; });
  if (declared == activation_declarations().end() || !declared->reference.value) return false;
  // A zero with a slope, or a change of sign between two points of the grid, where there must be one.
  constexpr long double kEnd = 64, kStep = 1.0L / 64;
  long double sign = 0;
  for (long double x = -kEnd; x <= kEnd; x += kStep) {
    const long double y = declared->reference.value(x, parameters);
    if (y == 0) {
      if (declared->reference.slope(x, parameters) != 0) return false;
      sign = 0;
    } else if (sign * y < 0) {
      return false;
    } else {
      sign = y;
    }
  }
  return true;
}

}  // namespace halfwave
