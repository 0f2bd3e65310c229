#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "layers/onnx_expression.h"
#include "recognise/bound_graph.h"

namespace halfwave {

/// A number of a formula, or of a pattern also one that is not known: a field of the layer, by name, to the
/// power 1 or -1, times `value`.
struct FormulaNumber {
  double value = 0.0;
  std::string field{};
  int power = 1;
};

/// What is computed of one value x, number by number, in a form that does not depend on how it is written:
/// products and sums are flat, whatever their nesting and order; division by a number is a product, Relu, Min
/// and Max with numbers are Clip.
struct Formula {
  enum class Kind { x, number, product, sum, clip, operation } kind = Kind::x;
  FormulaNumber number{};  ///< itself; of a product its factor, of a sum its constant, of a clip the least
  FormulaNumber most{};    ///< of a clip
  std::string op{};        ///< of an operation
  std::vector<Formula> parts{};
  std::vector<FormulaNumber> attributes{};  ///< of an operation: those that it has, in a fixed order
};

/// The formula of a layer's ONNX expression, its fields being open numbers. Throws Error (fault) where the
/// expression has operators that no formula has.
Formula formula_of(const OnnxExpression& expression);

/// The formula of a value of the graph in terms of another one, x, made by `nodes` alone; nothing where one
/// of them is not an operator of formulas.
std::optional<Formula> formula_of(const BoundGraph& graph, std::string_view value, std::string_view x,
                                  const std::set<std::size_t>& nodes);

/// The fields that make the pattern the formula, if there are any.
std::optional<std::map<std::string, double>> match(const Formula& pattern, const Formula& formula);

}  // namespace halfwave
