#pragma once
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operators/tensor.h"

namespace halfwave {

using AttributeValue = std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>,
                                    std::vector<float>, std::vector<std::string>>;

/// A node of a graph: an operator, what it takes and what it makes, by the values' names. "" is an input or
/// output that is left out.
struct OperatorNode {
  std::string name;  ///< unique and not empty: nodes without one are named after their first output
  std::string op;
  std::string domain;      ///< "" is ONNX's own
  std::int64_t opset = 0;  ///< of its domain, as the file imports it
  std::vector<std::string> inputs, outputs;
  std::map<std::string, AttributeValue, std::less<>> attributes;

  /// "node 'fc1' (Gemm, opset 13)".
  std::string place() const;

  bool has(std::string_view attribute) const { return attributes.find(attribute) != attributes.end(); }
  // The attribute, or the default where there is none. Throw Error (input) where it is of another type.
  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  float number(std::string_view attribute, float otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view attribute,
                                     std::vector<std::int64_t> otherwise = {}) const;
  std::vector<float> numbers(std::string_view attribute) const;
  std::vector<std::string> texts(std::string_view attribute) const;
  std::optional<Tensor> tensor(std::string_view attribute) const;
};

/// What is declared of a value that comes into or goes out of a graph.
struct GraphValue {
  std::string name;
  ElementType type = ElementType::float32;
  Dims dims;                                ///< -1: any, named or not
  std::vector<std::string> names;           ///< of the dimensions that are -1; "" where they have none
  bool has_dims = true;                     ///< else nothing is declared of its shape
  ElementType element = ElementType::none;  ///< of a sequence: the type of its tensors
};

/// A computation on tensors, as ONNX describes it: checked, its nodes in an order in which every one comes
/// after those whose outputs it takes, every value made once.
struct OperatorGraph {
  std::vector<GraphValue> inputs, outputs;
  std::map<std::string, Tensor, std::less<>>
      constants;  ///< initialisers; the value of an input with a default
  std::vector<OperatorNode> nodes;

  const Tensor* constant(std::string_view name) const {
    const auto found = constants.find(name);
    return found == constants.end() ? nullptr : &found->second;
  }
};

/// The results for the inputs given in the order of graph.inputs. Throws Error (input) naming the node where
/// shapes, types or values do not fit, or an operator is not known.
std::vector<Tensor> run_graph(const OperatorGraph& graph, std::span<const Tensor> inputs, int threads = 1);

/// What is known of a value before anything is computed.
struct ValueInfo {
  ElementType type = ElementType::none;
  std::optional<Dims> dims;  ///< not known where they depend on numbers that are not known
  Tensor value;              ///< where it follows from constants and shapes alone; else empty
  // Of a sequence only:
  ElementType element = ElementType::none;  ///< the type of its tensors; none where an empty one has no type
  std::vector<ValueInfo> tensors{};         ///< where it is known how many they are; else empty
};
/// Everything, of a value that is there; nothing where it is left out.
ValueInfo info_of(const Tensor& value);

/// Of every value of the graph, by name, given the inputs' dimensions. Constants are folded: what depends on
/// constants and on shapes only is computed, up to kLargestFolded elements and kMostFoldedWork
/// multiply-adds in all. Throws Error (input) naming the node.
std::map<std::string, ValueInfo, std::less<>> infer_graph(const OperatorGraph& graph,
                                                          std::span<const Dims> input_dims);
inline constexpr std::size_t kLargestFolded = std::size_t{1} << 24;
inline constexpr double kMostFoldedWork = 0x1p28;

/// Throws Error (input) where the operator of a node (or its opset) is not known, naming it and all that are.
void check_operators(const OperatorGraph& graph);

}  // namespace halfwave
