#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// A layer's ONNX expression, or a part of it, e.g. "Mul(x, Sigmoid(Mul(beta, x)))". docs/onnx.md has the
/// grammar.
struct OnnxExpression {
  struct Attribute {
    std::string name, value;  ///< value: a number or a name
  };

  std::string text;  ///< an operator, a name or a number
  bool is_operation = false;
  std::vector<OnnxExpression> arguments;  ///< operations: their inputs …
  std::vector<Attribute> attributes;      ///< … and attributes
};

/// Throws Error (fault) that names the place: expressions are part of Halfwave, not of its input.
OnnxExpression parse_onnx_expression(std::string_view text);

/// The value of a text that is a number and nothing else.
std::optional<double> parse_number(std::string_view text);

}  // namespace halfwave
