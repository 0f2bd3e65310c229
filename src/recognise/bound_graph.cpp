#include "recognise/bound_graph.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace halfwave {
namespace {

/// Numbers of examples that a graph's own sizes are not likely to be, so that those of the batch are told
/// apart, and that what follows from them differs.
constexpr std::int64_t kUnlikely = 61, kUnlikelyToo = 59;

/// Numbers of an example, as it comes and between two layers.
constexpr std::int64_t kLargestInput = std::int64_t{1} << 24, kLargestValue = std::int64_t{1} << 28;

bool same(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.dims() != b.dims()) return false;
  if (a.type() == ElementType::text)
    return std::ranges::equal(a.elements<std::string>(), b.elements<std::string>());
  if (a.type() == ElementType::sequence)
    return std::ranges::equal(a.elements<Tensor>(), b.elements<Tensor>(), same);
  return a.bytes() == 0 || a.data() == b.data() || std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

}  // namespace

BoundGraph::BoundGraph(const OperatorGraph& graph, bool one_example) : graph_(graph) {
  check_operators(graph);
  if (graph.inputs.empty()) throw input_error("the graph has no inputs");
  for (const GraphValue& input : graph.inputs) {
    const auto wrong = [&](const std::string& what) {
      return input_error(fmt::format("input '{}': {}", input.name, what));
    };
    if (input.type == ElementType::sequence)
      throw wrong("it is a sequence of tensors; only tensors are supported as inputs or results");
    if (!input.has_dims) throw wrong("its shape is not declared");
    for (std::size_t i = 0; i < input.dims.size(); ++i)
      if (input.dims[i] == 0 || (input.dims[i] < 0 && i > 0))
        throw wrong(fmt::format("axis {} has no fixed size; only the first one, the batch, may be open", i));
    if (!input.dims.empty() && input.dims[0] < 0) any_batch_ = true;
  }
  if (one_example) any_batch_ = false;
  batch_ = any_batch_ ? kUnlikely : graph.inputs[0].dims.empty() ? 1 : std::abs(graph.inputs[0].dims[0]);
  try {
    infos_ = infer(batch_);
  } catch (const Error&) {
    // A file may leave the batch open and fix it further on, in the shape that it reshapes to.
    if (!any_batch_) throw;
    any_batch_ = false;
    batch_ = 1;
    infos_ = infer(batch_);
  }
  if (any_batch_) {
    const Infos others = infer(kUnlikelyToo);
    for (const auto& [name, info] : infos_)
      if (info.value && !same(info.value, others.find(name)->second.value)) by_batch_.insert(name);
  }
  check_sizes();
  find_data_nodes();
}

void BoundGraph::check_sizes() const {
  const auto check = [&](const std::string& name, std::int64_t most) {
    const auto& dims = info(name).dims;
    const std::int64_t numbers = dims ? element_count(*dims) / std::max<std::int64_t>(batch_, 1) : 0;
    if (numbers > most)
      throw input_error(
          fmt::format("'{}' has {} numbers for each example; {} are the most", name, numbers, most));
  };
  for (const auto& [name, info] : infos_)
    if (!info.value) check(name, kLargestValue);
  for (const GraphValue& input : graph_.inputs) check(input.name, kLargestInput);
}

BoundGraph::Infos BoundGraph::infer(std::int64_t batch) const {
  return infer_graph(graph_, input_dims(batch));
}

std::vector<Dims> BoundGraph::input_dims(std::int64_t batch) const {
  std::vector<Dims> all;
  for (const GraphValue& input : graph_.inputs) {
    all.push_back(input.dims);
    if (!all.back().empty() && all.back()[0] < 0) all.back()[0] = batch;
  }
  return all;
}

/// Nodes that results depend on; with data_only not by way of values that are known.
std::vector<bool> BoundGraph::reached(bool data_only) const {
  std::set<std::string_view> wanted;
  const auto want = [&](const std::string& value) {
    if (!data_only || !info(value).value) wanted.insert(value);
  };
  for (const GraphValue& output : graph_.outputs) want(output.name);
  std::vector<bool> reached(graph_.nodes.size(), false);
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const OperatorNode& n = graph_.nodes[i];
    reached[i] = std::ranges::any_of(
        n.outputs, [&](const std::string& output) { return !output.empty() && wanted.contains(output); });
    if (reached[i]) std::ranges::for_each(n.inputs, want);
  }
  return reached;
}

void BoundGraph::find_data_nodes() {
  is_data_node_ = reached(true);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!is_data_node_[i]) continue;
    data_nodes_.push_back(i);
    for (const std::string& input : node(i).inputs) ++users_[input];
    for (const std::string& output : node(i).outputs)
      if (!output.empty()) producers_[output] = i;
  }
  for (const GraphValue& output : graph_.outputs) ++users_[output.name];
}

bool BoundGraph::is_data_node(std::size_t node) const { return is_data_node_[node]; }

std::vector<std::size_t> BoundGraph::unused_nodes() const {
  const std::vector<bool> used = reached(false);
  std::vector<std::size_t> unused;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i]) unused.push_back(i);
  return unused;
}

const ValueInfo& BoundGraph::info(std::string_view value) const {
  static const ValueInfo none;
  const auto found = infos_.find(value);
  return found == infos_.end() ? none : found->second;
}

const Tensor* BoundGraph::constant(std::string_view value) const {
  const ValueInfo& known = info(value);
  return known.value && !by_batch_.contains(value) ? &known.value : nullptr;
}

bool BoundGraph::is_data(std::string_view value) const {
  const ValueInfo& known = info(value);
  return known.type != ElementType::none && !known.value;
}

bool BoundGraph::is_batched(std::string_view value) const {
  const ValueInfo& known = info(value);
  return is_floating(known.type) && known.dims && !known.dims->empty() && (*known.dims)[0] == batch_ &&
         std::ranges::all_of(*known.dims, [](std::int64_t dim) { return dim > 0; });
}

Dims BoundGraph::example_dims(std::string_view value) const {
  const Dims& dims = *info(value).dims;
  return {dims.begin() + 1, dims.end()};
}

bool BoundGraph::keeps_numbers(const OperatorNode& cast) const {
  const ElementType from = info(cast.inputs[0]).type, to = info(cast.outputs[0]).type;
  return is_floating(from) && is_floating(to) &&
         (from == to || (to != ElementType::float16 && to != ElementType::bfloat16));
}

std::size_t BoundGraph::users(std::string_view value) const {
  const auto found = users_.find(value);
  return found == users_.end() ? 0 : found->second;
}

bool BoundGraph::is_result(std::string_view value) const {
  return std::ranges::any_of(graph_.outputs, [&](const GraphValue& output) { return output.name == value; });
}

std::size_t BoundGraph::producer(std::string_view value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? graph_.nodes.size() : found->second;
}

Tensor BoundGraph::folded_for_one(std::string_view value) const {
  if (!one_) one_ = infer(1);
  const auto found = one_->find(value);
  return found == one_->end() ? Tensor() : found->second.value;
}

}  // namespace halfwave
