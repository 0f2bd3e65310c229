#pragma once
#include <string>
#include <vector>

#include "halfwave/activation.h"

namespace halfwave {

/// One activation in words, for tables of any kind.
struct ActivationRow {
  std::string name, formula, parameters, properties, slope, initialisation, onnx, source;
};

/// In alphabetical order.
std::vector<ActivationRow> activation_rows();

/// The tables of docs/activations.md, which are made of the declarations; a test compares.
std::string activation_table_markdown();

}  // namespace halfwave
