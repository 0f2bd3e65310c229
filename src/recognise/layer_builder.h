#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recognise/activations.h"
#include "recognise/bound_graph.h"
#include "recognise/steps.h"

namespace halfwave {

/// Why a part of a graph cannot be said in layers.
struct NoLayer {
  std::string reason;
};

/// Makes steps of the nodes of a graph, one after the other. What a node does to the order of its numbers is
/// kept in the views of its values; layers that move numbers (flatten, unflatten) are made only where a layer
/// wants its input otherwise.
class LayerBuilder {
 public:
  explicit LayerBuilder(const BoundGraph& graph);

  /// What is known so far.
  struct State {
    std::vector<Step> steps;
    InputStep input;
    std::map<std::string, View, std::less<>> views;
  };
  State state;

  /// What it takes to try a part of the graph that begins with a value, and to go back where that fails: of
  /// the steps so far only that value's is changed meanwhile.
  struct Snapshot {
    std::size_t steps;
    std::size_t changed;
    Step step;
    InputStep input;
    std::map<std::string, View, std::less<>> views;
  };
  /// Forgets all other values.
  Snapshot begin(const std::string& value);
  void go_back(const Snapshot& snapshot);

  /// Adds what a node, or a group of nodes, comes to. Throws NoLayer.
  void add(std::size_t node);
  void add(const FoundLayer& layer, std::size_t last);
  /// A layer that runs operators, from one value of the graph to another, or to all results (to = "").
  void add_region(const std::vector<std::size_t>& nodes, const std::string& from, const std::string& to,
                  const std::string& reason);

  const View& view_of(std::string_view value) const;
  /// The value as the network's end: a row in the file's order.
  View as_result(std::string_view value);

  // For the rules (rules_*.cpp), each of which adds one node.
  const BoundGraph& graph() const { return graph_; }
  const OperatorNode& node() const { return *node_; }
  std::size_t node_index() const { return index_; }
  [[noreturn]] void fail(const std::string& why) const;

  /// Input i of the node: a value, or else a constant. constant_at: null where it is left out.
  bool is_data(std::size_t i) const;
  const View& data(std::size_t i) const;
  const Tensor* constant_at(std::size_t i) const;
  /// A constant that must be there.
  const Tensor& weights_at(std::size_t i) const;
  /// Dimensions behind the batch of the node's first input and output.
  Dims input_dims() const;
  Dims output_dims() const;
  /// An axis of a value of this rank (with the batch), counted from the end where it is negative, as an axis
  /// of its view; fails for the batch's.
  std::size_t view_axis(std::int64_t axis, std::size_t rank) const;

  const Shape& shape_of(const View& view) const;
  /// The same numbers in a row of the view's order; in a grid whose channels are the view's first axis. They
  /// add steps where necessary.
  View as_row(const View& view);
  View as_grid(const View& view);
  /// The same view with an axis that is the channels of its step.
  View with_channels(const View& view, std::size_t axis);
  /// Of the raw input: as what the network takes; others as they are.
  View settled(const View& view);
  /// The view's axes, of which number `channels` is the channels, on a grid of as many positions with other
  /// channels.
  std::vector<Axis> seen_from(const View& view, std::size_t channels, const Shape& shape) const;
  /// The view's axis `axis` before all others; and back.
  static View channels_to_front(View view, std::size_t axis);
  static View channels_back(View view, std::size_t axis);

  /// Adds a step that takes the outputs of those steps; fails where the layer does not fit them.
  std::size_t add_step(std::string_view kind, std::vector<double> fields, std::vector<std::size_t> inputs,
                       std::vector<StepTensor> tensors, const std::string& name);
  /// Named after the node.
  std::size_t add_step(std::string_view kind, std::vector<double> fields, std::vector<std::size_t> inputs,
                       std::vector<StepTensor> tensors = {}) {
    return add_step(kind, std::move(fields), std::move(inputs), std::move(tensors), node().name);
  }
  Step& step(std::size_t i) { return state.steps[i]; }
  /// Makes a step's layer again after its fields have changed.
  void remake(Step& step) const;
  /// A constant, input i of the node, as a layer's tensor.
  StepTensor tensor(std::size_t i, Dims dims) const;

  /// The node's output: a step seen through axes, which must be as ONNX has it.
  void set_output(View view);
  void set_output(std::size_t step, std::vector<Axis> axes);
  /// It is the input's numbers along other axes, and no layer.
  void set_moved(std::vector<Axis> axes);

 private:
  void add_norm(const FoundLayer& layer);
  bool become_brelu(const View& view);
  /// A view of the raw input, whose elements are to be a row, or a grid channel by channel.
  View of_input(const View& view, const Shape& shape);
  std::size_t add_flatten(std::size_t from, bool by_channel, const std::string& name);
  std::size_t add_unflatten(std::size_t from, const Shape& shape, bool by_channel, const std::string& name);

  const BoundGraph& graph_;
  const bool has_grids_;  ///< some node works on a grid whose channels come first
  const OperatorNode* node_ = nullptr;
  std::size_t index_ = 0;
};

using Rule = void (*)(LayerBuilder& builder);
/// The rule of an operator, or null.
Rule find_rule(std::string_view op);

// The files rules_*.cpp; rules.cpp lists them.
using RuleList = std::vector<std::pair<std::string_view, Rule>>;
RuleList rules_of_moves();     ///< Reshape, Transpose, Identity, Dropout, …
RuleList rules_of_products();  ///< Gemm, MatMul
RuleList rules_of_windows();   ///< Conv, ConvTranspose, MaxPool, …, Pad, Resize
RuleList rules_of_channels();  ///< numbers by channel: BatchNormalization, Softmax, PRelu, global pools, …
RuleList rules_of_joins();     ///< Add, Mul, … of two values or with a constant, Concat

}  // namespace halfwave
