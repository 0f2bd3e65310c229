#pragma once
#include <halfwave/error.h>

#include <span>
#include <string_view>
#include <vector>

#include "operators/operator_graph.h"

namespace halfwave {

/// One ONNX operator as it is from one opset on, until its next declaration.
///
/// `infer` tells types and dimensions of the outputs (as many as node.outputs) from what is known of the
/// inputs; one that is left out has type none. Where dimensions depend on the value of an input that is not
/// known (Reshape's shape) it leaves them open. It throws input_error (the graph adds the node's name) where
/// inputs do not fit; after it compute() cannot fail but by values. When a graph runs, all values are known.
/// Dimensions that it is given are at most kLargestTensor; inputs may be fewer or more than the operator has.
///
/// `compute` fills the outputs, made beforehand as inferred, all zero; those that nobody wants are left out
/// (empty), but never all of them. An output whose dimensions infer() left open even so is made by compute()
/// itself.
struct OperatorCall {
  const OperatorNode& node;
  std::span<const Tensor> inputs;
  std::span<Tensor> outputs;
  int threads = 1;

  /// An input that is there.
  bool has(std::size_t i) const { return i < inputs.size() && inputs[i]; }
};

struct Operator {
  std::string_view name;
  std::int64_t since;  ///< first opset of this form
  std::vector<ValueInfo> (*infer)(const OperatorNode& node, std::span<const ValueInfo> inputs);
  void (*compute)(const OperatorCall& call);
  /// Multiply-adds for an element of its output, where they are many: an upper bound, given inputs of known
  /// dimensions.
  double (*work)(const OperatorNode& node, std::span<const ValueInfo> inputs) = nullptr;
  bool sequences = false;  ///< inputs may be sequences; any other operator is never given one
  std::string_view domain = "";
};

/// Every operator, in alphabetical order of name, then of opset.
std::span<const Operator> operators();
/// The form of the node's operator in its opset; null where it is not known.
const Operator* find_operator(const OperatorNode& node);

/// Operators that belong together, for lists and documents.
struct OperatorFamily {
  std::string_view name;
  std::span<const Operator> (*declared)();
};
std::span<const OperatorFamily> operator_families();

// The files of src/operators/, each a family; operator_families() lists them.
std::span<const Operator>
elementwise_operators();  // arithmetic, functions, comparison, logic, Where, Clip, Cast
std::span<const Operator> activation_operators();     // Relu … Softmax
std::span<const Operator> reduction_operators();      // Reduce*, ArgMax, ArgMin, CumSum
std::span<const Operator> shape_operators();          // Reshape, Transpose, Slice, Concat, Shape, …
std::span<const Operator> matrix_operators();         // MatMul, Gemm
std::span<const Operator> convolution_operators();    // Conv, ConvTranspose
std::span<const Operator> pooling_operators();        // MaxPool, AveragePool, Global*
std::span<const Operator> normalisation_operators();  // BatchNormalization, LayerNormalization, …
std::span<const Operator> resize_operators();         // Resize, Upsample
std::span<const Operator> text_operators();           // StringNormalizer
std::span<const Operator> sequence_operators();       // SequenceConstruct, SequenceAt, …

}  // namespace halfwave
