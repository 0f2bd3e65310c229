#include "io/onnx_decode.h"

#include <fmt/format.h>

#include <functional>
#include <queue>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/in_quotes.h"
#include "halfwave/error.h"
#include "io/external_data.h"
#include "io/inline_functions.h"
#include "io/tensor_proto.h"

namespace halfwave {
namespace {

enum class End { input, output };

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

void check_version(const onnx::ModelProto& model) {
  if (model.ir_version() > kNewestIr)
    throw input_error(
        fmt::format("the file has version {} of the format; up to {} is read. Export it for an older one.",
                    model.ir_version(), kNewestIr));
  const auto opsets = imported_opsets(model);
  const auto own = opsets.find("");
  if (own == opsets.end()) return;
  if (own->second < 1 || own->second > kNewestOpset)
    throw input_error(fmt::format("the file uses opset {}; 1 to {} are read. Export it for one of them.",
                                  own->second, kNewestOpset));
}

/// Outputs may be neither tensors nor sequences of tensors, such as the maps of ZipMap: their type is then
/// none, as where it is not told.
GraphValue decode_value(const onnx::ValueInfoProto& proto, End end) {
  const char* const what = end == End::input ? "input" : "output";
  GraphValue value;
  value.name = proto.name();
  if (value.name.empty()) throw input_error(fmt::format("an {} of the graph has no name", what));
  value.type = ElementType::none;
  value.has_dims = false;
  const bool sequence =
      proto.type().has_sequence_type() && proto.type().sequence_type().elem_type().has_tensor_type();
  const bool supported = proto.type().has_tensor_type() || sequence;
  if (!proto.has_type() || (end == End::output && !supported)) return value;
  const auto refuse = [&](const std::string& why) {
    return input_error(fmt::format("{} {}: {}", what, in_quotes(value.name), why));
  };
  if (!supported) throw refuse("it is no tensor (but a map, an optional value or the like)");
  const auto& type =
      sequence ? proto.type().sequence_type().elem_type().tensor_type() : proto.type().tensor_type();
  try {
    value.type = element_type(type.elem_type());
  } catch (const Error& error) {
    throw refuse(error.what());
  }
  if (sequence) {
    value.element = std::exchange(value.type, ElementType::sequence);
    value.has_dims = true;
    value.dims = {-1};  // any length
    value.names = {""};
    return value;
  }
  if (!type.has_shape()) return value;
  value.has_dims = true;
  for (const auto& dim : type.shape().dim()) {
    // Negative sizes are some exporters' way to say "any".
    const bool known = dim.has_dim_value() && dim.dim_value() >= 0;
    value.dims.push_back(known ? dim.dim_value() : -1);
    value.names.push_back(known ? "" : dim.dim_param());
  }
  return value;
}

/// Constants and inputs. A tensor with an input's name is the input's default: it is then a constant.
void decode_values(const onnx::GraphProto& graph, OperatorGraph& decoded) {
  const auto add = [&](const std::string& name, Tensor tensor) {
    if (name.empty()) throw input_error("an initialiser of the graph has no name");
    if (!decoded.constants.emplace(name, std::move(tensor)).second)
      throw input_error(fmt::format("initialiser {} is there twice", in_quotes(name)));
  };
  for (const onnx::TensorProto& tensor : graph.initializer()) add(tensor.name(), decode_tensor(tensor));
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer())
    add(tensor.values().name(), decode_tensor(tensor));
  std::set<std::string_view> names;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (!names.insert(input.name()).second)
      throw input_error(fmt::format("input {} is there twice", in_quotes(input.name())));
    if (decoded.constants.count(input.name()) > 0) continue;
    decoded.inputs.push_back(decode_value(input, End::input));
    if (decoded.inputs.back().type == ElementType::none)
      throw input_error(
          fmt::format("input {}: the type of its elements is not told", in_quotes(input.name())));
  }
}

AttributeValue decode_attribute(const onnx::AttributeProto& proto) {
  using Type = onnx::AttributeProto;
  if (!proto.ref_attr_name().empty())
    throw input_error("it refers to an attribute of a function, but is in none");
  // The first version of the format does not tell the type.
  Type::AttributeType type = proto.type();
  if (type == Type::UNDEFINED) {
    type = proto.has_f()               ? Type::FLOAT
           : proto.has_i()             ? Type::INT
           : proto.has_s()             ? Type::STRING
           : proto.has_t()             ? Type::TENSOR
           : proto.floats_size() > 0   ? Type::FLOATS
           : proto.ints_size() > 0     ? Type::INTS
           : proto.strings_size() > 0  ? Type::STRINGS
           : proto.has_g()             ? Type::GRAPH
           : proto.has_sparse_tensor() ? Type::SPARSE_TENSOR
                                       : Type::UNDEFINED;
  }
  switch (type) {
    case Type::FLOAT:
      return proto.f();
    case Type::INT:
      return std::int64_t{proto.i()};
    case Type::STRING:
      return proto.s();
    case Type::TENSOR:
      return decode_tensor(proto.t());
    case Type::SPARSE_TENSOR:
      return decode_tensor(proto.sparse_tensor());
    case Type::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case Type::INTS:
      return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
    case Type::STRINGS:
      return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
    case Type::GRAPH:
    case Type::GRAPHS:
      throw input_error("it is a graph: loops and branches are not feed-forward and not supported");
    default:
      throw input_error("its type is not supported");
  }
}

/// Decodes the nodes that are in order; names them all differently.
class NodeDecoder {
 public:
  NodeDecoder(const Nodes& nodes, std::map<std::string, std::int64_t> opsets) : opsets_(std::move(opsets)) {
    for (const onnx::NodeProto& node : nodes) taken_.insert(node.name());
  }

  OperatorNode decode(const onnx::NodeProto& proto) {
    OperatorNode node;
    node.name = name_of(proto);
    node.op = proto.op_type();
    node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    const auto opset = opsets_.find(node.domain);
    if (opset == opsets_.end())
      throw input_error(fmt::format("node {} ({}): the model does not import domain {}", in_quotes(node.name),
                                    in_quotes(node.op), in_quotes(node.domain)));
    node.opset = opset->second;
    for (const onnx::AttributeProto& attribute : proto.attribute()) {
      const auto wrong = [&](const std::string& why) {
        return input_error(
            fmt::format("{}: attribute {}: {}", node.place(), in_quotes(attribute.name()), why));
      };
      try {
        if (!node.attributes.emplace(attribute.name(), decode_attribute(attribute)).second)
          throw input_error("it is there twice");
      } catch (const Error& error) {
        throw wrong(error.what());
      }
    }
    return node;
  }

 private:
  std::string name_of(const onnx::NodeProto& proto) {
    std::string name = proto.name();
    for (int i = 0; name.empty() && i < proto.output_size(); ++i) name = proto.output(i);
    if (name.empty())
      throw input_error(fmt::format("a node ({}) has no outputs", in_quotes(proto.op_type())));
    const bool own = !proto.name().empty();  // the first of this name keeps it
    if (own ? used_.insert(name).second : taken_.count(name) == 0 && used_.insert(name).second) return name;
    for (std::int64_t& number = ++numbers_[name];; ++number) {
      std::string other = fmt::format("{}_{}", name, number + 1);
      if (taken_.count(other) == 0 && used_.insert(other).second) return other;
    }
  }

  std::map<std::string, std::int64_t> opsets_;
  std::set<std::string> taken_;                  ///< names that the file gives
  std::set<std::string> used_;                   ///< names given here
  std::map<std::string, std::int64_t> numbers_;  ///< how often a name was wanted again
};

/// For a message before the node has been decoded.
std::string place(const onnx::NodeProto& node) {
  const bool named = !node.name().empty() || node.output_size() == 0;
  return fmt::format("node {} ({})", in_quotes(named ? node.name() : node.output(0)),
                     in_quotes(node.op_type()));
}

/// The node that makes each value. Throws where two make one, or one that is there already.
std::unordered_map<std::string_view, int> makers(const Nodes& nodes, const OperatorGraph& graph) {
  std::set<std::string_view> given;
  for (const GraphValue& input : graph.inputs) given.insert(input.name);
  std::unordered_map<std::string_view, int> makers;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string& output : nodes[i].output()) {
      if (output.empty()) continue;
      if (given.count(output) > 0 || graph.constant(output))
        throw input_error(fmt::format("{} makes {}, which is an input or initialiser of the graph",
                                      place(nodes[i]), in_quotes(output)));
      if (const auto [first, fresh] = makers.emplace(output, i); !fresh)
        throw input_error(fmt::format("{} and {} both make {}", place(nodes[first->second]), place(nodes[i]),
                                      in_quotes(output)));
    }
  return makers;
}

/// Where each value comes from, checked.
void check_values(const Nodes& nodes, const OperatorGraph& graph,
                  const std::unordered_map<std::string_view, int>& makers) {
  std::set<std::string_view> known{""};
  for (const GraphValue& input : graph.inputs) known.insert(input.name);
  const auto made = [&](const std::string& name) {
    return known.count(name) > 0 || graph.constant(name) || makers.count(name) > 0;
  };
  for (const onnx::NodeProto& node : nodes)
    for (const std::string& input : node.input())
      if (!made(input))
        throw input_error(fmt::format("{} takes {}, which nothing makes", place(node), in_quotes(input)));
  std::set<std::string_view> outputs;
  for (const GraphValue& output : graph.outputs) {
    if (!made(output.name))
      throw input_error(fmt::format("output {}: nothing makes it", in_quotes(output.name)));
    if (!outputs.insert(output.name).second)
      throw input_error(fmt::format("output {} is there twice", in_quotes(output.name)));
  }
}

/// The nodes' numbers in an order in which each comes after those that it needs: the file's wherever it is
/// one.
std::vector<int> order_of(const Nodes& nodes, const std::unordered_map<std::string_view, int>& makers) {
  std::vector<int> waits(static_cast<std::size_t>(nodes.size()));  // for so many inputs
  std::vector<std::vector<int>> users(waits.size());
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string& input : nodes[i].input())
      if (const auto maker = makers.find(input); maker != makers.end()) {
        users[static_cast<std::size_t>(maker->second)].push_back(i);
        ++waits[static_cast<std::size_t>(i)];
      }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i)
    if (waits[static_cast<std::size_t>(i)] == 0) ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const int user : users[static_cast<std::size_t>(order.back())])
      if (--waits[static_cast<std::size_t>(user)] == 0) ready.push(user);
  }
  for (int i = 0; i < nodes.size(); ++i)
    if (waits[static_cast<std::size_t>(i)] > 0)
      throw input_error(fmt::format("{} is part of a circle of nodes, or needs one", place(nodes[i])));
  return order;
}

}  // namespace

OperatorGraph decode_graph(onnx::ModelProto& model, const std::filesystem::path& folder) {
  check_version(model);
  take_in_external_data(model, folder);
  inline_functions(model);
  onnx::GraphProto& proto = *model.mutable_graph();
  OperatorGraph graph;
  decode_values(proto, graph);
  for (const onnx::ValueInfoProto& output : proto.output())
    graph.outputs.push_back(decode_value(output, End::output));
  if (graph.outputs.empty()) throw input_error("the graph has no output");

  Nodes nodes;
  nodes.Swap(proto.mutable_node());
  const auto made_by = makers(nodes, graph);
  check_values(nodes, graph, made_by);
  NodeDecoder decoder(nodes, imported_opsets(model));
  for (const int i : order_of(nodes, made_by)) {
    graph.nodes.push_back(decoder.decode(nodes[i]));
    *proto.add_node() = std::move(nodes[i]);
  }
  return graph;
}

}  // namespace halfwave
