#include "io/onnx_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "halfwave/error.h"
#include "io/onnx_expression.h"
#include "io/onnx_graph.h"

namespace halfwave {
namespace {

// Attributes that ONNX wants as integers or lists of them, in all operators that expressions use; the others
// are floats.
constexpr std::array<std::string_view, 2> kIntegers{"axis", "group"};
constexpr std::array<std::string_view, 4> kIntegerLists{"kernel_shape", "strides", "pads", "dilations"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class LayerWriter {
 public:
  LayerWriter(onnx::GraphProto& graph, const Network& network, std::size_t layer,
              const std::vector<std::string>& x)
      : graph_(graph), layer_(network.layer(layer)), name_(network.layer_name(layer)), x_(x) {}

  void add_tensors(const Network& network, std::size_t layer, Weights weights) {
    const std::span<const NetworkTensor> tensors = network.tensors();
    for (std::size_t i = network.first_tensor(layer); i < tensors.size() && tensors[i].layer == layer; ++i) {
      const NetworkTensor& tensor = tensors[i];
      onnx::TensorProto& added = add_tensor(graph_, tensor.name, onnx_shape(layer_, tensor.spec));
      if (weights == Weights::included) fill_tensor(added, network.get(tensor));
      added_.insert(tensor.name);
    }
  }

  /// The name of the expression's value. The node that makes the whole expression's is named like the layer.
  std::string add(const OnnxExpression& expression, bool whole) {
    if (!expression.is_operation) return value(expression.text);
    if (is_form(expression.text)) return add_form(expression.text, expression.arguments[0], whole);
    std::vector<std::string> inputs;
    for (const OnnxExpression& argument : expression.arguments) add_inputs(argument, inputs);
    const bool two = expression.text == "Sum" && inputs.size() == 2;  // its usual form
    const std::string op = two ? "Add" : expression.text;
    const std::string name = add_node(graph_, node_name(op, whole), op, inputs);
    for (const OnnxExpression::Attribute& attribute : expression.attributes) add_attribute_of(attribute);
    return name;
  }

 private:
  static bool is_form(std::string_view text) {
    return text == "row" || text == "channels_last" || text == "channels_first";
  }

  /// What depends on the grid: rows have one form only.
  std::string add_form(const std::string& form, const OnnxExpression& argument, bool whole) {
    const int rank = layer_.input().rank;
    if (rank == 0) return add(argument, whole);
    if (form == "row") {
      const std::string x = add_form("channels_last", argument, false);
      return add_flatten(graph_, node_name("Flatten", whole), x);
    }
    const std::string x = add(argument, false);
    const std::string turned = add_node(graph_, node_name("Transpose", whole), "Transpose", {x});
    static constexpr std::array<std::int64_t, 3> kSwap{0, 2, 1};
    static constexpr std::array<std::int64_t, 4> kLast{0, 2, 3, 1}, kFirst{0, 3, 1, 2};
    const bool last = form == "channels_last";
    add_attribute(last_node(), "perm",
                  rank == 1 ? std::span<const std::int64_t>(kSwap)
                            : std::span<const std::int64_t>(last ? kLast : kFirst));
    return turned;
  }

  /// An input of an operator: "x" is all of the layer's, "bias?" a tensor or nothing.
  void add_inputs(const OnnxExpression& argument, std::vector<std::string>& inputs) {
    if (argument.text == "x")
      inputs.insert(inputs.end(), x_.begin(), x_.end());
    else if (!argument.text.ends_with('?'))
      inputs.push_back(add(argument, false));
    else if (const std::string name = own_name(argument.text.substr(0, argument.text.size() - 1));
             added_.count(name) > 0)
      inputs.push_back(name);
  }

  std::string node_name(const std::string& op, bool whole) {
    return whole ? name_ : own_name(fmt::format("{}_{}", op, ++inner_nodes_));
  }

  void add_attribute_of(const OnnxExpression::Attribute& attribute) {
    const auto& [name, text] = attribute;
    if (contains(kIntegerLists, name))
      add_attribute(last_node(), name, integers(text));
    else if (contains(kIntegers, name))
      add_attribute(last_node(), name, static_cast<std::int64_t>(std::llround(number(text))));
    else
      add_attribute(last_node(), name, static_cast<float>(number(text)));
  }

  /// The input, a tensor of the layer, or a number as a constant named after its text.
  std::string value(const std::string& text) {
    if (text == "x") return x_[0];
    const std::string name = own_name(text);
    if (added_.insert(name).second) {
      const auto constant = static_cast<float>(number(text));
      fill_tensor(add_tensor(graph_, name, {}), std::span(&constant, 1));
    }
    return name;
  }

  /// A number, or the field of that name.
  double number(const std::string& text) const {
    if (const std::optional<double> number = parse_number(text)) return *number;
    return layer_.field(field(text));
  }

  /// What the layer says, or its field: a pair on an image, the first number of it on a signal.
  std::vector<std::int64_t> integers(const std::string& text) const {
    if (std::vector<std::int64_t> list = layer_.onnx_integers(text); !list.empty()) return list;
    const std::vector<LayerField>& fields = layer_.info().fields;
    const std::size_t i = field(text);
    const auto first = static_cast<std::int64_t>(layer_.field(i));
    if (layer_.input().rank < 2 || !fields[i].pair) return {first};
    const bool same = layer_.field(i + 1) == fields[i + 1].value;
    return {first, same ? first : static_cast<std::int64_t>(layer_.field(i + 1))};
  }

  std::size_t field(const std::string& name) const {
    const std::vector<LayerField>& fields = layer_.info().fields;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == name) return i;
    throw Error(ErrorKind::fault, fmt::format("ONNX expression '{}' of layer '{}': there is no '{}'",
                                              layer_.info().onnx, layer_.info().name, name));
  }

  std::string own_name(const std::string& part) const { return name_ + "." + part; }
  onnx::NodeProto& last_node() { return *graph_.mutable_node()->rbegin(); }

  onnx::GraphProto& graph_;
  const Layer& layer_;
  const std::string& name_;
  const std::vector<std::string>& x_;
  std::set<std::string> added_;  ///< tensors
  int inner_nodes_ = 0;
};

}  // namespace

std::vector<std::size_t> onnx_shape(const Layer& layer, const TensorSpec& spec) {
  return layer.is_activation() ? channel_shape(layer.input()) : spec.shape;
}

std::string add_layer(onnx::GraphProto& graph, const Network& network, std::size_t layer,
                      const std::vector<std::string>& x, Weights weights) {
  LayerWriter writer(graph, network, layer, x);
  writer.add_tensors(network, layer, weights);
  return writer.add(parse_onnx_expression(network.layer(layer).info().onnx), true);
}

}  // namespace halfwave
