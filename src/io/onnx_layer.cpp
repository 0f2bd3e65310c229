#include "io/onnx_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "halfwave/error.h"
#include "io/onnx_graph.h"
#include "layers/onnx_expression.h"

namespace halfwave {
namespace {

// Attributes that ONNX wants as integers, lists of them or words, in all operators that expressions use; the
// others are floats.
constexpr std::array<std::string_view, 2> kIntegers{"axis", "group"};
constexpr std::array<std::string_view, 5> kIntegerLists{"kernel_shape", "strides", "pads", "dilations",
                                                        "output_padding"};
constexpr std::array<std::string_view, 3> kWords{"mode", "nearest_mode", "coordinate_transformation_mode"};
constexpr std::array<std::string_view, 6> kForms{"row",      "grid",  "channels_last", "channels_first",
                                                 "integers", "floats"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class LayerWriter {
 public:
  LayerWriter(onnx::GraphProto& graph, const Network& network, std::size_t layer,
              const std::vector<std::string>& x)
      : graph_(graph), layer_(network.layer(layer)), name_(network.layer_name(layer)), x_(x) {
    for (const std::size_t from : network.inputs_of(layer))
      shapes_.push_back(from == Network::kInput ? network.input() : network.layer(from).output());
  }

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
    if (contains(kForms, expression.text)) return add_form(expression, whole);
    if (const OnnxExpression* const only = only_operand(expression)) return add(*only, whole);
    std::vector<std::string> inputs;
    for (const OnnxExpression& argument : expression.arguments) add_inputs(argument, inputs);
    const bool two = expression.text == "Sum" && inputs.size() == 2;  // its usual form
    const std::string op = two ? "Add" : expression.text;
    if (op == "Mul")  // takes two: the product of the first ones first
      for (; inputs.size() > 2; inputs.erase(inputs.begin() + 1))
        inputs[0] = add_node(graph_, node_name(op, false), op, {inputs[0], inputs[1]});
    const std::string name = add_node(graph_, node_name(op, whole), op, inputs);
    for (const OnnxExpression::Attribute& attribute : expression.attributes) add_attribute_of(attribute);
    return name;
  }

 private:
  /// Of a sum or a product with a tensor that the layer is without: the other operand. Else null.
  const OnnxExpression* only_operand(const OnnxExpression& operation) const {
    if (operation.text != "Add" && operation.text != "Mul") return nullptr;
    for (std::size_t i = 0; i < 2 && operation.arguments.size() == 2; ++i)
      if (is_missing(operation.arguments[i])) return &operation.arguments[1 - i];
    return nullptr;
  }
  bool is_missing(const OnnxExpression& argument) const {
    return argument.text.ends_with('?') && added_.count(own_name(without_mark(argument.text))) == 0;
  }
  static std::string without_mark(const std::string& text) { return text.substr(0, text.size() - 1); }

  /// What depends on the grid, and constants.
  std::string add_form(const OnnxExpression& form, bool whole) {
    const OnnxExpression& argument = form.arguments[0];
    if (form.text == "integers")
      return add_list(graph_, own_name(argument.text),
                      std::span<const std::int64_t>(integers(argument.text)));
    if (form.text == "floats") return add_floats(argument.text);
    if (form.text == "grid") return add_grid(form, whole);
    if (layer_.input().rank == 0) return add(argument, whole);  // rows have one form only
    if (form.text != "row") return add_transpose(add(argument, false), form.text == "channels_last", whole);
    const std::string x =
        attribute(form) ? add(argument, false) : add_transpose(add(argument, false), true, false);
    return add_flatten(graph_, node_name("Flatten", whole), x);
  }

  /// Of a form: whether its only attribute is given and not zero.
  bool attribute(const OnnxExpression& form) const {
    return !form.attributes.empty() && number(form.attributes[0].value) != 0.0;
  }

  /// A row as the grid of the output.
  std::string add_grid(const OnnxExpression& form, bool whole) {
    const Shape& shape = layer_.output();
    const bool channels_first = attribute(form);
    std::vector<std::int64_t> axes{0};  // the batch, as it is
    for (const std::size_t axis : value_shape(shape)) axes.push_back(static_cast<std::int64_t>(axis));
    if (!channels_first) std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
    const std::string x = add(form.arguments[0], false);
    const std::string as =
        add_list(graph_, node_name("Constant", false), std::span<const std::int64_t>(axes));
    const std::string y = add_node(graph_, node_name("Reshape", whole && channels_first), "Reshape", {x, as});
    return channels_first ? y : add_transpose(y, false, whole);
  }

  std::string add_transpose(const std::string& x, bool last, bool whole) {
    const std::string turned = add_node(graph_, node_name("Transpose", whole), "Transpose", {x});
    static constexpr std::array<std::int64_t, 3> kSwap{0, 2, 1};
    static constexpr std::array<std::int64_t, 4> kLast{0, 2, 3, 1}, kFirst{0, 3, 1, 2};
    const bool signal = std::max(layer_.input().rank, layer_.output().rank) == 1;
    add_attribute(
        last_node(), "perm",
        signal ? std::span<const std::int64_t>(kSwap) : std::span<const std::int64_t>(last ? kLast : kFirst));
    return turned;
  }

  /// The layer's list as a constant of floats.
  std::string add_floats(const std::string& text) {
    const std::vector<std::int64_t> list = integers(text);
    const std::vector<float> numbers(list.begin(), list.end());
    return add_list(graph_, own_name(text), std::span<const float>(numbers));
  }

  /// An input of an operator: "x" is all of the layer's, "bias?" a tensor or nothing, "none" one left out.
  void add_inputs(const OnnxExpression& argument, std::vector<std::string>& inputs) {
    if (argument.text == "x")
      inputs.insert(inputs.end(), x_.begin(), x_.end());
    else if (argument.text == "spread")
      for (std::size_t i = 0; i < x_.size(); ++i) inputs.push_back(spread(i));
    else if (argument.text == "none")
      inputs.emplace_back();
    else if (!argument.text.ends_with('?'))
      inputs.push_back(add(argument, false));
    else if (!is_missing(argument))
      inputs.push_back(own_name(without_mark(argument.text)));
  }

  /// Input i; a row among grids as a grid of one position.
  std::string spread(std::size_t i) {
    const int rank = layer_.output().rank;
    if (shapes_[i].rank == rank) return x_[i];
    std::vector<std::int64_t> axes{2, 3};
    axes.resize(static_cast<std::size_t>(rank));
    const std::string constant =
        add_list(graph_, node_name("Constant", false), std::span<const std::int64_t>(axes));
    return add_node(graph_, node_name("Unsqueeze", false), "Unsqueeze", {x_[i], constant});
  }

  std::string node_name(const std::string& op, bool whole) {
    return whole ? name_ : own_name(fmt::format("{}_{}", op, ++inner_nodes_));
  }

  void add_attribute_of(const OnnxExpression::Attribute& attribute) {
    const auto& [name, text] = attribute;
    if (contains(kIntegerLists, name))
      add_attribute(last_node(), name, integers(text));
    else if (contains(kWords, name))
      add_attribute(last_node(), name, text);
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
  std::vector<Shape> shapes_;    ///< of x
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
