#include "io/onnx_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "halfwave/error.h"
#include "io/model_file_schema.h"
#include "io/onnx_export.h"
#include "io/onnx_expression.h"
#include "io/onnx_tensors.h"
#include "layers/registry.h"

namespace halfwave {
namespace {

using Layers = std::vector<std::unique_ptr<Layer>>;

const std::string& metadata(const onnx::ModelProto& model, std::string_view key) {
  for (const onnx::StringStringEntryProto& entry : model.metadata_props())
    if (entry.key() == key) return entry.value();
  const std::string producer =
      model.producer_name().empty() ? "an unknown program" : "'" + model.producer_name() + "'";
  throw input_error(fmt::format(
      "metadata '{}' is missing. This version reads the model files that 'halfwave train' writes; "
      "this one was written by {}.",
      key, producer));
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

/// A layer as Layer::line() writes it.
std::unique_ptr<Layer> read_layer(std::string_view text) {
  const auto wrong = [&] {
    return input_error(
        fmt::format("metadata halfwave.network: '{}' is no layer that this version knows", text));
  };
  const std::vector<std::string_view> words = split(text, " ");
  const LayerInfo* info = find_layer_kind(words[0]);
  if (!info) throw wrong();
  std::vector<double> values;
  for (const LayerField& field : info->fields) values.push_back(field.value);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const bool named = equals != std::string_view::npos;
    std::size_t field = i - 1;
    if (named)
      for (field = 0; field < values.size() && info->fields[field].name != words[i].substr(0, equals);)
        ++field;
    const std::optional<double> value = parse_number(named ? words[i].substr(equals + 1) : words[i]);
    if (field >= values.size() || !value) throw wrong();
    values[field] = *value;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(values[i] >= info->fields[i].low && values[i] <= info->fields[i].high)) throw wrong();
  return info->make(*info, std::move(values));
}

Layers read_layers(const std::string& line) {
  constexpr std::size_t kLongest = 1 << 20;
  if (line.size() > kLongest) throw input_error("metadata halfwave.network is longer than any network line");
  Layers layers;
  for (const std::string_view text : split(line, ", ")) layers.push_back(read_layer(text));
  return layers;
}

/// Throws unless the file's tensors account for every width, and for every tensor of the layers by name and
/// shape: a network of this size may then be allocated.
void check_sizes(const Layers& layers, std::size_t inputs, const OnnxTensors& tensors) {
  // A network without weights says nothing of its widths; so many are always allowed.
  const std::size_t widest = std::max<std::size_t>(2 * tensors.numbers(), std::size_t{1} << 20);
  const auto check_width = [&](std::size_t width, std::string_view place) {
    if (width > widest)
      throw input_error(
          fmt::format("the {} have {} numbers, more than the file's tensors account for", place, width));
  };
  check_width(inputs, "inputs");
  std::map<std::string_view, int> numbers;
  std::size_t width = inputs;
  for (const auto& layer : layers) {
    layer->bind(width);
    width = layer->outputs();
    const std::string name = fmt::format("{}_{}", layer->info().name, ++numbers[layer->info().name]);
    check_width(width, "outputs of layer " + name);
    for (const TensorSpec& spec : layer->tensors()) tensors.check_shape(name + "." + spec.name, spec.shape);
  }
}

Network read_network(const onnx::ModelProto& model, const Schema& schema, const OnnxTensors& tensors) {
  Layers layers = read_layers(metadata(model, onnx_names::kNetwork));
  check_sizes(layers, schema.features(), tensors);
  Network network(std::move(layers), schema.features());
  for (const NetworkTensor& tensor : network.tensors())
    network.set(tensor, tensors.get(tensor.name, tensor.spec.shape));
  return network;
}

Preprocessing read_preprocessing(const Schema& schema, std::size_t outputs, const OnnxTensors& tensors) {
  Preprocessing p;
  p.mean = tensors.get_row(onnx_names::kMean, schema.features(), 0.0f);
  p.scale = tensors.get_row(onnx_names::kScale, schema.features(), 1.0f);
  if (schema.task == Task::regression) {
    p.target_mean = tensors.get_row(onnx_names::kTargetMean, outputs, 0.0f);
    p.target_scale = tensors.get_row(onnx_names::kTargetScale, outputs, 1.0f);
  }
  return p;
}

/// As text, without what does not change its meaning.
template <class Message>
std::string meaning(Message message) {
  message.clear_doc_string();
  return message.SerializeAsString();
}

/// "tensor 'x'" of the first item that is not the expected one at its place, or "".
template <class Items>
std::string first_difference(const char* what, const Items& items, const Items& expected) {
  for (int i = 0; i < std::min(items.size(), expected.size()); ++i)
    if (meaning(items[i]) != meaning(expected[i]))
      return fmt::format("{} '{}' is not as written", what, items[i].name());
  if (items.size() > expected.size())
    return fmt::format("{} '{}' was added", what, items[expected.size()].name());
  if (items.size() < expected.size())
    return fmt::format("{} '{}' is missing", what, expected[items.size()].name());
  return "";
}

/// Tensors by name, because their order means nothing; numbers where `expected` has them.
std::string first_difference(const OnnxTensors& tensors, int count, const onnx::GraphProto& expected) {
  for (const onnx::TensorProto& tensor : expected.initializer()) {
    const std::vector<std::size_t> shape(tensor.dims().begin(), tensor.dims().end());
    tensors.check_shape(tensor.name(), shape);
    if (!tensor.has_raw_data()) continue;
    const std::vector<float> numbers = tensors.get(tensor.name(), shape);
    const std::string_view bytes(reinterpret_cast<const char*>(numbers.data()),
                                 numbers.size() * sizeof(float));
    if (bytes != tensor.raw_data()) return fmt::format("tensor '{}' is not as written", tensor.name());
  }
  return count > expected.initializer_size() ? "tensors were added" : "";
}

std::string opsets(const onnx::ModelProto& model) {
  std::map<std::string, std::int64_t> versions;
  for (const onnx::OperatorSetIdProto& opset : model.opset_import())
    versions[opset.domain()] = opset.version();
  std::string text;
  for (const auto& [domain, version] : versions) text += fmt::format("{} {}, ", domain, version);
  return text;
}

void check_unchanged(const onnx::ModelProto& model, const onnx::ModelProto& expected,
                     const OnnxTensors& tensors) {
  const onnx::GraphProto &graph = model.graph(), &wanted = expected.graph();
  std::string difference = first_difference("input", graph.input(), wanted.input());
  if (difference.empty()) difference = first_difference("node", graph.node(), wanted.node());
  if (difference.empty()) difference = first_difference("output", graph.output(), wanted.output());
  if (difference.empty()) difference = first_difference(tensors, graph.initializer_size(), wanted);
  if (difference.empty() && opsets(model) != opsets(expected))
    difference = "the operator versions are not as written";
  if (difference.empty() && graph.sparse_initializer_size() > 0) difference = "sparse tensors were added";
  if (difference.empty() && model.functions_size() > 0) difference = "functions were added";
  if (difference.empty()) return;
  if (model.producer_version() != expected.producer_version())
    difference +=
        fmt::format(" (by version {}; this is {})", model.producer_version(), expected.producer_version());
  throw input_error(fmt::format(
      "the graph was changed after Halfwave wrote it: {}. Its metadata may be stale: use the file "
      "as 'halfwave train' wrote it.",
      difference));
}

}  // namespace

ModelParts from_onnx(const onnx::ModelProto& model) {
  metadata(model, onnx_names::kNetwork);
  Schema schema = schema_from_json(metadata(model, onnx_names::kSchema));
  const OnnxTensors tensors(model.graph());
  Network network = read_network(model, schema, tensors);
  check_outputs(schema, network.outputs());
  Preprocessing preprocessing = read_preprocessing(schema, network.outputs(), tensors);
  ModelParts parts{std::move(network), std::move(schema), std::move(preprocessing),
                   facts_from_json(metadata(model, onnx_names::kFacts))};
  check_unchanged(model, to_onnx(parts, Weights::omitted), tensors);
  return parts;
}

}  // namespace halfwave
