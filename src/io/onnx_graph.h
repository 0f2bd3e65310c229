#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "layers/shape.h"

namespace halfwave {

// The few ways in which Halfwave adds to an ONNX graph.

/// An example as a value of the graph, without the batch: [units], [channels, length] or [channels, height,
/// width].
std::vector<std::size_t> value_shape(const Shape& shape);
/// One number a channel, so that it broadcasts to such values: [units], [channels, 1] or [channels, 1, 1].
std::vector<std::size_t> channel_shape(const Shape& shape);

/// Adds a node with one output, which is named like the node; its name.
std::string add_node(onnx::GraphProto& graph, const std::string& name, const std::string& op,
                     const std::vector<std::string>& inputs);

/// A Constant node of that name: a list of integers or of floats. (A node, because onnx 1.12 infers no shapes
/// from a tensor of the graph.)
std::string add_list(onnx::GraphProto& graph, const std::string& name, std::span<const std::int64_t> values);
std::string add_list(onnx::GraphProto& graph, const std::string& name, std::span<const float> values);

/// A Flatten node of that name: each example as one row, in the order of its axes.
std::string add_flatten(onnx::GraphProto& graph, const std::string& name, const std::string& x);

void add_attribute(onnx::NodeProto& node, const std::string& name, float value);
void add_attribute(onnx::NodeProto& node, const std::string& name, std::int64_t value);
void add_attribute(onnx::NodeProto& node, const std::string& name, const std::string& value);
void add_attribute(onnx::NodeProto& node, const std::string& name, std::span<const std::int64_t> values);
void add_attribute(onnx::NodeProto& node, const std::string& name, const std::vector<std::string>& values);
void add_attribute(onnx::NodeProto& node, const std::string& name, onnx::TensorProto value);

/// Declares a tensor of floats; its numbers are set by fill_tensor.
onnx::TensorProto& add_tensor(onnx::GraphProto& graph, const std::string& name,
                              std::span<const std::size_t> shape);
void fill_tensor(onnx::TensorProto& tensor, std::span<const float> numbers);

/// Declares type and shape of a value of the graph: [batch, shape …].
void declare_value(onnx::ValueInfoProto& value, const std::string& name, onnx::TensorProto::DataType type,
                   std::span<const std::int64_t> shape);

}  // namespace halfwave
