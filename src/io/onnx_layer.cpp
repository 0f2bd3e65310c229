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

/// Attributes that ONNX wants as integers, in all operators that expressions use; the others are floats.
constexpr std::array<std::string_view, 1> kIntegerAttributes{"axis"};

class LayerWriter {
 public:
  LayerWriter(onnx::GraphProto& graph, const Network& network, std::size_t layer, const std::string& x)
      : graph_(graph), layer_(network.layer(layer)), name_(network.layer_name(layer)), x_(x) {}

  void add_tensors(const Network& network, std::size_t layer, Weights weights) {
    const std::span<const NetworkTensor> tensors = network.tensors();
    for (std::size_t i = network.first_tensor(layer); i < tensors.size() && tensors[i].layer == layer; ++i) {
      const NetworkTensor& tensor = tensors[i];
      onnx::TensorProto& added = add_tensor(graph_, tensor.name, tensor.spec.shape);
      if (weights == Weights::included) fill_tensor(added, network.get(tensor));
      added_.insert(tensor.name);
    }
  }

  std::string add(const OnnxExpression& expression, bool whole) {
    if (!expression.is_operation) return value(expression.text);
    std::vector<std::string> inputs;
    for (const OnnxExpression& argument : expression.arguments) inputs.push_back(add(argument, false));
    const std::string name = whole ? name_ : fmt::format("{}.{}_{}", name_, expression.text, ++inner_nodes_);
    add_node(graph_, name, expression.text, inputs);
    for (const OnnxExpression::Attribute& attribute : expression.attributes) {
      const double number = this->number(attribute.value);
      onnx::NodeProto& node = *graph_.mutable_node()->rbegin();
      if (std::find(kIntegerAttributes.begin(), kIntegerAttributes.end(), attribute.name) !=
          kIntegerAttributes.end())
        add_attribute(node, attribute.name, static_cast<std::int64_t>(std::lround(number)));
      else
        add_attribute(node, attribute.name, static_cast<float>(number));
    }
    return name;
  }

 private:
  /// The input, a tensor of the layer, or a number as a constant named after its text.
  std::string value(const std::string& text) {
    if (text == "x") return x_;
    const std::string name = name_ + "." + text;
    if (added_.insert(name).second) {
      const auto constant = static_cast<float>(number(text));
      fill_tensor(add_tensor(graph_, name, {}), std::span(&constant, 1));
    }
    return name;
  }

  /// A number, or the field of that name.
  double number(const std::string& text) const {
    if (const std::optional<double> number = parse_number(text)) return *number;
    const std::vector<LayerField>& fields = layer_.info().fields;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == text) return layer_.field(i);
    throw Error(ErrorKind::fault, fmt::format("ONNX expression '{}' of layer '{}': there is no '{}'",
                                              layer_.info().onnx, layer_.info().name, text));
  }

  onnx::GraphProto& graph_;
  const Layer& layer_;
  const std::string& name_;
  const std::string& x_;
  std::set<std::string> added_;  ///< tensors
  int inner_nodes_ = 0;
};

}  // namespace

std::string add_layer(onnx::GraphProto& graph, const Network& network, std::size_t layer,
                      const std::string& x, Weights weights) {
  LayerWriter writer(graph, network, layer, x);
  writer.add_tensors(network, layer, weights);
  return writer.add(parse_onnx_expression(network.layer(layer).info().onnx), true);
}

}  // namespace halfwave
