// Lost if these fail: graphs of other programs are read as they are meant: every way to store numbers,
// functions of the model, nodes in any order, names that are missing or alike.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <limits>

#include "halfwave/error.h"
#include "io/onnx_builder.h"
#include "io/onnx_decode.h"
#include "io/tensor_proto.h"

namespace halfwave::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OperatorGraph decode(onnx::ModelProto model) { return decode_graph(model, "."); }

std::string message_of(const onnx::ModelProto& model) {
  try {
    decode(model);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
}

std::vector<std::string> names(const OperatorGraph& graph) {
  std::vector<std::string> names;
  for (const OperatorNode& node : graph.nodes) names.push_back(node.name);
  return names;
}

onnx::TensorProto proto_of(int type, const Dims& dims) {
  onnx::TensorProto proto;
  proto.set_name("t");
  proto.set_data_type(type);
  for (const std::int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

template <class T>
std::vector<T> elements(const Tensor& tensor) {
  return {tensor.elements<T>().begin(), tensor.elements<T>().end()};
}

TEST(DecodeTensor, EveryTypeComesBackFromItsBytes) {
  for (int type = 1; type <= 16; ++type) {
    if (type == 14 || type == 15) continue;  // complex
    const auto kind = static_cast<ElementType>(type);
    Tensor tensor(kind, {2, 3});
    visit_type(kind, [&]<class T>(TypeTag<T>) {
      if constexpr (std::is_same_v<T, std::string>)
        tensor.elements<T>()[4] = "text";
      else if constexpr (!std::is_void_v<T>)
        tensor.elements<T>()[4] = T(static_cast<float>(1));
    });
    onnx::TensorProto proto;
    encode_tensor(tensor, proto);
    const Tensor back = decode_tensor(proto);
    EXPECT_EQ(back.type(), kind);
    EXPECT_EQ(back.dims(), (Dims{2, 3}));
    if (kind == ElementType::text) {
      EXPECT_EQ(back.elements<std::string>()[4], "text");
    } else {
      EXPECT_EQ(std::memcmp(back.data(), tensor.data(), tensor.bytes()), 0) << type_name(kind);
    }
  }
}

TEST(DecodeTensor, SmallTypesComeFromListsOfWiderOnes) {
  onnx::TensorProto half = proto_of(onnx::TensorProto::FLOAT16, {2});
  half.add_int32_data(0x3C00);
  half.add_int32_data(0xC000);
  EXPECT_THAT(elements<Float16>(decode_tensor(half)), ElementsAre(1.0f, -2.0f));
  onnx::TensorProto brain = proto_of(onnx::TensorProto::BFLOAT16, {1});
  brain.add_int32_data(0xBF80);
  EXPECT_THAT(elements<BFloat16>(decode_tensor(brain)), ElementsAre(-1.0f));
  onnx::TensorProto bytes = proto_of(onnx::TensorProto::INT8, {2});
  bytes.add_int32_data(-128);
  bytes.add_int32_data(127);
  EXPECT_THAT(elements<std::int8_t>(decode_tensor(bytes)), ElementsAre(-128, 127));
  onnx::TensorProto truth = proto_of(onnx::TensorProto::BOOL, {2});
  truth.add_int32_data(7);
  truth.add_int32_data(0);
  EXPECT_THAT(elements<bool>(decode_tensor(truth)), ElementsAre(true, false));
  onnx::TensorProto wide = proto_of(onnx::TensorProto::UINT32, {1});
  wide.add_uint64_data(std::numeric_limits<std::uint32_t>::max());
  EXPECT_THAT(elements<std::uint32_t>(decode_tensor(wide)), ElementsAre(4294967295u));
}

TEST(DecodeTensor, AnyByteButZeroIsTrue) {
  onnx::TensorProto truth = proto_of(onnx::TensorProto::BOOL, {3});
  truth.set_raw_data(std::string("\x02\x00\xFF", 3));
  EXPECT_THAT(elements<bool>(decode_tensor(truth)), ElementsAre(true, false, true));
}

TEST(DecodeTensor, SparseTensorsGetTheirZeros) {
  onnx::SparseTensorProto sparse;
  *sparse.mutable_values() = proto_of(onnx::TensorProto::FLOAT, {2});
  sparse.mutable_values()->add_float_data(5);
  sparse.mutable_values()->add_float_data(7);
  *sparse.mutable_indices() = proto_of(onnx::TensorProto::INT64, {2});
  sparse.mutable_indices()->add_int64_data(1);
  sparse.mutable_indices()->add_int64_data(5);
  sparse.add_dims(2);
  sparse.add_dims(3);
  EXPECT_THAT(elements<float>(decode_tensor(sparse)), ElementsAre(0, 5, 0, 0, 0, 7));
  *sparse.mutable_indices() = proto_of(onnx::TensorProto::INT64, {2, 2});  // coordinates
  for (const std::int64_t at : {0, 1, 1, 2}) sparse.mutable_indices()->add_int64_data(at);
  EXPECT_THAT(elements<float>(decode_tensor(sparse)), ElementsAre(0, 5, 0, 0, 0, 7));
  sparse.mutable_indices()->set_int64_data(3, 3);
  EXPECT_THROW(decode_tensor(sparse), Error);
}

TEST(DecodeGraph, NodesComeAfterWhatTheyNeed) {
  onnx::ModelProto model = shift_relu();
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  const OperatorGraph graph = decode_graph(model, ".");
  EXPECT_THAT(names(graph), ElementsAre("add", "relu"));
  EXPECT_EQ(model.graph().node(0).name(), "add");  // the model's nodes are the graph's, one by one
}

TEST(DecodeGraph, EveryNodeHasANameOfItsOwn) {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  add_node(graph, "Relu", {"x"}, {"a"}, "same");
  add_node(graph, "Relu", {"a"}, {"b"}, "same");
  add_node(graph, "Relu", {"b"}, {"same_2"});
  add_node(graph, "Relu", {"same_2"}, {"same"});
  add_node(graph, "Relu", {"same"}, {"y"});
  EXPECT_THAT(names(decode(model)), ElementsAre("same", "same_2", "same_2_2", "same_3", "y"));
}

TEST(DecodeGraph, InputsWithInitialisersAreConstants) {
  onnx::ModelProto model = shift_relu();
  model.set_ir_version(3);
  onnx::ValueInfoProto& input = *model.mutable_graph()->add_input();
  input = model.graph().input(0);
  input.set_name("shift");
  const OperatorGraph graph = decode(model);
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.inputs[0].name, "x");
  EXPECT_EQ(graph.inputs[0].dims, (Dims{-1, 3}));
  EXPECT_THAT(graph.inputs[0].names, ElementsAre("batch", ""));
  EXPECT_TRUE(graph.constant("shift"));
}

TEST(DecodeGraph, DomainsHaveTheirOwnOpsets) {
  onnx::ModelProto model = shift_relu();
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  onnx::OperatorSetIdProto& other = *model.add_opset_import();
  other.set_domain("com.example");
  other.set_version(3);
  model.mutable_graph()->mutable_node(1)->set_domain("com.example");
  const OperatorGraph graph = decode(model);
  EXPECT_EQ(graph.nodes[0].opset, 17);
  EXPECT_EQ(graph.nodes[1].opset, 3);
  EXPECT_EQ(graph.nodes[1].domain, "com.example");
}

/// y = twice(twice(x)), where twice(a) = leaky(a) + leaky(a) and the slope is the caller's.
onnx::ModelProto with_functions() {
  onnx::ModelProto model = empty_model();
  model.add_opset_import()->set_domain("mine");
  model.mutable_opset_import(1)->set_version(1);
  onnx::FunctionProto& twice = *model.add_functions();
  twice.set_name("twice");
  twice.set_domain("mine");
  twice.add_input("a");
  twice.add_output("b");
  twice.add_attribute("slope");
  twice.add_opset_import()->set_version(17);
  onnx::NodeProto& leaky = add_node(twice, "LeakyRelu", {"a"}, {"inner"}, "leaky");
  onnx::AttributeProto& alpha = *leaky.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_ref_attr_name("slope");
  add_node(twice, "Add", {"inner", "inner"}, {"b"}, "sum");
  onnx::NodeProto& first = add_node(*model.mutable_graph(), "twice", {"x"}, {"inner"}, "first");
  first.set_domain("mine");
  onnx::AttributeProto& slope = *first.add_attribute();
  slope.set_name("slope");
  slope.set_type(onnx::AttributeProto::FLOAT);
  slope.set_f(0.25f);
  add_node(*model.mutable_graph(), "twice", {"inner"}, {"y"}, "second").set_domain("mine");
  return model;
}

TEST(DecodeGraph, FunctionsStandInPlaceOfTheirCalls) {
  onnx::ModelProto model = with_functions();
  const OperatorGraph graph = decode_graph(model, ".");
  EXPECT_THAT(names(graph), ElementsAre("first/leaky", "first/sum", "second/leaky", "second/sum"));
  EXPECT_EQ(graph.nodes[0].number("alpha", 0.0f), 0.25f);
  EXPECT_FALSE(graph.nodes[2].has("alpha"));  // the caller leaves it to the operator's own default
  EXPECT_EQ(graph.nodes[0].opset, 17);
  EXPECT_EQ(graph.nodes[1].outputs[0], "inner");  // of the graph; the function's own has another name
  EXPECT_EQ(graph.nodes[1].inputs[0], graph.nodes[0].outputs[0]);
  EXPECT_NE(graph.nodes[0].outputs[0], "inner");
  EXPECT_EQ(model.functions_size(), 0);
  EXPECT_EQ(model.graph().node_size(), 4);
}

TEST(DecodeGraph, AttributesOfFunctionsHaveDefaults) {
  onnx::ModelProto model = with_functions();
  onnx::AttributeProto slope;
  slope.set_name("slope");
  slope.set_type(onnx::AttributeProto::FLOAT);
  slope.set_f(0.5f);
  // Field 11 of a function, attribute_proto, is newer than libonnx 1.12.
  onnx::FunctionProto& function = *model.mutable_functions(0);
  function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(11)->assign(
      slope.SerializeAsString());
  const OperatorGraph graph = decode(model);
  EXPECT_EQ(graph.nodes[0].number("alpha", 0.0f), 0.25f);
  EXPECT_EQ(graph.nodes[2].number("alpha", 0.0f), 0.5f);
}

TEST(DecodeGraph, FunctionsThatGiveOutTheirInputPassItOn) {
  onnx::ModelProto model = with_functions();
  onnx::FunctionProto& function = *model.mutable_functions(0);
  function.clear_node();
  function.set_output(0, "a");
  const OperatorGraph graph = decode(model);
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[1].op, "Identity");
  EXPECT_EQ(graph.nodes[1].inputs[0], "inner");
  EXPECT_EQ(graph.nodes[1].outputs[0], "y");
}

TEST(DecodeGraph, WrongCallsOfFunctionsAreNamed) {
  onnx::ModelProto model = with_functions();
  model.mutable_graph()->mutable_node(1)->add_input("x");
  EXPECT_THAT(message_of(model), HasSubstr("node 'second' ('twice'): its function has 1 inputs"));
  model = with_functions();
  *model.add_functions() = model.functions(0);
  EXPECT_THAT(message_of(model), HasSubstr("function 'twice' is there twice"));
  model = with_functions();
  model.mutable_functions(0)->mutable_node(1)->set_output(0, "a");
  EXPECT_THAT(message_of(model), HasSubstr("makes 'a', which is one of its inputs"));
  model = with_functions();  // Add was another operator then
  model.mutable_functions(0)->mutable_opset_import(0)->set_version(6);
  EXPECT_THAT(message_of(model), HasSubstr("('LeakyRelu') is of opset 6, but the model has opset 17"));
  model = with_functions();
  model.mutable_functions(0)->mutable_node(0)->mutable_attribute(0)->set_ref_attr_name("");
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->set_ref_attr_name("slope");
  model.mutable_graph()->mutable_node(0)->set_domain("");
  model.mutable_graph()->mutable_node(0)->set_op_type("LeakyRelu");
  EXPECT_THAT(message_of(model),
              HasSubstr("node 'first' (LeakyRelu, opset 17): attribute 'slope': it refers"));
}

}  // namespace
}  // namespace halfwave::test
