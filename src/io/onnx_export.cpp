#include "io/onnx_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "halfwave/error.h"
#include "halfwave/version.h"
#include "io/model_file_schema.h"
#include "io/onnx_graph.h"
#include "io/onnx_layer.h"

namespace halfwave {
namespace {

// ONNX 1.12: what was current with opset 17 (github.com/onnx/onnx/blob/main/docs/Versioning.md).
constexpr std::int64_t kIrVersion = 8, kOpset = 17, kMlOpset = 3;

bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool all_same(std::span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [&](float x) { return same_bits(x, numbers[0]); });
}

/// A number for each of an example's as a constant: a single one where all are the same, one a channel where
/// those of each channel are.
void add_constant(onnx::GraphProto& graph, const std::string& name, std::span<const float> numbers,
                  const Shape& shape) {
  if (all_same(numbers)) {
    fill_tensor(add_tensor(graph, name, {}), numbers.first(1));
    return;
  }
  std::vector<float> channels;
  for (std::size_t c = 0; c < shape.channels; ++c) {
    const std::span<const float> own = numbers.subspan(c * shape.positions(), shape.positions());
    if (!all_same(own)) return fill_tensor(add_tensor(graph, name, value_shape(shape)), numbers);
    channels.push_back(own[0]);
  }
  fill_tensor(add_tensor(graph, name, channel_shape(shape)), channels);
}

/// "preprocessing.Sub" of x and the numbers; x itself where all of them are `neutral`, so that there is
/// nothing to do.
std::string combine(onnx::GraphProto& graph, const std::string& stage, const std::string& op,
                    const std::string& x, const std::string& name, std::span<const float> numbers,
                    const Shape& shape, float neutral) {
  if (all_same(numbers) && same_bits(numbers[0], neutral)) return x;
  add_constant(graph, name, numbers, shape);
  return add_node(graph, stage + "." + op, op, {x, name});
}

std::string output_name(const ModelParts& parts) {
  if (parts.schema.task == Task::regression) return "prediction";
  const std::string_view last = parts.network.layer(parts.network.size() - 1).info().name;
  // Sigmoids of several classes do not add up to one.
  if (last == "softmax" || (last == "sigmoid" && parts.network.outputs() == 1)) return "probabilities";
  return last == "log_softmax" ? "log_probabilities" : "logits";
}

/// The inputs of the graph; what comes out has the shape of the network's input, nothing missing.
class InputWriter {
 public:
  InputWriter(onnx::GraphProto& graph, const ModelParts& parts)
      : graph_(graph),
        schema_(parts.schema),
        shape_(parts.network.input()),
        axes_(parts.schema.shape.size()) {
    for (std::size_t i = 0; i < parts.network.size(); ++i) stages_.insert(parts.network.layer_name(i));
    taken_.insert({"numeric", output_name(parts)});
  }

  std::string add() {
    const std::string x = schema_.columns.empty() ? add_array() : add_table();
    return value_shape(shape_).size() > axes_ ? add_channel_axis(x) : x;
  }

 private:
  static bool is_numeric(const Column& column) { return column.kind == Column::Kind::numeric; }

  std::string add_array() {
    declare_value(*graph_.add_input(), "input", onnx::TensorProto::FLOAT, schema_.shape);
    return shape_.rank == 0 && axes_ > 1 ? add_flatten(graph_, "preprocessing.Flatten", "input") : "input";
  }

  std::string add_table() {
    std::vector<std::string> pieces;
    const auto numeric = std::count_if(schema_.columns.begin(), schema_.columns.end(), is_numeric);
    if (numeric > 0) pieces.push_back(add_numeric(static_cast<std::size_t>(numeric)));
    for (const Column& column : schema_.columns)
      if (!is_numeric(column) && !column.categories.empty()) pieces.push_back(add_text(column));
    if (pieces.size() == 1) return pieces[0];
    const std::string all = add_node(graph_, "preprocessing.Concat", "Concat", pieces);
    add_attribute(*graph_.mutable_node()->rbegin(), "axis", std::int64_t{1});
    return all;
  }

  /// [batch, height, width] as an image of one channel, [batch, length] as a signal of one.
  std::string add_channel_axis(const std::string& x) {
    const std::array<std::int64_t, 1> first{1};
    const std::string axes = add_list(graph_, "preprocessing.Constant", std::span<const std::int64_t>(first));
    return add_node(graph_, "preprocessing.Unsqueeze", "Unsqueeze", {x, axes});
  }

  std::string add_numeric(std::size_t count) {
    const std::string name = count == schema_.columns.size() ? "features" : "numeric";
    declare_value(*graph_.add_input(), name, onnx::TensorProto::FLOAT,
                  std::array{static_cast<std::int64_t>(count)});
    std::vector<float> fill;
    for (std::size_t c = 0; c < count; ++c) fill.push_back(schema_.columns[c].fill);
    add_constant(graph_, onnx_names::kFill, fill, Shape::row(count));
    const std::string missing = add_node(graph_, "preprocessing.IsNaN", "IsNaN", {name});
    return add_node(graph_, "preprocessing.Where", "Where", {missing, onnx_names::kFill, name});
  }

  std::string add_text(const Column& column) {
    const std::string name = input_name(column.name);
    declare_value(*graph_.add_input(), name, onnx::TensorProto::STRING, std::array{std::int64_t{1}});
    ++texts_;
    const std::string one_hot =
        add_node(graph_, fmt::format("preprocessing.OneHotEncoder_{}", texts_), "OneHotEncoder", {name});
    onnx::NodeProto& node = *graph_.mutable_node()->rbegin();
    node.set_domain("ai.onnx.ml");
    add_attribute(node, "cats_strings", column.categories);
    add_attribute(node, "zeros", std::int64_t{1});  // unknown and missing texts: no category
    // ONNX's own shape inference does not know this operator.
    declare_value(*graph_.add_value_info(), one_hot, onnx::TensorProto::FLOAT,
                  std::array{std::int64_t{1}, static_cast<std::int64_t>(column.categories.size())});
    return add_flatten(graph_, fmt::format("preprocessing.Flatten_{}", texts_), one_hot);
  }

  /// The column's own name, unless the graph uses it already: then a number is added.
  std::string input_name(const std::string& column) {
    const std::string wanted = column.empty() ? "column" : valid_utf8(column);
    std::string name = wanted;
    for (int number = 2; taken_.count(name) > 0 || stages_.count(name.substr(0, name.find('.'))) > 0;
         ++number)
      name = fmt::format("column_{}_{}", number, wanted);
    taken_.insert(name);
    return name;
  }

  onnx::GraphProto& graph_;
  const Schema& schema_;
  const Shape& shape_;
  const std::size_t axes_;       ///< of an example in the data
  std::set<std::string> taken_;  ///< by other inputs and the output
  std::set<std::string> stages_{"preprocessing",
                                "target"};  ///< what all other names are, or begin with before a dot
  int texts_ = 0;
};

/// Gives the graph's last value its name for users, and declares it.
void add_output(onnx::GraphProto& graph, const ModelParts& parts, const std::string& last) {
  const std::string name = output_name(parts);
  if (graph.node_size() == 0) add_node(graph, "identity", "Identity", {last});
  graph.mutable_node()->rbegin()->set_output(0, name);
  declare_value(*graph.add_output(), name, onnx::TensorProto::FLOAT,
                std::array{static_cast<std::int64_t>(parts.network.outputs())});
}

/// Every layer's nodes; the name of the row that comes out.
std::string add_layers(onnx::GraphProto& graph, const Network& network, const std::string& input,
                       Weights weights) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < network.size(); ++i) {
    std::vector<std::string> x;
    for (const std::size_t from : network.inputs_of(i))
      x.push_back(from == Network::kInput ? input : values[from]);
    values.push_back(add_layer(graph, network, i, x, weights));
  }
  const std::size_t last = network.size() - 1;
  if (network.layer(last).output().rank == 0) return values[last];
  return add_flatten(graph, network.layer_name(last) + ".Flatten", values[last]);  // a grid of one position
}

void add_metadata(onnx::ModelProto& model, const ModelParts& parts) {
  const auto add = [&](const char* key, std::string value) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(std::move(value));
  };
  if (!parts.schema.classes.empty()) add("classes", classes_to_json(parts.schema.classes));
  add(onnx_names::kNetwork, parts.network.line());
  add(onnx_names::kSchema, schema_to_json(parts.schema));
  add(onnx_names::kFacts, facts_to_json(parts.facts));
}

void add_opset(onnx::ModelProto& model, const char* domain, std::int64_t version) {
  onnx::OperatorSetIdProto& opset = *model.add_opset_import();
  opset.set_domain(domain);
  opset.set_version(version);
}

}  // namespace

onnx::ModelProto to_onnx(const ModelParts& parts, Weights weights) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name(onnx_names::kProducer);
  model.set_producer_version(version());
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("halfwave");

  const Preprocessing& p = parts.preprocessing;
  const Network& network = parts.network;
  std::string x = InputWriter(graph, parts).add();
  x = combine(graph, "preprocessing", "Sub", x, onnx_names::kMean, p.mean, network.input(), 0.0f);
  x = combine(graph, "preprocessing", "Mul", x, onnx_names::kScale, p.scale, network.input(), 1.0f);
  x = add_layers(graph, network, x, weights);
  if (parts.schema.task == Task::regression) {
    const Shape row = Shape::row(network.outputs());
    x = combine(graph, "target", "Mul", x, onnx_names::kTargetScale, p.target_scale, row, 1.0f);
    x = combine(graph, "target", "Add", x, onnx_names::kTargetMean, p.target_mean, row, 0.0f);
  }
  add_output(graph, parts, x);

  add_opset(model, "", kOpset);
  const bool texts = std::any_of(graph.node().begin(), graph.node().end(),
                                 [](const auto& node) { return !node.domain().empty(); });
  if (texts) add_opset(model, "ai.onnx.ml", kMlOpset);
  add_metadata(model, parts);
  return model;
}

}  // namespace halfwave
