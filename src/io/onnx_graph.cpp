#include "io/onnx_graph.h"

#include <bit>

namespace halfwave {
namespace {

onnx::AttributeProto& add_attribute(onnx::NodeProto& node, const std::string& name,
                                    onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

std::vector<std::size_t> value_shape(const Shape& shape) {
  if (shape.rank == 0) return {shape.channels};
  if (shape.rank == 1) return {shape.channels, shape.width};
  return {shape.channels, shape.height, shape.width};
}

std::vector<std::size_t> channel_shape(const Shape& shape) {
  std::vector<std::size_t> result(static_cast<std::size_t>(shape.rank) + 1, 1);
  result[0] = shape.channels;
  return result;
}

std::string add_node(onnx::GraphProto& graph, const std::string& name, const std::string& op,
                     const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_name(name);
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(name);
  return name;
}

namespace {

std::string add_list(onnx::GraphProto& graph, const std::string& name, onnx::TensorProto list,
                     std::size_t size) {
  list.add_dims(static_cast<std::int64_t>(size));
  add_node(graph, name, "Constant", {});
  halfwave::add_attribute(*graph.mutable_node()->rbegin(), "value", std::move(list));
  return name;
}

}  // namespace

std::string add_list(onnx::GraphProto& graph, const std::string& name, std::span<const std::int64_t> values) {
  onnx::TensorProto list;
  list.set_data_type(onnx::TensorProto::INT64);
  for (const std::int64_t value : values) list.add_int64_data(value);
  return add_list(graph, name, std::move(list), values.size());
}

std::string add_list(onnx::GraphProto& graph, const std::string& name, std::span<const float> values) {
  onnx::TensorProto list;
  list.set_data_type(onnx::TensorProto::FLOAT);
  for (const float value : values) list.add_float_data(value);
  return add_list(graph, name, std::move(list), values.size());
}

std::string add_flatten(onnx::GraphProto& graph, const std::string& name, const std::string& x) {
  add_node(graph, name, "Flatten", {x});
  add_attribute(*graph.mutable_node()->rbegin(), "axis", std::int64_t{1});
  return name;
}

void add_attribute(onnx::NodeProto& node, const std::string& name, float value) {
  add_attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}

void add_attribute(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  add_attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}

void add_attribute(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  add_attribute(node, name, onnx::AttributeProto::STRING).set_s(value);
}

void add_attribute(onnx::NodeProto& node, const std::string& name, std::span<const std::int64_t> values) {
  onnx::AttributeProto& attribute = add_attribute(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void add_attribute(onnx::NodeProto& node, const std::string& name, const std::vector<std::string>& values) {
  onnx::AttributeProto& attribute = add_attribute(node, name, onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) attribute.add_strings(value);
}

void add_attribute(onnx::NodeProto& node, const std::string& name, onnx::TensorProto value) {
  *add_attribute(node, name, onnx::AttributeProto::TENSOR).mutable_t() = std::move(value);
}

onnx::TensorProto& add_tensor(onnx::GraphProto& graph, const std::string& name,
                              std::span<const std::size_t> shape) {
  onnx::TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::size_t size : shape) tensor.add_dims(static_cast<std::int64_t>(size));
  return tensor;
}

void fill_tensor(onnx::TensorProto& tensor, std::span<const float> numbers) {
  static_assert(std::endian::native == std::endian::little, "ONNX stores numbers in little endian");
  tensor.set_raw_data(numbers.data(), numbers.size_bytes());
}

void declare_value(onnx::ValueInfoProto& value, const std::string& name, onnx::TensorProto::DataType type,
                   std::span<const std::int64_t> shape) {
  value.set_name(name);
  onnx::TypeProto::Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const std::int64_t size : shape) tensor.mutable_shape()->add_dim()->set_dim_value(size);
}

}  // namespace halfwave
