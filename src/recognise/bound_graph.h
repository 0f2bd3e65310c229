#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "operators/operator_graph.h"

namespace halfwave {

/// A graph with what is known of its values for one size of the batch, reduced to what its results depend on:
/// its data nodes, those that take an input of the graph, themselves or by others. All else is constant.
class BoundGraph {
 public:
  /// Throws Error (input) where the graph cannot be run: an operator is not known, shapes do not fit or are
  /// not fixed, it has no inputs. `one_example`: an open batch is 1.
  explicit BoundGraph(const OperatorGraph& graph, bool one_example = false);

  const OperatorGraph& graph() const { return graph_; }
  const OperatorNode& node(std::size_t i) const { return graph_.nodes[i]; }
  /// Examples along the first axis of the values that it was bound with.
  std::int64_t batch() const { return batch_; }
  /// The file leaves the number of examples open.
  bool any_batch() const { return any_batch_; }

  /// In their order.
  const std::vector<std::size_t>& data_nodes() const { return data_nodes_; }
  bool is_data_node(std::size_t node) const;
  /// Indices of nodes that no result depends on.
  std::vector<std::size_t> unused_nodes() const;

  /// What is known of a value; type none where it is left out.
  const ValueInfo& info(std::string_view value) const;
  /// The value where it is the same for every example and every batch, else null.
  const Tensor* constant(std::string_view value) const;
  /// A value that depends on the input, and not only on its shape.
  bool is_data(std::string_view value) const;
  /// Floating numbers with the examples along the first axis: dims() behind it.
  bool is_batched(std::string_view value) const;
  Dims example_dims(std::string_view value) const;

  /// How many inputs of data nodes, and results, a value is.
  std::size_t users(std::string_view value) const;
  bool is_result(std::string_view value) const;
  /// The data node that makes a value, or size() of the nodes.
  std::size_t producer(std::string_view value) const;

  /// A Cast between floating numbers that does not round to 16 bits.
  bool keeps_numbers(const OperatorNode& cast) const;

  /// What a value that follows from shapes is for a batch of one example.
  Tensor folded_for_one(std::string_view value) const;

 private:
  using Infos = std::map<std::string, ValueInfo, std::less<>>;

  Infos infer(std::int64_t batch) const;
  void check_sizes() const;
  std::vector<Dims> input_dims(std::int64_t batch) const;
  void find_data_nodes();
  std::vector<bool> reached(bool data_only) const;

  const OperatorGraph& graph_;
  std::int64_t batch_ = 1;
  bool any_batch_ = false;
  Infos infos_;
  mutable std::optional<Infos> one_;             ///< for one example, once it was asked for
  std::set<std::string, std::less<>> by_batch_;  ///< known values that the size of the batch is part of
  std::vector<std::size_t> data_nodes_;
  std::vector<bool> is_data_node_;
  std::map<std::string, std::size_t, std::less<>> users_, producers_;
};

}  // namespace halfwave
