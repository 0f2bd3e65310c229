#pragma once
#include <vector>

#include "one_node.h"

namespace halfwave {

/// A node and inputs that it takes.
struct OperatorSample {
  OperatorNode node;
  std::vector<Tensor> inputs;
};

/// Numbers 0, 1, 2, …, in [-4, 4].
inline Tensor counted(Dims dims, ElementType type = ElementType::float32) {
  Tensor made(ElementType::float32, std::move(dims));
  float next = 0.0f;
  for (float& x : made.elements<float>()) {
    x = next;
    next = next == 4.0f ? -4.0f : next + 1.0f;
  }
  return made.cast(type);
}
inline Tensor whole(std::initializer_list<std::int64_t> numbers) {
  return tensor<std::int64_t>({static_cast<std::int64_t>(numbers.size())}, numbers);
}
inline Tensor number(std::int64_t value) { return Tensor::scalar(value); }
using Ints = std::vector<std::int64_t>;

/// Of every operator that moves elements, convolves, multiplies, pools, normalises, resizes or takes
/// sequences: its forms.
inline std::vector<OperatorSample> operator_samples() {
  const Tensor image = counted({1, 4, 5, 6}), matrix = counted({3, 4}), row = counted({4});
  std::vector<OperatorSample> samples;
  const auto add = [&](std::string op, std::int64_t opset,
                       std::map<std::string, AttributeValue, std::less<>> attributes,
                       std::vector<Tensor> inputs, std::size_t outputs = 1) {
    samples.push_back({one_node(std::move(op), opset, std::move(attributes), outputs), std::move(inputs)});
  };
  add("Reshape", 1, {{"shape", Ints{2, -1}}}, {matrix});
  add("Reshape", 14, {{"allowzero", std::int64_t{0}}}, {matrix, whole({0, 2, -1})});
  add("Flatten", 11, {{"axis", std::int64_t{-2}}}, {image});
  add("Transpose", 13, {{"perm", Ints{0, 2, 3, 1}}}, {image});
  add("Squeeze", 11, {{"axes", Ints{0, -1}}}, {counted({1, 3, 1})});
  add("Squeeze", 13, {}, {counted({1, 3, 1}), whole({0})});
  add("Unsqueeze", 11, {{"axes", Ints{0, 3}}}, {matrix});
  add("Unsqueeze", 13, {}, {matrix, whole({-1})});
  add("Concat", 13, {{"axis", std::int64_t{1}}}, {matrix, counted({3, 2}), matrix});
  add("Split", 11, {{"axis", std::int64_t{1}}, {"split", Ints{1, 3}}}, {matrix}, 2);
  add("Split", 13, {{"axis", std::int64_t{-1}}}, {matrix, whole({1, 3})}, 2);
  add("Split", 18, {{"num_outputs", std::int64_t{2}}}, {matrix}, 2);
  add("Slice", 1, {{"starts", Ints{0, 1}}, {"ends", Ints{2, 9}}, {"axes", Ints{1, 0}}}, {matrix});
  add("Slice", 13, {}, {matrix, whole({-1, 0}), whole({-9, 3}), whole({1, 0}), whole({-2, 2})});
  add("Pad", 2, {{"pads", Ints{1, 0, 2, 3}}, {"mode", "edge"}}, {matrix});
  add("Pad", 13, {{"mode", "reflect"}}, {matrix, whole({1, 2, -1, 0})});
  add("Pad", 19, {{"mode", "wrap"}}, {matrix, whole({1, 2}), Tensor(), whole({1})});
  add("Constant", 13, {{"value_ints", Ints{1, 2}}}, {});
  add("ConstantOfShape", 9, {{"value", Tensor::scalar(2.0f).reshaped({1})}}, {whole({2, 3})});
  add("Shape", 15, {{"start", std::int64_t{1}}, {"end", std::int64_t{-1}}}, {image});
  add("Size", 13, {}, {image});
  add("Gather", 13, {{"axis", std::int64_t{1}}}, {matrix, whole({3, -4, 0})});
  add("GatherElements", 13, {{"axis", std::int64_t{0}}}, {matrix, whole({2, -1}).reshaped({1, 2})});
  add("GatherND", 12, {{"batch_dims", std::int64_t{1}}}, {matrix, whole({0, 1, 3}).reshaped({3, 1})});
  add("ScatterElements", 16, {{"axis", std::int64_t{1}}, {"reduction", "add"}},
      {matrix, whole({3, -4}).reshaped({2, 1}), counted({2, 1})});
  add("ScatterND", 16, {}, {matrix, whole({2, 0}).reshaped({2, 1}), counted({2, 4})});
  add("Expand", 13, {}, {row, whole({2, 3, 1})});
  add("Tile", 13, {}, {matrix, whole({2, 1})});
  add("Tile", 1, {}, {matrix, number(2), number(1)});
  add("Range", 11, {}, {number(1), number(9), number(3)});
  add("DepthToSpace", 13, {{"blocksize", std::int64_t{2}}, {"mode", "CRD"}}, {image});
  add("SpaceToDepth", 13, {{"blocksize", std::int64_t{2}}}, {counted({1, 2, 4, 6})});
  add("OneHot", 11, {{"axis", std::int64_t{0}}}, {whole({1, -1, 7}), number(3), counted({2})});
  add("Trilu", 14, {{"upper", std::int64_t{0}}}, {matrix, number(-1)});
  add("TopK", 11, {{"axis", std::int64_t{1}}}, {matrix, whole({2})}, 2);
  add("MatMul", 13, {}, {counted({2, 3, 4}), counted({2, 4, 5})});
  add("MatMul", 13, {}, {row, counted({2, 4, 5})});
  add("Gemm", 13, {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}, {"alpha", 0.5f}},
      {counted({4, 3}), counted({2, 4}), counted({3, 1})});
  add("Gemm", 6, {{"broadcast", std::int64_t{1}}}, {matrix, counted({4, 2}), counted({2})});
  add("Conv", 11,
      {{"group", std::int64_t{2}},
       {"pads", Ints{1, 0, 2, 1}},
       {"strides", Ints{2, 1}},
       {"dilations", Ints{1, 2}},
       {"kernel_shape", Ints{3, 2}}},
      {image, counted({6, 2, 3, 2}), counted({6})});
  add("Conv", 11, {{"auto_pad", "SAME_LOWER"}, {"strides", Ints{2, 2}}}, {image, counted({1, 4, 2, 2})});
  add("ConvTranspose", 11,
      {{"pads", Ints{1, 0, 0, 1}}, {"strides", Ints{2, 3}}, {"output_padding", Ints{1, 0}}},
      {image, counted({4, 3, 2, 3}), counted({3})});
  add("ConvTranspose", 11, {{"output_shape", Ints{9, 12}}, {"strides", Ints{2, 2}}},
      {image, counted({4, 1, 2, 2})});
  add("MaxPool", 12,
      {{"kernel_shape", Ints{2, 3}},
       {"pads", Ints{1, 0, 0, 1}},
       {"strides", Ints{2, 1}},
       {"dilations", Ints{1, 2}},
       {"ceil_mode", std::int64_t{1}}},
      {image}, 2);
  add("AveragePool", 19,
      {{"kernel_shape", Ints{3, 2}},
       {"pads", Ints{1, 1, 1, 0}},
       {"strides", Ints{2, 2}},
       {"dilations", Ints{1, 1}},
       {"count_include_pad", std::int64_t{1}}},
      {image});
  add("LpPool", 11, {{"kernel_shape", Ints{2, 2}}, {"p", std::int64_t{3}}}, {image});
  add("GlobalAveragePool", 1, {}, {image});
  add("GlobalMaxPool", 1, {}, {image});
  add("GlobalLpPool", 2, {}, {image});
  const Tensor positive = tensor<float>({4}, {1, 2, 3, 4});
  add("BatchNormalization", 15, {{"epsilon", 1e-3f}}, {image, row, row, row, positive});
  add("BatchNormalization", 14, {{"training_mode", std::int64_t{1}}}, {image, row, row, row, positive}, 3);
  add("BatchNormalization", 7, {{"spatial", std::int64_t{0}}}, {counted({2, 4}), row, row, row, positive});
  add("LayerNormalization", 17, {{"axis", std::int64_t{-1}}}, {matrix, row, row}, 3);
  add("RMSNormalization", 23, {{"axis", std::int64_t{1}}}, {matrix, row});
  add("InstanceNormalization", 6, {}, {image, row, row});
  add("GroupNormalization", 21, {{"num_groups", std::int64_t{2}}}, {image, row, row});
  add("GroupNormalization", 18, {{"num_groups", std::int64_t{4}}}, {image, row, row});
  add("LRN", 13, {{"size", std::int64_t{3}}}, {image});
  add("LpNormalization", 1, {{"axis", std::int64_t{0}}, {"p", std::int64_t{1}}}, {matrix});
  add("MeanVarianceNormalization", 13, {{"axes", Ints{0, 2}}}, {image});
  add("Resize", 10, {}, {image, tensor<float>({4}, {1, 1, 2, 0.5f})});
  add("Resize", 13, {{"mode", "linear"}}, {image, Tensor(), tensor<float>({4}, {1, 1, 2, 0.5f})});
  add("Resize", 13, {{"mode", "cubic"}, {"coordinate_transformation_mode", "tf_crop_and_resize"}},
      {image, tensor<float>({8}, {0, 0, 0, 0.5f, 1, 1, 1, 2}), Tensor(), whole({1, 4, 7, 3})});
  add("Resize", 18, {{"axes", Ints{3, 2}}, {"keep_aspect_ratio_policy", "not_larger"}},
      {image, Tensor(), Tensor(), whole({9, 4})});
  add("Upsample", 9, {{"mode", "linear"}}, {image, tensor<float>({4}, {1, 1, 2, 3})});
  add("Upsample", 7, {{"scales", std::vector<float>{1, 1, 2, 1}}}, {image});
  const Tensor three = sequence({matrix, counted({3, 2}), matrix});
  add("SequenceConstruct", 11, {}, {matrix, row, matrix});
  add("SequenceEmpty", 11, {{"dtype", std::int64_t{7}}}, {});
  add("SequenceInsert", 11, {}, {three, row, number(-3)});
  add("SequenceInsert", 11, {}, {three, row});
  add("SequenceErase", 11, {}, {three, number(1)});
  add("SequenceAt", 11, {}, {three, number(-2)});
  add("SequenceLength", 11, {}, {three});
  add("SplitToSequence", 11, {{"axis", std::int64_t{-1}}}, {matrix, number(3)});
  add("SplitToSequence", 11, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}, {matrix});
  add("ConcatFromSequence", 11, {{"axis", std::int64_t{1}}}, {three});
  add("ConcatFromSequence", 11, {{"axis", std::int64_t{-1}}, {"new_axis", std::int64_t{1}}},
      {sequence({matrix, matrix})});
  add("Identity", 16, {}, {three});
  return samples;
}

}  // namespace halfwave
