#pragma once
// Small ONNX models of other programs, made node by node.
#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "operators/tensor.h"

namespace halfwave::test {

/// IR version 8, opset 17, one input x [batch, 3] and one output y, both of floats.
inline onnx::ModelProto empty_model() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("another program");
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("graph");
  const auto declare = [](onnx::ValueInfoProto& value, const char* name) {
    value.set_name(name);
    auto& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    type.mutable_shape()->add_dim()->set_dim_value(3);
  };
  declare(*graph.add_input(), "x");
  declare(*graph.add_output(), "y");
  return model;
}

/// Adds a node to a graph or a function.
template <class Body>
onnx::NodeProto& add_node(Body& body, const std::string& op, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs, const std::string& name = "") {
  onnx::NodeProto& node = *body.add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

/// An initialiser of floats.
inline onnx::TensorProto& add_floats(onnx::GraphProto& graph, const std::string& name, const Dims& dims,
                                     const std::vector<float>& numbers) {
  onnx::TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  for (const float number : numbers) tensor.add_float_data(number);
  return tensor;
}

inline onnx::AttributeProto& add_integer(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

/// y = relu(x + shift), shift an initialiser.
inline onnx::ModelProto shift_relu() {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  add_floats(graph, "shift", {3}, {1, -2, 3});
  add_node(graph, "Add", {"x", "shift"}, {"moved"}, "add");
  add_node(graph, "Relu", {"moved"}, {"y"}, "relu");
  return model;
}

}  // namespace halfwave::test
