#include "operators/operator_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <set>

#include "core/in_quotes.h"
#include "operators/operator.h"

namespace halfwave {
namespace {

template <class T>
const T* attribute_of(const OperatorNode& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (!value) throw input_error(fmt::format("attribute '{}' is not of the type that it should be", name));
  return value;
}

/// Runs f, whose errors are about the node.
template <class F>
decltype(auto) at_node(const OperatorNode& node, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::fault) throw;
    throw input_error(fmt::format("{}: {}", node.place(), error.what()));
  }
}

const Operator& operator_of(const OperatorNode& node) {
  if (const Operator* known = find_operator(node)) return *known;
  std::set<std::string_view> names;
  const Operator* other = nullptr;
  for (const Operator& op : operators()) {
    names.insert(op.name);
    if (op.name == node.op && op.domain == node.domain) other = &op;
  }
  if (other) throw input_error(fmt::format("this operator is known from opset {} on", other->since));
  throw input_error(fmt::format("this operator is not known{}. Known are: {}",
                                node.domain.empty() ? "" : fmt::format(" (domain {})", readable(node.domain)),
                                fmt::join(names, ", ")));
}

using Values = std::map<std::string, Tensor, std::less<>>;

/// For each value the number of times that it is still needed: by nodes, and once by the graph's outputs.
std::map<std::string_view, int> uses(const OperatorGraph& graph) {
  std::map<std::string_view, int> counts;
  for (const OperatorNode& node : graph.nodes)
    for (const std::string& input : node.inputs) ++counts[input];
  for (const GraphValue& output : graph.outputs) ++counts[output.name];
  return counts;
}

std::vector<ValueInfo> infer_node(const OperatorNode& node, std::span<const ValueInfo> inputs) {
  const Operator& op = operator_of(node);
  for (const ValueInfo& input : inputs) {
    if (input.type == ElementType::sequence && !op.sequences)
      throw input_error("it takes tensors, but not a sequence of them");
    if (input.type == ElementType::sequence && input.dims && input.dims->size() != 1)
      throw input_error(fmt::format("a sequence has a length, and no shape {}", describe(*input.dims)));
    // So that operators may add and multiply two dimensions.
    if (input.dims && std::any_of(input.dims->begin(), input.dims->end(),
                                  [](std::int64_t dim) { return dim < 0 || dim > kLargestTensor; }))
      throw input_error(fmt::format("{} is no shape that it can take", describe(*input.dims)));
  }
  std::vector<ValueInfo> outputs = op.infer(node, inputs);
  for (std::size_t i = outputs.size(); i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty())
      throw input_error(fmt::format("there is no output {} ({})", i + 1, in_quotes(node.outputs[i])));
  outputs.resize(node.outputs.size());
  for (const ValueInfo& output : outputs)
    if (output.dims) element_count(*output.dims);  // throws where it is too large
  return outputs;
}

std::vector<Tensor> compute_node(const OperatorNode& node, std::span<const Tensor> inputs, int threads,
                                 const std::map<std::string_view, int>* wanted = nullptr) {
  std::vector<ValueInfo> infos;
  for (const Tensor& input : inputs) infos.push_back(info_of(input));
  const std::vector<ValueInfo> made = infer_node(node, infos);
  std::vector<Tensor> outputs(node.outputs.size());
  bool any = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool needed = !node.outputs[i].empty() && (!wanted || wanted->count(node.outputs[i]) > 0);
    any = any || needed;
    if (needed && made[i].dims) outputs[i] = Tensor(made[i].type, *made[i].dims);
  }
  if (any) operator_of(node).compute({node, inputs, outputs, threads});
  return outputs;
}

void check_input(const GraphValue& declared, const Tensor& given) {
  const auto wrong = [&](const std::string& what) {
    return input_error(fmt::format("input '{}': {}", declared.name, what));
  };
  if (given.type() != declared.type)
    throw wrong(fmt::format("elements are {}, not {}", type_name(declared.type), type_name(given.type())));
  if (given.type() == ElementType::sequence)
    for (const Tensor& tensor : given.elements<Tensor>())
      if (tensor.type() != declared.element)
        throw wrong(fmt::format("its tensors are of {}, not {}", type_name(declared.element),
                                type_name(tensor.type())));
  if (!declared.has_dims) return;
  bool fits = declared.dims.size() == given.rank();
  for (std::size_t i = 0; fits && i < given.rank(); ++i)
    fits = declared.dims[i] < 0 || declared.dims[i] == given.dims()[i];
  if (!fits)
    throw wrong(fmt::format("its shape is {}, not {}", describe(declared.dims), describe(given.dims())));
}

/// What is counted of a node that is folded: elements that stay in memory, multiply-adds.
struct Folding {
  std::size_t elements = 0;
  double work = 0.0;
};

Folding folding_of(const OperatorNode& node, std::span<const ValueInfo> inputs,
                   std::span<const ValueInfo> outputs) {
  constexpr std::size_t kOfTensor = 64;  // what a tensor of a sequence counts, besides its elements
  Folding sum;
  for (const ValueInfo& output : outputs) {
    const std::size_t count =
        output.dims ? static_cast<std::size_t>(element_count(*output.dims)) : kLargestFolded;
    sum.elements += count;
    if (output.type != ElementType::sequence) continue;
    sum.elements += kOfTensor * count;
    for (const ValueInfo& input : inputs) sum.elements += input.value.count();  // may have been copied
  }
  if (const auto work = operator_of(node).work; work && sum.elements > 0)
    sum.work = static_cast<double>(sum.elements) * work(node, inputs);
  return sum;
}

/// Computes the outputs where all inputs are known, as far as `left` allows it, of which it takes its part.
void fold(const OperatorNode& node, std::span<const ValueInfo> inputs, bool known,
          std::vector<ValueInfo>& outputs, Folding& left) {
  const bool sequence = std::ranges::any_of(
      outputs, [](const ValueInfo& output) { return output.type == ElementType::sequence; });
  if (!known && !sequence) return;  // what is known of a sequence's tensors takes memory, too
  const Folding needed = folding_of(node, inputs, outputs);
  if (needed.elements > left.elements || needed.work > left.work) {
    for (ValueInfo& output : outputs) output.tensors.clear();
    return;
  }
  left.elements -= needed.elements;
  left.work -= needed.work;
  if (!known) return;
  std::vector<Tensor> arguments;
  for (const ValueInfo& input : inputs) arguments.push_back(input.value);
  const std::vector<Tensor> made = compute_node(node, arguments, 1);
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (!made[i]) continue;
    const ElementType element = outputs[i].element;  // an empty sequence does not tell it
    outputs[i] = info_of(made[i]);
    outputs[i].element = element;
  }
}

}  // namespace

std::string OperatorNode::place() const {
  return fmt::format("node {} ({}, opset {})", in_quotes(name), readable(op), opset);
}

std::int64_t OperatorNode::integer(std::string_view attribute, std::int64_t otherwise) const {
  const auto* value = attribute_of<std::int64_t>(*this, attribute);
  return value ? *value : otherwise;
}
float OperatorNode::number(std::string_view attribute, float otherwise) const {
  const auto* value = attribute_of<float>(*this, attribute);
  return value ? *value : otherwise;
}
std::string OperatorNode::text(std::string_view attribute, std::string_view otherwise) const {
  const auto* value = attribute_of<std::string>(*this, attribute);
  return value ? *value : std::string(otherwise);
}
std::vector<std::int64_t> OperatorNode::integers(std::string_view attribute,
                                                 std::vector<std::int64_t> otherwise) const {
  const auto* value = attribute_of<std::vector<std::int64_t>>(*this, attribute);
  return value ? *value : std::move(otherwise);
}
std::vector<float> OperatorNode::numbers(std::string_view attribute) const {
  const auto* value = attribute_of<std::vector<float>>(*this, attribute);
  return value ? *value : std::vector<float>{};
}
std::vector<std::string> OperatorNode::texts(std::string_view attribute) const {
  const auto* value = attribute_of<std::vector<std::string>>(*this, attribute);
  return value ? *value : std::vector<std::string>{};
}
std::optional<Tensor> OperatorNode::tensor(std::string_view attribute) const {
  const auto* value = attribute_of<Tensor>(*this, attribute);
  return value ? std::optional(*value) : std::nullopt;
}

ValueInfo info_of(const Tensor& value) {
  if (!value) return {};
  ValueInfo info{value.type(), value.dims(), value};
  if (value.type() != ElementType::sequence) return info;
  for (const Tensor& tensor : value.elements<Tensor>()) info.tensors.push_back(info_of(tensor));
  if (!info.tensors.empty()) info.element = info.tensors[0].type;
  return info;
}

std::vector<Tensor> run_graph(const OperatorGraph& graph, std::span<const Tensor> inputs, int threads) {
  if (inputs.size() != graph.inputs.size())
    throw input_error(
        fmt::format("{} inputs are given where the graph has {}", inputs.size(), graph.inputs.size()));
  Values values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_input(graph.inputs[i], inputs[i]);
    values[graph.inputs[i].name] = inputs[i];
  }
  const auto value = [&](const std::string& name) {
    if (name.empty()) return Tensor();
    if (const auto found = values.find(name); found != values.end()) return found->second;
    if (const Tensor* constant = graph.constant(name)) return *constant;
    throw input_error(fmt::format("value '{}' is made by nothing", name));
  };
  std::map<std::string_view, int> left = uses(graph);
  for (const OperatorNode& node : graph.nodes)
    at_node(node, [&] {
      std::vector<Tensor> arguments;
      for (const std::string& name : node.inputs) arguments.push_back(value(name));
      std::vector<Tensor> made = compute_node(node, arguments, threads, &left);
      for (std::size_t i = 0; i < made.size(); ++i)
        if (made[i]) values[node.outputs[i]] = std::move(made[i]);
      for (const std::string& name : node.inputs)
        if (--left[name] == 0) values.erase(name);
    });
  std::vector<Tensor> results;
  for (const GraphValue& output : graph.outputs) results.push_back(value(output.name));
  return results;
}

std::map<std::string, ValueInfo, std::less<>> infer_graph(const OperatorGraph& graph,
                                                          std::span<const Dims> input_dims) {
  std::map<std::string, ValueInfo, std::less<>> infos;
  Folding left{kLargestFolded, kMostFoldedWork};
  for (const auto& [name, constant] : graph.constants) infos[name] = info_of(constant);
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    infos[graph.inputs[i].name] = {graph.inputs[i].type, input_dims[i], {}, graph.inputs[i].element};
  for (const OperatorNode& node : graph.nodes)
    at_node(node, [&] {
      std::vector<ValueInfo> inputs;
      bool known = true;
      for (const std::string& name : node.inputs) {
        const auto found = infos.find(name);
        inputs.push_back(found == infos.end() ? ValueInfo{} : found->second);
        known = known && (name.empty() || inputs.back().value);
      }
      std::vector<ValueInfo> outputs = infer_node(node, inputs);
      fold(node, inputs, known, outputs, left);
      for (std::size_t i = 0; i < outputs.size(); ++i)
        if (!node.outputs[i].empty()) infos[node.outputs[i]] = std::move(outputs[i]);
    });
  return infos;
}

void check_operators(const OperatorGraph& graph) {
  for (const OperatorNode& node : graph.nodes) at_node(node, [&] { operator_of(node); });
}

}  // namespace halfwave
