#include "recognise/formula.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfwave {
namespace {

using Kind = Formula::Kind;
using Bindings = std::map<std::string, double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The operators that are themselves in a formula, with the defaults of the attributes that they have.
struct KnownOperation {
  std::string_view op;
  std::vector<std::pair<std::string_view, double>> attributes;
};
const KnownOperation* find_operation(std::string_view op) {
  static const std::vector<KnownOperation> all{
      {"Abs", {}},
      {"Celu", {{"alpha", 1.0}}},
      {"Concat", {}},
      {"Div", {}},
      {"Elu", {{"alpha", 1.0}}},
      {"Erf", {}},
      {"Exp", {}},
      {"Gelu", {}},
      {"GeluTanh", {}},
      {"Greater", {}},
      {"GreaterOrEqual", {}},
      {"HardSigmoid", {{"alpha", 0.2}, {"beta", 0.5}}},
      {"HardSwish", {}},
      {"LeakyRelu", {{"alpha", 0.01}}},
      {"Less", {}},
      {"LessOrEqual", {}},
      {"Log", {}},
      {"Max", {}},
      {"Min", {}},
      {"Mish", {}},
      {"Reciprocal", {}},
      {"Selu", {{"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}}},
      {"Shrink", {{"lambd", 0.5}, {"bias", 0.0}}},
      {"Sigmoid", {}},
      {"Softplus", {}},
      {"Softsign", {}},
      {"Sqrt", {}},
      {"Swish", {{"alpha", 1.0}}},
      {"Tanh", {}},
      {"ThresholdedRelu", {{"alpha", 1.0}}},
      {"Where", {}}};
  const auto found = std::ranges::find(all, op, &KnownOperation::op);
  return found == all.end() ? nullptr : &*found;
}

bool is_commutative(std::string_view op) { return op == "Max" || op == "Min"; }

Formula number(double value) { return {.kind = Kind::number, .number = {.value = value}}; }
bool is_number(const Formula& f) { return f.kind == Kind::number; }
bool is_plain_number(const Formula& f) { return is_number(f) && f.number.field.empty(); }

/// a · b; of fields at most one.
FormulaNumber times(const FormulaNumber& a, const FormulaNumber& b) {
  const FormulaNumber& with_field = a.field.empty() ? b : a;
  return {a.value * b.value, with_field.field, with_field.power};
}
/// a + b; a field only where the other one is zero.
FormulaNumber plus(const FormulaNumber& a, const FormulaNumber& b) {
  const FormulaNumber& with_field = a.field.empty() ? b : a;
  return {with_field.field.empty() ? a.value + b.value : with_field.value, with_field.field,
          with_field.power};
}

Formula product(std::vector<Formula> factors) {
  Formula made{.kind = Kind::product, .number = {.value = 1.0}};
  for (Formula& f : factors) {
    if (is_number(f) || f.kind == Kind::product) made.number = times(made.number, f.number);
    if (f.kind == Kind::product)
      std::ranges::move(f.parts, std::back_inserter(made.parts));
    else if (!is_number(f))
      made.parts.push_back(std::move(f));
  }
  if (made.parts.empty()) made.kind = Kind::number;
  if (made.parts.size() == 1 && made.number.field.empty() && made.number.value == 1.0)
    return Formula(std::move(made.parts[0]));
  return made;
}

Formula sum(std::vector<Formula> terms) {
  Formula made{.kind = Kind::sum, .number = {.value = 0.0}};
  for (Formula& f : terms) {
    if (is_number(f) || f.kind == Kind::sum) made.number = plus(made.number, f.number);
    if (f.kind == Kind::sum)
      std::ranges::move(f.parts, std::back_inserter(made.parts));
    else if (!is_number(f))
      made.parts.push_back(std::move(f));
  }
  if (made.parts.empty()) made.kind = Kind::number;
  if (made.parts.size() == 1 && made.number.field.empty() && made.number.value == 0.0)
    return Formula(std::move(made.parts[0]));
  return made;
}

Formula clip(Formula of, const FormulaNumber& least, const FormulaNumber& most) {
  const bool plain = least.field.empty() && most.field.empty();
  if (of.kind == Kind::clip && plain && of.number.field.empty() && of.most.field.empty()) {
    of.number.value = std::clamp(of.number.value, least.value, most.value);
    of.most.value = std::clamp(of.most.value, least.value, most.value);
    return of;
  }
  Formula made{.kind = Kind::clip, .number = least, .most = most};
  made.parts.push_back(std::move(of));
  return made;
}

Formula inverse(const Formula& f) {
  Formula made = f;
  made.number = {1.0 / f.number.value, f.number.field, -f.number.power};
  return made;
}

/// The formula of an operator, given those of its inputs; nothing where it has none. An empty `least` or
/// `most` of a Clip is no limit.
std::optional<Formula> operation(std::string_view op, std::vector<Formula> in) {
  const auto two_with_number = [&] { return in.size() == 2 && is_number(in[0]) != is_number(in[1]); };
  if (op == "Identity" && in.size() == 1) return std::move(in[0]);
  if (op == "Mul") return product(std::move(in));
  if (op == "Add" || op == "Sum") return sum(std::move(in));
  if (op == "Neg" && in.size() == 1) return product({number(-1.0), std::move(in[0])});
  if (op == "Relu" && in.size() == 1) return clip(std::move(in[0]), {.value = 0.0}, {.value = kInfinity});
  if (op == "Sub" && in.size() == 2)
    return sum({std::move(in[0]), product({number(-1.0), std::move(in[1])})});
  if (op == "Div" && in.size() == 2 && is_number(in[1])) return product({std::move(in[0]), inverse(in[1])});
  if (op == "Pow" && in.size() == 2) {
    if (!is_plain_number(in[1])) return std::nullopt;
    if (in[1].number.value == 2.0) return product({in[0], in[0]});
    if (in[1].number.value == 3.0) return product({in[0], in[0], in[0]});
    return std::nullopt;
  }
  if (op == "Clip") {
    if (in.size() != 3 || !is_number(in[1]) || !is_number(in[2])) return std::nullopt;
    return clip(std::move(in[0]), in[1].number, in[2].number);
  }
  if ((op == "Max" || op == "Min") && two_with_number()) {
    const std::size_t n = is_number(in[0]) ? 0 : 1;
    const FormulaNumber limit = in[n].number;
    return op == "Max" ? clip(std::move(in[1 - n]), limit, {.value = kInfinity})
                       : clip(std::move(in[1 - n]), {.value = -kInfinity}, limit);
  }
  if (!find_operation(op)) return std::nullopt;
  Formula made{.kind = Kind::operation};
  made.op = op;
  made.parts = std::move(in);
  return made;
}

/// Formulas of a graph's values, by name.
class Reader {
 public:
  Reader(const BoundGraph& graph, std::string_view x, const std::set<std::size_t>& nodes)
      : graph_(graph), x_(x), nodes_(nodes) {}

  std::optional<Formula> value(std::string_view name) const {
    if (name == x_) return Formula{};
    if (const Tensor* constant = graph_.constant(name)) return scalar(*constant);
    const std::size_t producer = graph_.producer(name);
    return nodes_.contains(producer) ? node(graph_.node(producer)) : std::nullopt;
  }

 private:
  /// One number, that does not make the result larger than x.
  static std::optional<Formula> scalar(const Tensor& constant) {
    if (constant.count() != 1 || constant.type() == ElementType::text) return std::nullopt;
    return number(constant.cast(ElementType::float64).elements<double>()[0]);
  }

  std::optional<Formula> node(const OperatorNode& node) const {
    constexpr int kLargest = 200;  // a value that is taken twice counts twice
    if (++steps_ > kLargest) return std::nullopt;
    std::string op = node.op;
    if (op == "Gelu" && node.text("approximate", "none") == "tanh") op = "GeluTanh";
    if (op == "Cast" && graph_.keeps_numbers(node)) op = "Identity";
    if (!node.domain.empty()) return std::nullopt;
    std::vector<Formula> in;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      std::optional<Formula> part = node.inputs[i].empty() ? no_limit(op, i) : value(node.inputs[i]);
      if (!part) return std::nullopt;
      in.push_back(std::move(*part));
    }
    if (op == "Clip") {
      const auto limits = std::numeric_limits<float>::max();
      if (in.size() == 1 && node.opset < 11) {
        in.push_back(number(node.number("min", -limits)));
        in.push_back(number(node.number("max", limits)));
      }
      while (in.size() < 3) in.push_back(*no_limit(op, in.size()));
      for (const std::size_t i : {std::size_t{1}, std::size_t{2}})  // the largest number is no limit either
        if (std::fabs(in[i].number.value) >= static_cast<double>(limits))
          in[i].number.value = std::copysign(kInfinity, in[i].number.value);
    }
    std::optional<Formula> made = operation(op, std::move(in));
    if (made && made->kind == Kind::operation && made->op == op && made->attributes.empty())
      if (const KnownOperation* known = find_operation(op))
        for (const auto& [name, otherwise] : known->attributes)
          made->attributes.push_back({.value = node.has(name) ? double{node.number(name, 0.0f)} : otherwise});
    return made;
  }

  static std::optional<Formula> no_limit(std::string_view op, std::size_t input) {
    return op == "Clip" ? std::optional(number(input == 1 ? -kInfinity : kInfinity)) : std::nullopt;
  }

  const BoundGraph& graph_;
  std::string_view x_;
  const std::set<std::size_t>& nodes_;
  mutable int steps_ = 0;
};

/// Equal but for rounding to float, in a few steps.
bool close(double a, double b) {
  return a == b || (std::isfinite(a) && std::isfinite(b) &&
                    std::fabs(a - b) <= 1e-6 * std::max(std::fabs(a), std::fabs(b)));
}

bool match_number(const FormulaNumber& pattern, const FormulaNumber& number, Bindings& bindings) {
  if (pattern.field.empty()) return close(pattern.value, number.value);
  const double value = pattern.power > 0 ? number.value / pattern.value : pattern.value / number.value;
  const auto [bound, is_new] = bindings.try_emplace(pattern.field, value);
  return is_new || close(bound->second, value);
}

bool match_formula(const Formula& pattern, const Formula& formula, Bindings& bindings);

/// Whether the parts can be matched in some order from number i on.
bool match_any_order(const std::vector<Formula>& patterns, const std::vector<Formula>& parts, std::size_t i,
                     std::vector<bool>& taken, Bindings& bindings) {
  if (i == patterns.size()) return true;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (taken[k]) continue;
    Bindings with = bindings;
    if (!match_formula(patterns[i], parts[k], with)) continue;
    taken[k] = true;
    if (match_any_order(patterns, parts, i + 1, taken, with)) {
      bindings = std::move(with);
      return true;
    }
    taken[k] = false;
  }
  return false;
}

bool match_parts(const Formula& pattern, const std::vector<Formula>& parts, bool any_order,
                 Bindings& bindings) {
  if (pattern.parts.size() != parts.size()) return false;
  if (any_order) {
    std::vector<bool> taken(parts.size(), false);
    return match_any_order(pattern.parts, parts, 0, taken, bindings);
  }
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!match_formula(pattern.parts[i], parts[i], bindings)) return false;
  return true;
}

bool match_formula(const Formula& pattern, const Formula& formula, Bindings& bindings) {
  switch (pattern.kind) {
    case Kind::x:
      return formula.kind == Kind::x;
    case Kind::number:
      return is_number(formula) && match_number(pattern.number, formula.number, bindings);
    case Kind::product: {
      if (is_number(formula)) return false;
      // x is 1 · x where the factor is open.
      if (formula.kind != Kind::product)
        return pattern.parts.size() == 1 && match_number(pattern.number, {.value = 1.0}, bindings) &&
               match_formula(pattern.parts[0], formula, bindings);
      return match_number(pattern.number, formula.number, bindings) &&
             match_parts(pattern, formula.parts, true, bindings);
    }
    case Kind::sum:
      return formula.kind == Kind::sum && match_number(pattern.number, formula.number, bindings) &&
             match_parts(pattern, formula.parts, true, bindings);
    case Kind::clip:
      return formula.kind == Kind::clip && match_number(pattern.number, formula.number, bindings) &&
             match_number(pattern.most, formula.most, bindings) &&
             match_formula(pattern.parts[0], formula.parts[0], bindings);
    case Kind::operation:
      if (formula.kind != Kind::operation || formula.op != pattern.op ||
          formula.attributes.size() != pattern.attributes.size())
        return false;
      for (std::size_t i = 0; i < formula.attributes.size(); ++i)
        if (!match_number(pattern.attributes[i], formula.attributes[i], bindings)) return false;
      return match_parts(pattern, formula.parts, is_commutative(formula.op), bindings);
  }
  return false;
}

FormulaNumber open_number(const std::string& text) {
  if (const std::optional<double> value = parse_number(text)) return {.value = *value};
  return {.value = 1.0, .field = text};
}

}  // namespace

Formula formula_of(const OnnxExpression& expression) {
  if (!expression.is_operation)
    return expression.text == "x" ? Formula{}
                                  : Formula{.kind = Kind::number, .number = open_number(expression.text)};
  std::vector<Formula> in;
  for (const OnnxExpression& argument : expression.arguments) in.push_back(formula_of(argument));
  std::optional<Formula> made = operation(expression.text, std::move(in));
  if (!made)
    throw Error(ErrorKind::fault, fmt::format("ONNX expression: '{}' has no formula", expression.text));
  if (made->kind == Kind::operation && made->op == expression.text && made->attributes.empty())
    for (const auto& [name, otherwise] : find_operation(expression.text)->attributes) {
      const auto found = std::ranges::find(expression.attributes, name, &OnnxExpression::Attribute::name);
      made->attributes.push_back(found == expression.attributes.end() ? FormulaNumber{.value = otherwise}
                                                                      : open_number(found->value));
    }
  return made.value();
}

std::optional<Formula> formula_of(const BoundGraph& graph, std::string_view value, std::string_view x,
                                  const std::set<std::size_t>& nodes) {
  return Reader(graph, x, nodes).value(value);
}

std::optional<std::map<std::string, double>> match(const Formula& pattern, const Formula& formula) {
  Bindings bindings;
  if (!match_formula(pattern, formula, bindings)) return std::nullopt;
  return bindings;
}

}  // namespace halfwave
