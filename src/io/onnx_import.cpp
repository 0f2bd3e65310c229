#include "io/onnx_import.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/read_line.h"
#include "halfwave/error.h"
#include "io/model_file_schema.h"
#include "io/onnx_export.h"
#include "io/onnx_layer.h"
#include "io/onnx_tensors.h"

namespace halfwave {
namespace {

const std::string* find_metadata(const onnx::ModelProto& model, std::string_view key) {
  for (const onnx::StringStringEntryProto& entry : model.metadata_props())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

const std::string& metadata(const onnx::ModelProto& model, std::string_view key) {
  if (const std::string* value = find_metadata(model, key)) return *value;
  throw input_error(
      fmt::format("metadata '{}' is missing, which is there in every file that Halfwave writes", key));
}

NetworkLine read_line(const std::string& line) {
  constexpr std::size_t kLongest = 1 << 20;
  if (line.size() > kLongest) throw input_error("metadata halfwave.network is longer than any network line");
  try {
    return read_network_line(line);
  } catch (const Error& error) {
    throw input_error(fmt::format("metadata halfwave.network: {}", error.what()));
  }
}

/// Throws unless the file's tensors account for every width, and for every tensor of the layers by name and
/// shape: a network of this size may then be allocated. The size of a grid nothing in a file accounts for, so
/// it has a limit.
class SizeCheck {
 public:
  explicit SizeCheck(const OnnxTensors& tensors) : tensors_(tensors) {}

  void input(const Shape& shape) const { check(shape, kLargestGrid, "the inputs"); }

  void layers(const Network& network) const {
    for (std::size_t i = 0; i < network.size(); ++i)
      check(network.layer(i).output(), kLargestResult, "the outputs of layer " + network.layer_name(i));
    for (const NetworkTensor& tensor : network.tensors())
      tensors_.check_shape(tensor.name, onnx_shape(network.layer(tensor.layer), tensor.spec));
  }

 private:
  static constexpr std::size_t kLargestGrid = std::size_t{1} << 24;    ///< numbers of one example
  static constexpr std::size_t kLargestResult = std::size_t{1} << 28;  ///< of its values between two layers

  void check(const Shape& shape, std::size_t largest, const std::string& place) const {
    // A network without weights says nothing of its widths; so many are always allowed.
    const std::size_t widest = std::max<std::size_t>(2 * tensors_.numbers(), std::size_t{1} << 20);
    if (shape.channels > widest)
      throw input_error(fmt::format("{} have {} {}, more than the file's tensors account for", place,
                                    shape.channels, shape.rank == 0 ? "numbers" : "channels"));
    if (shape.rank > 0 && (shape.height > largest || shape.width > largest / shape.height ||
                           shape.channels > largest / shape.positions()))
      throw input_error(fmt::format("{} are {}: more than {} numbers", place, describe(shape), largest));
  }

  const OnnxTensors& tensors_;
};

Network read_network(const onnx::ModelProto& model, const Schema& schema, const OnnxTensors& tensors) {
  NetworkLine line = read_line(metadata(model, onnx_names::kNetwork));
  const Shape input = input_shape(line, schema.shape);
  const SizeCheck check(tensors);
  check.input(input);
  Network network(std::move(line), input, [&](const Network& bound) { check.layers(bound); });
  for (const NetworkTensor& tensor : network.tensors())
    network.set(tensor, tensors.get(tensor.name, onnx_shape(network.layer(tensor.layer), tensor.spec)));
  return network;
}

Preprocessing read_preprocessing(const Schema& schema, const Network& network, const OnnxTensors& tensors) {
  Preprocessing p;
  p.mean = tensors.get_constant(onnx_names::kMean, network.input(), 0.0f);
  p.scale = tensors.get_constant(onnx_names::kScale, network.input(), 1.0f);
  if (schema.task == Task::regression) {
    const Shape outputs = Shape::row(network.outputs());
    p.target_mean = tensors.get_constant(onnx_names::kTargetMean, outputs, 0.0f);
    p.target_scale = tensors.get_constant(onnx_names::kTargetScale, outputs, 1.0f);
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

bool is_own(const onnx::ModelProto& model) {
  const auto has = [&](const char* key) { return find_metadata(model, key) != nullptr; };
  return has(onnx_names::kNetwork) || has(onnx_names::kSchema) || has(onnx_names::kFacts) ||
         model.producer_name() == onnx_names::kProducer;
}

ModelParts from_onnx(const onnx::ModelProto& model) {
  Schema schema = schema_from_json(metadata(model, onnx_names::kSchema));
  const OnnxTensors tensors(model.graph());
  Network network = read_network(model, schema, tensors);
  check_outputs(schema, network.outputs());
  Preprocessing preprocessing = read_preprocessing(schema, network, tensors);
  ModelParts parts{std::move(network), std::move(schema), std::move(preprocessing),
                   facts_from_json(metadata(model, onnx_names::kFacts))};
  check_unchanged(model, to_onnx(parts, Weights::omitted), tensors);
  return parts;
}

}  // namespace halfwave
