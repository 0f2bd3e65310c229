#include "recognise/activations.h"

#include <fmt/format.h>
#include <halfwave/activation.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "layers/registry.h"
#include "recognise/formula.h"

namespace halfwave {
namespace {

/// How other programs write an activation, where it is more than another order of the same operators.
struct OtherForm {
  std::string_view activation, onnx;
};
constexpr OtherForm kOtherForms[] = {
    {"gelu", "Gelu(x)"},
    {"gelu_tanh", "GeluTanh(x)"},
    {"hardsigmoid", "Mul(Clip(Add(x, 3), 0, 6), 0.16666666666666667)"},
    {"hardsigmoid", "Clip(Add(Mul(x, alpha), beta), 0, 1)"},
    {"hardswish", "Mul(x, HardSigmoid(x, alpha=0.16666666666666667, beta=0.5))"},
    {"hardswish", "Mul(Mul(x, 0.16666666666666667), Clip(Add(x, 3), 0, 6))"},
    {"leaky_relu", "Max(x, Mul(slope, x))"},
    {"leaky_relu", "Where(Greater(x, 0), x, Mul(slope, x))"},
    {"log_sigmoid", "Log(Sigmoid(x))"},
    {"mish", "Mish(x)"},
    {"silu", "Swish(x)"},
    {"softplus", "Log(Add(1, Exp(x)))"},
    {"softplus", "Where(Greater(Mul(x, beta), threshold), x, Div(Softplus(Mul(x, beta)), beta))"},
    {"softsign", "Div(x, Add(1, Abs(x)))"},
    {"swish", "Swish(x, alpha=beta)"},
    {"threshold", "Where(LessOrEqual(x, threshold), value, x)"},
};

struct Pattern {
  const LayerInfo* kind;
  Formula formula;
  bool limits_slope;  ///< holds for slopes up to 1 only
};

bool has_pattern(const ActivationInfo& activation) {
  using Form = ActivationInfo::Form;
  return activation.name != "identity" &&
         (activation.form == Form::pointwise || activation.form == Form::doubled);
}

/// Of the activations' own expressions first; those with fewer open numbers first.
const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = [] {
    std::vector<Pattern> made;
    const auto add = [&](std::string_view name, std::string_view onnx) {
      made.push_back(
          {find_layer_kind(name), formula_of(parse_onnx_expression(onnx)), onnx.starts_with("Max")});
    };
    for (const ActivationInfo& activation : activations())
      if (has_pattern(activation)) add(activation.name, activation.onnx);
    for (const OtherForm& form : kOtherForms) add(form.activation, form.onnx);
    std::ranges::stable_sort(
        made, {}, [](const Pattern& p) { return find_activation(p.kind->name).parameters.size(); });
    return made;
  }();
  return all;
}

/// The layer's fields with what a match has found, or nothing where one is out of its range.
std::optional<std::vector<double>> fields_of(const LayerInfo& kind,
                                             const std::map<std::string, double>& found) {
  std::vector<double> fields;
  for (const LayerField& field : kind.fields) {
    const auto value = found.find(std::string(field.name));
    fields.push_back(value == found.end() ? field.value : as_written(static_cast<float>(value->second)));
    if (!(fields.back() >= field.low && fields.back() <= field.high)) return std::nullopt;
  }
  return fields;
}

/// Groups of nodes that end with one node and take a single value, from small to large.
class Groups {
 public:
  Groups(const BoundGraph& graph, std::size_t last) : graph_(graph), nodes_{last} { open(last); }

  const std::set<std::size_t>& nodes() const { return nodes_; }
  const std::string* x() const { return taken_.size() == 1 ? &*taken_.begin() : nullptr; }

  /// Takes in the node that makes the latest of the values that the group takes; false where that is used
  /// elsewhere too, or made by no node, or there are enough nodes.
  bool grow() {
    constexpr std::size_t kLargest = 16;
    const std::string* latest = nullptr;
    std::size_t producer = 0;
    for (const std::string& value : taken_) {
      const std::size_t p = graph_.producer(value);
      if (p < graph_.graph().nodes.size() && (!latest || p > producer)) {
        latest = &value;
        producer = p;
      }
    }
    if (!latest || nodes_.size() == kLargest || graph_.is_result(*latest) ||
        uses_[*latest] < graph_.users(*latest))
      return false;
    taken_.erase(std::string(*latest));
    nodes_.insert(producer);
    open(producer);
    return true;
  }

 private:
  void open(std::size_t node) {
    for (const std::string& input : graph_.node(node).inputs) {
      if (!graph_.is_data(input)) continue;
      ++uses_[input];
      taken_.insert(input);
    }
  }

  const BoundGraph& graph_;
  std::set<std::size_t> nodes_;
  std::set<std::string> taken_;
  std::map<std::string, std::size_t> uses_;  ///< within the group
};

/// All values between x and the result are of x's shape; the result may have twice the channels.
bool keeps_shape(const BoundGraph& graph, const Groups& group, std::size_t last) {
  const auto& dims = graph.info(*group.x()).dims;
  return dims && std::ranges::all_of(group.nodes(), [&](std::size_t node) {
           return node == last || graph.info(graph.node(node).outputs[0]).dims == dims;
         });
}

std::optional<FoundLayer> activation_of(const BoundGraph& graph, const Groups& group, std::size_t last,
                                        const Formula& formula) {
  if (!keeps_shape(graph, group, last)) return std::nullopt;
  for (const Pattern& pattern : patterns()) {
    const auto found = match(pattern.formula, formula);
    if (!found) continue;
    const auto fields = fields_of(*pattern.kind, *found);
    if (!fields || (pattern.limits_slope && fields->at(0) > 1.0)) continue;
    return FoundLayer{pattern.kind, *fields, group.nodes(), *group.x(), 0};
  }
  return std::nullopt;
}

std::optional<FoundLayer> activation_ending_with(const BoundGraph& graph, std::size_t last) {
  std::optional<FoundLayer> largest;
  Groups group(graph, last);
  do {
    if (!group.x()) continue;
    const auto formula = formula_of(graph, graph.node(last).outputs[0], *group.x(), group.nodes());
    if (!formula) break;  // more nodes do not change that
    if (auto found = activation_of(graph, group, last, *formula)) largest = std::move(found);
  } while (group.grow());
  return largest;
}

}  // namespace

std::map<std::size_t, FoundLayer> find_activations(const BoundGraph& graph) {
  std::map<std::size_t, FoundLayer> all;
  std::set<std::size_t> taken;
  const std::vector<std::size_t>& nodes = graph.data_nodes();
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (taken.contains(*node) || graph.node(*node).outputs.size() != 1) continue;
    if (auto found = activation_ending_with(graph, *node)) {
      taken.insert(found->nodes.begin(), found->nodes.end());
      all.emplace(*node, std::move(*found));
    }
  }
  return all;
}

double as_written(float number) {
  const std::string text = fmt::format("{}", number);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace halfwave
