#include "io/onnx_original.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/in_quotes.h"
#include "halfwave/error.h"
#include "io/model_file_schema.h"
#include "io/onnx_decode.h"
#include "io/original_file.h"
#include "io/tensor_proto.h"

namespace halfwave {
namespace {

// What training here adds to the metadata; other keys than those of Halfwave's own files, whose graphs are
// compared with what their metadata say.
constexpr char kSchema[] = "halfwave.trained.schema", kFacts[] = "halfwave.trained.facts";

const std::string* metadata(const onnx::ModelProto& model, std::string_view key) {
  for (const onnx::StringStringEntryProto& entry : model.metadata_props())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

void set_metadata(onnx::ModelProto& model, const char* key, std::string value) {
  auto& entries = *model.mutable_metadata_props();
  auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key() == key; });
  onnx::StringStringEntryProto& entry = found == entries.end() ? *model.add_metadata_props() : *found;
  entry.set_key(key);
  entry.set_value(std::move(value));
}

/// What training here knew of the data, where the file has it.
void read_trained(const onnx::ModelProto& model, ModelParts& parts) {
  const std::string *schema = metadata(model, kSchema), *facts = metadata(model, kFacts);
  if (facts) parts.facts = facts_from_json(*facts);
  if (!schema) return;
  Schema trained = schema_from_json(*schema);
  check_outputs(trained, parts.network.outputs());
  if (trained.features() != parts.network.inputs())
    throw input_error(fmt::format("metadata {} is for {} features; the graph takes {}", kSchema,
                                  trained.features(), parts.network.inputs()));
  const std::size_t targets = trained.task == Task::regression ? trained.outputs : 0;
  parts.preprocessing.target_mean.assign(targets, 0.0f);
  parts.preprocessing.target_scale.assign(targets, 1.0f);
  parts.schema = std::move(trained);
}

/// Puts changed constants into a graph whose nodes are those of the decoded one, one by one.
class ConstantWriter {
 public:
  ConstantWriter(onnx::ModelProto& model, const OperatorGraph& decoded)
      : graph_(*model.mutable_graph()), inputs_have_initialisers_(model.ir_version() < 4) {
    for (const OperatorNode& node : decoded.nodes) {
      for (const std::string& input : node.inputs) ++uses_[input];
      names_.insert(node.outputs.begin(), node.outputs.end());
    }
    for (const GraphValue& output : decoded.outputs) ++uses_[output.name];
    for (const GraphValue& input : decoded.inputs) names_.insert(input.name);
    for (const auto& [name, constant] : decoded.constants) names_.insert(name);
  }

  void write(const ChangedConstant& changed) {
    onnx::NodeProto& node = *graph_.mutable_node(static_cast<int>(changed.node));
    const int input = static_cast<int>(changed.input);
    while (node.input_size() <= input) node.add_input();
    const std::string name = node.input(input);
    if (uses_[name] == 1 && (write_initialiser(name, changed.value) || write_node(name, changed.value)))
      return;
    --uses_[name];
    const std::string own = free_name(name.empty() ? fmt::format("{}_input", node.output(0)) : name);
    add(own, changed.value);
    node.set_input(input, own);
  }

 private:
  bool write_initialiser(const std::string& name, const Tensor& value) {
    for (onnx::TensorProto& tensor : *graph_.mutable_initializer())
      if (tensor.name() == name) {
        encode_tensor(value, tensor);
        declare(name, value);
        return true;
      }
    auto& sparse = *graph_.mutable_sparse_initializer();
    for (int i = 0; i < sparse.size(); ++i)
      if (sparse[i].values().name() == name) {
        sparse.DeleteSubrange(i, 1);
        onnx::TensorProto& tensor = *graph_.add_initializer();
        tensor.set_name(name);
        encode_tensor(value, tensor);
        declare(name, value);
        return true;
      }
    return false;
  }

  /// A Constant node.
  bool write_node(const std::string& name, const Tensor& value) {
    for (onnx::NodeProto& node : *graph_.mutable_node()) {
      if (node.op_type() != "Constant" || node.output_size() != 1 || node.output(0) != name) continue;
      node.clear_attribute();
      onnx::AttributeProto& attribute = *node.add_attribute();
      attribute.set_name("value");
      attribute.set_type(onnx::AttributeProto::TENSOR);
      encode_tensor(value, *attribute.mutable_t());
      declare(name, value);
      return true;
    }
    return false;
  }

  void add(const std::string& name, const Tensor& value) {
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    encode_tensor(value, tensor);
    uses_[name] = 1;
    if (!inputs_have_initialisers_) return;
    onnx::ValueInfoProto& input = *graph_.add_input();
    input.set_name(name);
    auto& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(static_cast<int>(value.type()));
    set_shape(*type.mutable_shape(), value.dims());
  }

  /// A constant that was spread has another shape now: also where the file tells its shape once more, as old
  /// files do of all their initialisers; other programs refuse a file that contradicts itself.
  void declare(const std::string& name, const Tensor& value) {
    for (auto* list : {graph_.mutable_input(), graph_.mutable_value_info()})
      for (onnx::ValueInfoProto& info : *list)
        if (info.name() == name && info.type().tensor_type().has_shape())
          set_shape(*info.mutable_type()->mutable_tensor_type()->mutable_shape(), value.dims());
  }

  static void set_shape(onnx::TensorShapeProto& shape, const Dims& dims) {
    const bool same = std::ranges::equal(
        shape.dim(), dims, [](const auto& was, std::int64_t dim) { return was.dim_value() == dim; });
    if (same) return;
    shape.clear_dim();
    for (const std::int64_t dim : dims) shape.add_dim()->set_dim_value(dim);
  }

  std::string free_name(const std::string& name) {
    for (int number = 2;; ++number)
      if (std::string other = fmt::format("{}_{}", name, number); names_.insert(other).second) return other;
  }

  onnx::GraphProto& graph_;
  const bool inputs_have_initialisers_;  ///< as files before version 4 of the format do
  std::map<std::string, int> uses_;      ///< of each value
  std::set<std::string> names_;
};

}  // namespace

ModelParts from_original(onnx::ModelProto model, const std::filesystem::path& folder) {
  OperatorGraph graph = decode_graph(model, folder);
  Recognised recognised = recognise(graph);
  ModelParts parts = std::move(recognised.parts);
  if (parts.schema.shape.empty()) parts.schema.shape = {1};  // values [batch]: one number an example
  read_trained(model, parts);
  parts.original = std::make_shared<const OriginalFile>(
      OriginalFile{std::move(graph), std::move(recognised.links), model.SerializeAsString()});
  return parts;
}

onnx::ModelProto to_original(const ModelParts& parts) {
  const OriginalFile& original = *parts.original;
  onnx::ModelProto model;
  if (!model.ParseFromString(original.bytes))
    throw Error(ErrorKind::fault, "the original file is not one any more");
  ConstantWriter writer(model, original.graph);
  for (const ChangedConstant& changed : changed_constants(original.graph, parts.network, original.links))
    writer.write(changed);
  if (!parts.facts.empty()) {
    set_metadata(model, kSchema, schema_to_json(parts.schema));
    set_metadata(model, kFacts, facts_to_json(parts.facts));
  }
  return model;
}

}  // namespace halfwave
