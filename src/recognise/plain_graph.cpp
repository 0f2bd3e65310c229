#include "recognise/plain_graph.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace halfwave {
namespace {

constexpr std::string_view kMachineLearning = "ai.onnx.ml";

std::vector<std::string> texts_of(const Tensor& labels) {
  std::vector<std::string> texts;
  if (labels.type() == ElementType::text)
    texts.assign(labels.elements<std::string>().begin(), labels.elements<std::string>().end());
  else
    for (const std::int64_t label : labels.cast(ElementType::int64).integers())
      texts.push_back(std::to_string(label));
  return texts;
}

/// Labels of classes, not vectors that are picked by a number.
bool names_classes(const Tensor& labels) {
  const std::size_t rows =
      labels.dims().empty() ? 1 : static_cast<std::size_t>(std::ranges::max(labels.dims()));
  return !is_floating(labels.type()) && labels.type() != ElementType::boolean && labels.count() == rows;
}

class Plain {
 public:
  explicit Plain(const OperatorGraph& original) : original_(original) {
    for (std::size_t i = 0; i < original.nodes.size(); ++i)
      for (const std::string& output : original.nodes[i].outputs)
        if (!output.empty()) producers_[output] = i;
  }

  PlainGraph make() {
    plain_.graph = original_;
    choose_results();
    plain_.graph.nodes.clear();
    for (std::size_t i = 0; i < original_.nodes.size(); ++i) {
      const OperatorNode& node = original_.nodes[i];
      if (left_out_.contains(i)) continue;
      if (node.domain == kMachineLearning && node.op == "Scaler" && node.inputs.size() == 1) {
        add_scaler(node);
      } else {
        plain_.graph.nodes.push_back(node);
        plain_.nodes.push_back(i);
      }
    }
    return std::move(plain_);
  }

 private:
  /// The value whose largest number a result names, or whose numbers it holds under other names.
  struct Source {
    std::string value;
    bool is_label;
    std::vector<std::string> classes;
  };

  inline static const std::set<std::string_view> kMoves{"Cast",    "Flatten", "Identity",
                                                        "Reshape", "Squeeze", "Unsqueeze"};

  const OperatorNode* producer_of(const std::string& value) const {
    const auto found = producers_.find(value);
    return found == producers_.end() ? nullptr : &original_.nodes[found->second];
  }

  /// A value and what it is made of by nodes that leave the largest number where it is: other axes, softmax,
  /// a division by a sum, the exponential of a logarithm.
  std::set<std::string> same_largest(std::string value) const {
    static const std::set<std::string_view> kRising{"Exp",     "LogSoftmax", "Normalizer",
                                                    "Sigmoid", "Softmax",    "ZipMap"};
    std::set<std::string> values{value};
    for (const OperatorNode* node = producer_of(value); node && !node->inputs.empty();
         node = producer_of(value)) {
      const bool centres = (node->op == "Sub" || node->op == "Div") && is_reduced(node->inputs.at(1));
      if (!centres && !kMoves.contains(node->op) && !kRising.contains(node->op)) break;
      value = node->inputs[0];
      values.insert(value);
    }
    return values;
  }
  /// One number for all of an example: a sum, a mean, …
  bool is_reduced(std::string value) const {
    const OperatorNode* node = producer_of(value);
    while (node && kMoves.contains(node->op) && !node->inputs.empty()) node = producer_of(node->inputs[0]);
    return node && node->op.starts_with("Reduce");
  }

  std::optional<Source> source_of(std::string value) const {
    Source source{"", true, {}};
    for (;;) {
      const auto producer = producers_.find(value);
      if (producer == producers_.end()) return std::nullopt;
      const OperatorNode& node = original_.nodes[producer->second];
      if (node.inputs.empty()) return std::nullopt;
      if (node.op == "ZipMap" && node.domain == kMachineLearning) {
        source.classes =
            node.has("classlabels_strings")
                ? std::get<std::vector<std::string>>(node.attributes.find("classlabels_strings")->second)
                : std::vector<std::string>();
        for (const std::int64_t label : node.integers("classlabels_int64s"))
          source.classes.push_back(std::to_string(label));
        source.value = node.inputs[0];
        source.is_label = false;
        return source;
      }
      if (node.op == "ArgMax") {
        if (node.integer("axis", 0) == 0) return std::nullopt;  // an example of the batch
        source.value = node.inputs[0];
        return source;
      }
      const bool extracts = node.op == "ArrayFeatureExtractor" && node.domain == kMachineLearning;
      if (extracts || node.op == "Gather") {
        const Tensor* labels = original_.constant(node.inputs[0]);
        if (!labels || node.inputs.size() < 2 || !names_classes(*labels)) return std::nullopt;
        source.classes = texts_of(*labels);
        value = node.inputs[1];
      } else if (kMoves.contains(node.op)) {
        value = node.inputs[0];
      } else {
        return std::nullopt;
      }
    }
  }

  /// Results without those that only name the largest number of another one; and the nodes that only they
  /// need.
  void choose_results() {
    std::vector<GraphValue> results;
    bool changed = false;
    std::set<std::string> kept;
    for (const GraphValue& output : original_.outputs)
      if (const auto source = source_of(output.name); !source || !source->is_label)
        kept.merge(same_largest(output.name));
    const auto is_kept = [&](const std::string& value) { return kept.contains(value); };
    for (const GraphValue& output : original_.outputs) {
      std::optional<Source> source = source_of(output.name);
      if (source && source->is_label && std::ranges::none_of(same_largest(source->value), is_kept))
        source.reset();  // the largest of something else: a result of its own
      if (source && !source->classes.empty()) plain_.classes = source->classes;
      GraphValue result = output;
      if (source && !source->is_label)
        result = {
            .name = source->value, .type = ElementType::float32, .dims = {}, .names = {}, .has_dims = false};
      changed = changed || source;
      if (!source || !source->is_label) results.push_back(std::move(result));
    }
    if (results.empty() || !changed) return;
    plain_.graph.outputs = std::move(results);
    const std::set<std::size_t> before = needed(original_.outputs), after = needed(plain_.graph.outputs);
    std::ranges::set_difference(before, after, std::inserter(left_out_, left_out_.end()));
  }

  std::set<std::size_t> needed(const std::vector<GraphValue>& outputs) const {
    std::set<std::string_view> wanted;
    for (const GraphValue& output : outputs) wanted.insert(output.name);
    std::set<std::size_t> nodes;
    for (std::size_t i = original_.nodes.size(); i-- > 0;) {
      const OperatorNode& node = original_.nodes[i];
      if (std::ranges::none_of(node.outputs, [&](const std::string& o) { return wanted.contains(o); }))
        continue;
      nodes.insert(i);
      wanted.insert(node.inputs.begin(), node.inputs.end());
    }
    return nodes;
  }

  /// (x - offset) · scale, by column.
  void add_scaler(const OperatorNode& node) {
    std::string x = node.inputs[0];
    for (const auto& [op, attribute] : {std::pair{"Sub", "offset"}, std::pair{"Mul", "scale"}}) {
      const std::vector<float> numbers = node.numbers(attribute);
      const std::string constant = node.name + "." + attribute;
      plain_.graph.constants[constant] =
          Tensor::of<float>({static_cast<std::int64_t>(numbers.size())}, std::span(numbers));
      OperatorNode step;
      step.name = node.name + "." + op;
      step.op = op;
      step.opset = 13;
      step.inputs = {x, constant};
      step.outputs = {op == std::string_view("Mul") ? node.outputs[0] : step.name};
      x = step.outputs[0];
      plain_.graph.nodes.push_back(std::move(step));
      plain_.nodes.push_back(PlainGraph::kNone);
    }
  }

  const OperatorGraph& original_;
  std::map<std::string_view, std::size_t> producers_;
  std::set<std::size_t> left_out_;
  PlainGraph plain_;
};

}  // namespace

PlainGraph plain_graph(const OperatorGraph& original) { return Plain(original).make(); }

}  // namespace halfwave
