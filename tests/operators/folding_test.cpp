// Lost if these fail: a file could have Halfwave compute for hours before anything runs, or be refused with
// an error that names its node twice.
#include <gmock/gmock.h>

#include "operator_samples.h"

namespace halfwave {
namespace {

using testing::HasSubstr;

/// What is inferred where all inputs are constants.
ValueInfo folded(const OperatorNode& node, const std::vector<Tensor>& inputs) {
  OperatorGraph graph = graph_of(node, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) graph.constants[fmt::format("x{}", i)] = inputs[i];
  graph.inputs.clear();
  return infer_graph(graph, {}).at("y0");
}

TEST(Folding, LeavesMuchWorkToTheRun) {
  struct Case {
    const char* op;
    std::map<std::string, AttributeValue, std::less<>> attributes;
    std::vector<Tensor> small, large;
    std::map<std::string, AttributeValue, std::less<>> large_attributes = attributes;
  };
  const Tensor image = counted({1, 1, 256, 256});
  const auto kernel = [](std::int64_t size) {
    return std::map<std::string, AttributeValue, std::less<>>{{"kernel_shape", Ints{size, size}}};
  };
  const std::vector<Case> cases{
      {"MatMul", {}, {counted({4, 4}), counted({4, 4})}, {counted({1024, 1024}), counted({1024, 1024})}},
      {"Gemm",
       {{"transA", std::int64_t{1}}},
       {counted({4, 4}), counted({4, 4})},
       {counted({1024, 1024}), counted({1024, 1024})}},
      {"Conv", {}, {counted({1, 1, 8, 8}), counted({2, 1, 3, 3})}, {image, counted({1, 1, 128, 128})}},
      {"ConvTranspose",
       {},
       {counted({1, 1, 8, 8}), counted({1, 1, 3, 3})},
       {image, counted({1, 1, 128, 128})}},
      {"MaxPool", kernel(2), {image}, {image}, kernel(128)},
      {"AveragePool", kernel(2), {image}, {image}, kernel(128)},
      {"LpPool", kernel(2), {image}, {image}, kernel(128)},
  };
  for (const Case& one : cases) {
    const OperatorNode little = one_node(one.op, 13, one.attributes),
                       much = one_node(one.op, 13, one.large_attributes);
    EXPECT_TRUE(folded(little, one.small).value) << one.op;
    const ValueInfo info = folded(much, one.large);
    EXPECT_FALSE(info.value) << one.op;
    EXPECT_TRUE(info.dims) << one.op;
  }
}

/// Many nodes of which each alone is quick; what takes no work is folded behind them all the same.
TEST(Folding, CountsTheWorkOfAllNodes) {
  OperatorGraph graph;
  graph.constants["m0"] = Tensor(ElementType::float32, {256, 256});
  OperatorNode node;
  for (int i = 0; i < 20; ++i) {
    node = one_node("MatMul", 13);
    node.inputs = {"m0", "m0"};
    node.outputs = {fmt::format("m{}", i + 1)};
    graph.nodes.push_back(node);
  }
  node = one_node("Relu", 14);
  node.inputs = {"m0"};
  node.outputs = {"relu"};
  graph.nodes.push_back(node);
  const auto infos = infer_graph(graph, {});
  EXPECT_TRUE(infos.at("m1").value);
  EXPECT_FALSE(infos.at("m20").value);
  EXPECT_TRUE(infos.at("relu").value);
}

TEST(OperatorGraph, NamesANodeOnce) {
  const std::string unknown = refusal([] { run_node(one_node("Reluu", 14), {counted({2})}); });
  EXPECT_THAT(unknown, HasSubstr("node 'it' (Reluu, opset 14): this operator is not known. Known are: "));
  const std::string early = refusal([] { check_operators(graph_of(one_node("Range", 10), {})); });
  EXPECT_EQ(early, "node 'it' (Range, opset 10): this operator is known from opset 11 on");
}

TEST(Dims, AreNotWithoutEnd) {
  EXPECT_THAT(refusal([] { Tensor(ElementType::float32, Dims(100000, 1)); }), HasSubstr("100000 dimensions"));
}

}  // namespace
}  // namespace halfwave
