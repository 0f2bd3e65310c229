#pragma once
#include <onnx/onnx_pb.h>

#include "operators/tensor.h"

namespace halfwave {

/// Most elements that a sparse tensor may stand for.
inline constexpr std::int64_t kLargestSparse = std::int64_t{1} << 24;

/// The tensor that a message holds itself. Throws Error (input) naming it where its elements are in another
/// file, are of a type that Halfwave does not know, or are not as many as its dimensions say; nothing is
/// allocated before that is known.
Tensor decode_tensor(const onnx::TensorProto& proto);
/// The same of a sparse tensor (coordinates and values), with its zeros.
Tensor decode_tensor(const onnx::SparseTensorProto& proto);

/// Gives the message these elements, type and dimensions; its name stays.
void encode_tensor(const Tensor& tensor, onnx::TensorProto& proto);

/// What an ONNX file says of a type of elements: those that Halfwave knows. Throws Error (input) for others.
ElementType element_type(int onnx_type);

}  // namespace halfwave
