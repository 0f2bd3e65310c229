// Lost if these fail: models that keep tensors in lists (as PyTorch's chunk and stack come out) would take
// another one of them, or tensors of a shape that was not foreseen; and a file could have a tensor split into
// more parts than there is memory for.
#include <gmock/gmock.h>

#include "operator_samples.h"

namespace halfwave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A sequence of single numbers.
Tensor numbered(std::initializer_list<std::int64_t> numbers) {
  std::vector<Tensor> tensors;
  for (const std::int64_t n : numbers) tensors.push_back(number(n));
  return sequence(tensors);
}
std::vector<std::int64_t> numbers(const Tensor& sequence) {
  std::vector<std::int64_t> all;
  for (const Tensor& tensor : sequence.elements<Tensor>()) all.push_back(tensor.integers().at(0));
  return all;
}
std::vector<Dims> shapes(const Tensor& sequence) {
  std::vector<Dims> all;
  for (const Tensor& tensor : sequence.elements<Tensor>()) all.push_back(tensor.dims());
  return all;
}
std::string wrong(const OperatorNode& node, const std::vector<Tensor>& inputs) {
  return refusal([&] { run_node(node, inputs); });
}

/// Every position, against std::vector.
TEST(Sequence, PositionsCountFromBothEnds) {
  const Tensor three = numbered({10, 20, 30});
  const OperatorNode at = one_node("SequenceAt", 11), insert = one_node("SequenceInsert", 11),
                     erase = one_node("SequenceErase", 11);
  for (std::int64_t position = -3; position <= 3; ++position) {
    const std::ptrdiff_t place = position < 0 ? position + 3 : position;
    std::vector<std::int64_t> expected{10, 20, 30};
    expected.insert(expected.begin() + place, 7);
    EXPECT_EQ(numbers(run_node(insert, {three, number(7), number(position)})[0]), expected);
    if (position == 3) continue;
    EXPECT_EQ(run_node(at, {three, number(position)})[0].integers()[0], 10 * (place + 1));
    expected = {10, 20, 30};
    expected.erase(expected.begin() + place);
    EXPECT_EQ(numbers(run_node(erase, {three, number(position)})[0]), expected);
  }
  EXPECT_THAT(numbers(run_node(insert, {three, number(7)})[0]), ElementsAre(10, 20, 30, 7));
  EXPECT_THAT(numbers(run_node(erase, {three})[0]), ElementsAre(10, 20));
  EXPECT_EQ(run_node(one_node("SequenceLength", 11), {three})[0].integers()[0], 3);
  EXPECT_THAT(numbers(three), ElementsAre(10, 20, 30));  // none of them has changed it
  for (const std::int64_t outside : {std::int64_t{-4}, std::int64_t{3}, INT64_MIN, INT64_MAX}) {
    EXPECT_THAT(wrong(at, {three, number(outside)}), HasSubstr("is none of a sequence of 3"));
    EXPECT_THAT(wrong(erase, {three, number(outside)}), HasSubstr("is none of a sequence of 3"));
  }
  EXPECT_THAT(wrong(insert, {three, number(7), number(4)}), HasSubstr("position 4"));
}

TEST(Sequence, IsSplitAndPutTogetherAgain) {
  const Tensor image = counted({2, 5, 3});
  for (const std::int64_t axis : {0, 1, -1})
    for (const Tensor& split : {Tensor(), number(2), number(1), number(9)}) {
      const Tensor parts = run_node(one_node("SplitToSequence", 11, {{"axis", axis}}), {image, split})[0];
      const Tensor whole = run_node(one_node("ConcatFromSequence", 11, {{"axis", axis}}), {parts})[0];
      EXPECT_EQ(whole.dims(), image.dims());
      EXPECT_EQ(elements<float>(whole), elements<float>(image));
    }
  const OperatorNode split = one_node("SplitToSequence", 11, {{"axis", std::int64_t{1}}});
  EXPECT_THAT(shapes(run_node(split, {image, number(2)})[0]),
              ElementsAre(Dims{2, 2, 3}, Dims{2, 2, 3}, Dims{2, 1, 3}));
  EXPECT_THAT(shapes(run_node(split, {image, whole({0, 4, 1})})[0]),
              ElementsAre(Dims{2, 0, 3}, Dims{2, 4, 3}, Dims{2, 1, 3}));
}

TEST(Sequence, AxesAreDroppedAndMade) {
  const Tensor image = counted({2, 5, 3});
  for (const std::int64_t axis : {0, 1, 2, -1}) {
    const OperatorNode split =
        one_node("SplitToSequence", 11, {{"axis", axis}, {"keepdims", std::int64_t{0}}});
    const Tensor parts = run_node(split, {image})[0];
    EXPECT_EQ(parts.elements<Tensor>()[0].rank(), 2u);
    const OperatorNode stack =
        one_node("ConcatFromSequence", 11, {{"axis", axis}, {"new_axis", std::int64_t{1}}});
    const Tensor again = run_node(stack, {parts})[0];
    EXPECT_EQ(again.dims(), image.dims());
    EXPECT_EQ(elements<float>(again), elements<float>(image));
  }
}

TEST(Sequence, WhatIsKnownOfItsTensorsIsKnownOfWhatComesOut) {
  OperatorGraph graph;
  graph.inputs = {{.name = "x", .type = ElementType::float32, .dims = {-1, 6}, .names = {"", ""}},
                  {.name = "i", .type = ElementType::int64, .dims = {}, .names = {}}};
  graph.constants = {{"parts", whole({2, 4})}, {"last", number(-1)}};
  const auto add = [&](const char* op, std::vector<std::string> inputs, const char* output) {
    OperatorNode node = one_node(op, 13, {{"axis", std::int64_t{1}}});
    node.inputs = std::move(inputs);
    node.outputs = {output};
    graph.nodes.push_back(node);
  };
  add("SplitToSequence", {"x", "parts"}, "split");
  add("SequenceAt", {"split", "last"}, "four");
  add("SequenceAt", {"split", "i"}, "any");
  add("SequenceInsert", {"split", "x", "last"}, "more");
  add("ConcatFromSequence", {"more"}, "all");
  add("SequenceConstruct", {"x", "x"}, "twice");
  add("SequenceAt", {"twice", "i"}, "either");
  add("SequenceLength", {"more"}, "length");
  const std::vector<Dims> dims{{3, 6}, {}};
  const auto infos = infer_graph(graph, dims);
  EXPECT_EQ(infos.at("four").dims, (Dims{3, 4}));
  EXPECT_EQ(infos.at("any").dims, std::nullopt);
  EXPECT_EQ(infos.at("any").type, ElementType::float32);
  EXPECT_EQ(infos.at("all").dims, (Dims{3, 12}));
  EXPECT_EQ(infos.at("either").dims, (Dims{3, 6}));
  EXPECT_EQ(infos.at("length").value.integers()[0], 3);
}

TEST(Sequence, OfTheWrongTypeOrInTheWrongPlaceIsAnError) {
  const Tensor three = numbered({1, 2, 3}), row = counted({4});
  EXPECT_THAT(wrong(one_node("Relu", 14), {three}),
              HasSubstr("node 'it' (Relu, opset 14): it takes tensors"));
  EXPECT_THAT(wrong(one_node("Add", 14), {row, three}), HasSubstr("it takes tensors"));
  EXPECT_THAT(wrong(one_node("SequenceConstruct", 11), {three}), HasSubstr("not sequence"));
  EXPECT_THAT(wrong(one_node("SequenceConstruct", 11), {row, number(1)}), HasSubstr("different types"));
  EXPECT_THAT(wrong(one_node("SequenceInsert", 11), {three, row}),
              HasSubstr("a tensor of float32 cannot go"));
  EXPECT_THAT(wrong(one_node("SequenceAt", 11), {row, number(0)}), HasSubstr("must be a sequence"));
  EXPECT_THAT(wrong(one_node("SequenceAt", 11), {three, three}), HasSubstr("input 2 must be of"));
  EXPECT_THAT(wrong(one_node("SequenceAt", 11), {three}), HasSubstr("input 2 is missing"));
  const Tensor none = numbered({});
  EXPECT_THAT(wrong(one_node("SequenceAt", 11), {none, number(0)}), HasSubstr("no tensors"));
  EXPECT_THAT(wrong(one_node("SequenceErase", 11), {none}), HasSubstr("no tensors"));
  const OperatorNode concat = one_node("ConcatFromSequence", 11, {{"axis", std::int64_t{0}}});
  EXPECT_THAT(wrong(concat, {none}), HasSubstr("no tensors"));
  EXPECT_THAT(wrong(concat, {sequence({counted({2, 3}), counted({2, 4})})}), HasSubstr("does not fit"));
  EXPECT_THAT(refusal([&] { three.cast(ElementType::int64); }), HasSubstr("cannot be made"));
  EXPECT_THAT(refusal([&] { row.cast(ElementType::sequence); }), HasSubstr("cannot be made"));
  EXPECT_NE(refusal([] { Tensor(ElementType::sequence, {2, 2}); }), "");
  // Given to a graph that declares tensors of another type.
  OperatorGraph graph = graph_of(one_node("SequenceLength", 11), {three});
  const Tensor others = sequence({number(1), row});
  EXPECT_THAT(refusal([&] { run_graph(graph, std::span(&others, 1)); }),
              HasSubstr("input 'x0': its tensors are of int64, not float32"));
}

TEST(Sequence, MorePartsThanThereIsMemoryForAreRefused) {
  const Tensor nothing(ElementType::float32, {std::int64_t{1} << 31, 0});
  EXPECT_THAT(wrong(one_node("SplitToSequence", 11), {nothing}), HasSubstr("parts are more than"));
  const Tensor zeros(ElementType::int64, {100000}), empty(ElementType::float32, {0});
  EXPECT_THAT(wrong(one_node("SplitToSequence", 11), {empty, zeros}), HasSubstr("parts are more than"));
}

/// Long sequences made again and again of constants: so many that folding all would fill the memory.
TEST(Sequence, FoldingEndsBeforeTheMemoryDoes) {
  OperatorGraph graph;
  graph.constants["x"] = Tensor(ElementType::float32, {60000});
  OperatorNode node = one_node("SplitToSequence", 11);
  node.inputs = {"x"};
  node.outputs = {"s0"};
  graph.nodes.push_back(node);
  for (int i = 0; i < 50; ++i) {
    node = one_node("SequenceInsert", 11);
    node.inputs = {fmt::format("s{}", i), "x"};
    node.outputs = {fmt::format("s{}", i + 1)};
    graph.nodes.push_back(node);
  }
  const auto infos = infer_graph(graph, {});
  EXPECT_TRUE(infos.at("s1").value);
  EXPECT_FALSE(infos.at("s50").value);
  EXPECT_TRUE(infos.at("s50").tensors.empty());
  EXPECT_EQ(infos.at("s50").dims, Dims{60050});
  EXPECT_EQ(infos.at("s50").element, ElementType::float32);
}

}  // namespace
}  // namespace halfwave
