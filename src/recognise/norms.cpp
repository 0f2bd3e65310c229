#include "recognise/norms.h"

#include <algorithm>
#include <optional>

#include "layers/registry.h"

namespace halfwave {
namespace {

/// Follows a formula's nodes from its end.
class Norm {
 public:
  explicit Norm(const BoundGraph& graph) : graph_(graph) {}

  /// x's deviation from its mean over the root of the mean of its square.
  std::optional<FoundLayer> ending_with(std::size_t last) {
    const OperatorNode* divide = take(last, "Div");
    if (!divide) return std::nullopt;
    const std::string& deviation = divide->inputs[0];
    const OperatorNode* subtract = take(graph_.producer(deviation), "Sub");
    const OperatorNode* root = take(graph_.producer(divide->inputs[1]), "Sqrt");
    const OperatorNode* plus = root ? take(graph_.producer(root->inputs[0]), "Add") : nullptr;
    if (!subtract || !plus) return std::nullopt;
    const std::size_t constant = graph_.is_data(plus->inputs[0]) ? 1 : 0;
    const std::optional<double> epsilon = scalar(plus->inputs[constant]);
    const OperatorNode* variance = take(graph_.producer(plus->inputs[1 - constant]), "ReduceMean");
    const OperatorNode* mean = take(graph_.producer(subtract->inputs[1]), "ReduceMean");
    if (!epsilon || !variance || !mean || !is_square(graph_.producer(variance->inputs[0]), deviation))
      return std::nullopt;
    found_.x = subtract->inputs[0];
    found_.kind = find_layer_kind("layer_norm");
    found_.fields = {as_written(static_cast<float>(*epsilon))};
    const std::optional<std::int64_t> axis = axis_of(*mean);
    if (mean->inputs[0] != found_.x || !axis || axis_of(*variance) != axis || !closed(last))
      return std::nullopt;
    if (*axis < 1) return std::nullopt;
    found_.axis = static_cast<std::size_t>(*axis - 1);
    return found_;
  }

 private:
  const OperatorNode* take(std::size_t node, std::string_view op) {
    if (node >= graph_.graph().nodes.size() || graph_.node(node).op != op ||
        !graph_.node(node).domain.empty())
      return nullptr;
    found_.nodes.insert(node);
    return &graph_.node(node);
  }

  bool is_square(std::size_t node, const std::string& of) {
    if (const OperatorNode* power = take(node, "Pow"))
      return power->inputs[0] == of && scalar(power->inputs[1]) == 2.0;
    const OperatorNode* product = take(node, "Mul");
    return product && product->inputs[0] == of && product->inputs[1] == of;
  }

  std::optional<double> scalar(const std::string& value) const {
    const Tensor* constant = graph_.constant(value);
    if (!constant || constant->count() != 1) return std::nullopt;
    return constant->cast(ElementType::float64).elements<double>()[0];
  }

  /// The only axis of a mean that keeps it.
  std::optional<std::int64_t> axis_of(const OperatorNode& mean) const {
    std::vector<std::int64_t> axes = mean.integers("axes");
    if (mean.inputs.size() > 1)
      if (const Tensor* given = graph_.constant(mean.inputs[1])) axes = given->integers();
    if (axes.size() != 1 || mean.integer("keepdims", 1) == 0) return std::nullopt;
    const auto rank = static_cast<std::int64_t>(graph_.info(mean.inputs[0]).dims.value_or(Dims{}).size());
    return axes[0] < 0 ? axes[0] + rank : axes[0];
  }

  /// Nobody else takes what the nodes make on the way.
  bool closed(std::size_t last) const {
    std::map<std::string_view, std::size_t> uses;
    for (const std::size_t node : found_.nodes)
      for (const std::string& input : graph_.node(node).inputs) ++uses[input];
    return std::ranges::all_of(found_.nodes, [&](std::size_t node) {
      const std::string& output = graph_.node(node).outputs[0];
      return node == last || uses[output] == graph_.users(output);
    });
  }

  const BoundGraph& graph_;
  FoundLayer found_;
};

}  // namespace

std::map<std::size_t, FoundLayer> find_norms(const BoundGraph& graph) {
  std::map<std::size_t, FoundLayer> all;
  for (const std::size_t node : graph.data_nodes())
    if (auto found = Norm(graph).ending_with(node)) all.emplace(node, std::move(*found));
  return all;
}

}  // namespace halfwave
