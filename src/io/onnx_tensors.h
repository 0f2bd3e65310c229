#pragma once
#include <onnx/onnx_pb.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layers/shape.h"

namespace halfwave {

/// The float tensors stored in a graph, checked: types, and as many numbers as their shapes say.
class OnnxTensors {
 public:
  /// Throws Error (input) naming the tensor. The graph must outlive this.
  explicit OnnxTensors(const onnx::GraphProto& graph);

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  /// Numbers in all of them.
  std::size_t numbers() const { return numbers_; }
  /// Throws Error (input) where there is no such tensor or it has another shape.
  void check_shape(const std::string& name, std::span<const std::size_t> shape) const;
  /// The numbers, row after row. Throws as check_shape, and where one of them is not finite.
  std::vector<float> get(const std::string& name, std::span<const std::size_t> shape) const;
  /// A number for each of an example's, channel by channel. The tensor may hold a single number, one a
  /// channel, or be left out where all are `neutral`.
  std::vector<float> get_constant(const std::string& name, const Shape& shape, float neutral) const;

 private:
  const onnx::TensorProto& find(const std::string& name) const;

  std::map<std::string, const onnx::TensorProto*, std::less<>> tensors_;
  std::size_t numbers_ = 0;
};

}  // namespace halfwave
