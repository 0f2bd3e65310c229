#include "kernels/activation_table.h"

#include <fmt/format.h>

#include <cmath>

namespace halfwave {
namespace {

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::string parameters(const ActivationInfo& info) {
  std::vector<std::string> parts;
  for (const ActivationParameter& p : info.parameters) {
    parts.push_back(fmt::format("{} = {:g} ({:g} to {:g}): {}", p.name, p.value, p.low, p.high, p.help));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string properties(const ActivationInfo& info) {
  std::vector<std::string> parts;
  if (info.zero_below) parts.push_back("exact zeros");
  if (info.piecewise_linear) parts.push_back("piecewise linear");
  if (info.monotone) parts.push_back("monotone");
  if (info.saturates) parts.push_back("saturates");
  if (!info.elementwise) parts.push_back("not elementwise");
  parts.push_back(info.backward_from_output ? "backward from the output" : "backward from the input");
  return join(parts);
}

std::string slope(const ActivationInfo& info) {
  std::string text = std::isinf(info.lipschitz) ? "unbounded" : fmt::format("at most {:.4g}", info.lipschitz);
  if (!info.kinks.empty()) text += fmt::format("; {}", info.kinks);
  return text;
}

std::string initialisation(const ActivationInfo& info) {
  constexpr const char* kNames[] = {"He", "LeCun", "Xavier"};
  return fmt::format("{}, gain {:.4g}", kNames[static_cast<int>(info.initialisation)], info.gain);
}

/// A bar ends a cell of a table.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\\|");
  return text;
}

}  // namespace

std::vector<ActivationRow> activation_rows() {
  std::vector<ActivationRow> rows;
  for (const ActivationInfo& info : activations()) {
    rows.push_back({std::string(info.name), std::string(info.formula), parameters(info), properties(info),
                    slope(info), initialisation(info), std::string(info.onnx), std::string(info.source)});
  }
  return rows;
}

std::string activation_table_markdown() {
  std::string text = "| name | formula | parameters | properties | slope | initialisation | source |\n";
  text += "| --- | --- | --- | --- | --- | --- | --- |\n";
  const std::vector<ActivationRow> rows = activation_rows();
  for (const ActivationRow& row : rows) {
    text +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", row.name, cell(row.formula),
                    cell(row.parameters), row.properties, cell(row.slope), row.initialisation, row.source);
  }
  text += "\n| name | ONNX (opset 17) |\n| --- | --- |\n";
  for (const ActivationRow& row : rows) text += fmt::format("| `{}` | `{}` |\n", row.name, row.onnx);
  return text;
}

}  // namespace halfwave
