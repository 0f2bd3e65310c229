// Lost if these fail: data would be moved to the wrong places between layers (an image turned, a part cut
// wrongly), and shapes that a graph computes for itself would not be known before it runs.
#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "operator_samples.h"

namespace halfwave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> floats(const Tensor& tensor) { return elements<float>(tensor); }

Tensor run(const OperatorNode& node, const std::vector<Tensor>& inputs) { return run_node(node, inputs)[0]; }

TEST(Transpose, PutsEveryElementWhereItsIndicesSay) {
  const Tensor x = counted({2, 3, 4, 5});
  Ints perm = {0, 1, 2, 3};
  do {
    const Tensor y = run(one_node("Transpose", 13, {{"perm", perm}}), {x});
    for (std::size_t i = 0; i < y.count(); ++i) {
      const Dims at = index_of(i, y.dims());
      Dims from(4);
      for (std::size_t d = 0; d < 4; ++d) from[static_cast<std::size_t>(perm[d])] = at[d];
      ASSERT_EQ(floats(y)[i], floats(x)[place_of(from, x.dims())]);
    }
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(Transpose, TwiceTheOtherWayGivesTheInputInEveryType) {
  for (const ElementType type : {ElementType::boolean, ElementType::float16, ElementType::int32,
                                 ElementType::float64, ElementType::text}) {
    const Tensor x = counted({2, 3, 4}, type);
    const Tensor there = run(one_node("Transpose", 1, {{"perm", Ints{1, 2, 0}}}), {x});
    const Tensor back = run(one_node("Transpose", 1, {{"perm", Ints{2, 0, 1}}}), {there});
    EXPECT_EQ(back.dims(), x.dims());
    EXPECT_EQ(elements<std::string>(back.cast(ElementType::text)),
              elements<std::string>(x.cast(ElementType::text)));
  }
}

TEST(Slice, CutsWhatPadAdded) {
  const Tensor x = counted({3, 4, 2});
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    const Tensor padded = run(one_node("Pad", 19, {{"mode", mode}}), {x, whole({1, 2, 0, 2, 0, 1})});
    EXPECT_EQ(padded.dims(), (Dims{6, 6, 3}));
    const Tensor back = run(one_node("Slice", 13), {padded, whole({1, 2, 0}), whole({4, 6, 2})});
    EXPECT_EQ(floats(back), floats(x)) << mode;
    const Tensor cut = run(one_node("Pad", 13), {padded, whole({-1, -2, 0, -2, 0, -1})});
    EXPECT_EQ(floats(cut), floats(x)) << mode;
  }
}

TEST(Slice, TakesThePlacesThatPythonTakes) {
  const Tensor x = counted({7});
  const auto slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return floats(run(one_node("Slice", 13), {x, whole({start}), whole({end}), whole({0}), whole({step})}));
  };
  constexpr std::int64_t kLow = std::numeric_limits<std::int64_t>::min(),
                         kHigh = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(slice(1, kHigh, 3), ElementsAre(1, 4));
  EXPECT_THAT(slice(-2, kLow, -2), ElementsAre(-4, 3, 1));
  EXPECT_THAT(slice(kHigh, 4, -1), ElementsAre(-3, -4));
  EXPECT_THAT(slice(3, 3, 1), ElementsAre());
  EXPECT_THAT(slice(2, kHigh, kHigh), ElementsAre(2));
  EXPECT_THAT(slice(5, kLow, kLow), ElementsAre(-4));
}

TEST(Pad, MirrorsRepeatsAndWraps) {
  const Tensor x = counted({3});
  const auto pad = [&](const char* mode) {
    return floats(run(one_node("Pad", 19, {{"mode", mode}}), {x, whole({5, 4}), Tensor::scalar(9.0f)}));
  };
  EXPECT_THAT(pad("constant"), ElementsAre(9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 9));
  EXPECT_THAT(pad("edge"), ElementsAre(0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2));
  EXPECT_THAT(pad("reflect"), ElementsAre(1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2));
  EXPECT_THAT(pad("wrap"), ElementsAre(1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0));
}

TEST(Concat, JoinsWhatSplitParted) {
  const Tensor x = counted({2, 7, 3});
  for (std::int64_t axis = -3; axis < 3; ++axis) {
    const OperatorNode concat = one_node("Concat", 13, {{"axis", axis}});
    const std::int64_t length = x.dims()[static_cast<std::size_t>(axis < 0 ? axis + 3 : axis)];
    const std::vector<Tensor> parts =
        run_node(one_node("Split", 13, {{"axis", axis}}, 3), {x, whole({1, 0, length - 1})});
    EXPECT_EQ(floats(run(concat, parts)), floats(x)) << axis;
  }
  const std::vector<Tensor> parts = run_node(one_node("Split", 18, {{"axis", std::int64_t{1}}}, 3), {x});
  EXPECT_EQ(parts[0].dims()[1], 3);
  EXPECT_EQ(parts[2].dims()[1], 1);
}

TEST(DepthToSpace, UndoesSpaceToDepth) {
  const Tensor x = counted({2, 3, 4, 6});
  const Tensor deep = run(one_node("SpaceToDepth", 13, {{"blocksize", std::int64_t{2}}}), {x});
  EXPECT_EQ(deep.dims(), (Dims{2, 12, 2, 3}));
  EXPECT_EQ(floats(run(one_node("DepthToSpace", 13, {{"blocksize", std::int64_t{2}}}), {deep})), floats(x));
}

TEST(Gather, TakesRowsAsSliceDoes) {
  const Tensor x = counted({3, 5, 2});
  const Tensor rows = run(one_node("Gather", 13, {{"axis", std::int64_t{1}}}), {x, whole({4, -3, -5})});
  EXPECT_EQ(floats(rows),
            floats(run(one_node("Slice", 13), {x, whole({4}), whole({-9}), whole({1}), whole({-2})})));
  const Tensor one = run(one_node("Gather", 13, {{"axis", std::int64_t{1}}}), {x, number(2)});
  EXPECT_EQ(one.dims(), (Dims{3, 2}));
}

TEST(Scatter, PutsBackWhatGatherTook) {
  const Tensor x = counted({4, 3}), places = whole({2, 0, 3, 1, 1, 2}).reshaped({2, 3});
  const OperatorNode gather = one_node("GatherElements", 13), scatter = one_node("ScatterElements", 18);
  EXPECT_EQ(floats(run(scatter, {x, places, run(gather, {x, places})})), floats(x));
  const Tensor rows = whole({3, 1}).reshaped({2, 1});
  const Tensor taken = run(one_node("GatherND", 13), {x, rows});
  EXPECT_EQ(floats(run(one_node("ScatterND", 18), {x, rows, taken})), floats(x));
  const Tensor twice = run(one_node("ScatterND", 18, {{"reduction", "add"}}), {x, rows, taken});
  EXPECT_EQ(floats(twice)[9], 2 * floats(x)[9]);
}

TEST(TopK, GivesTheLargestFirstAndOfEqualOnesTheFirst) {
  const Tensor x = tensor<float>({1, 5}, {1, 3, 3, -1, 2});
  const std::vector<Tensor> top = run_node(one_node("TopK", 11, {}, 2), {x, whole({3})});
  EXPECT_THAT(floats(top[0]), ElementsAre(3, 3, 2));
  EXPECT_THAT(elements<std::int64_t>(top[1]), ElementsAre(1, 2, 4));
}

/// Shape → Gather → Unsqueeze → Concat → Reshape, as exporters write x.view(x.size(0), -1).
TEST(ShapeArithmetic, IsKnownBeforeTheGraphRuns) {
  OperatorGraph graph;
  graph.inputs.push_back({.name = "x", .dims = {-1, 3, 4}, .names = {"N", "", ""}});
  graph.outputs.push_back({.name = "y", .dims = {}, .names = {}});
  graph.constants = {{"zero", number(0)}, {"axes", whole({0})}, {"rest", whole({-1})}};
  const auto add = [&](const char* op, Ints, std::vector<std::string> inputs, const char* output) {
    OperatorNode node = one_node(op, 13);
    node.name = output;
    node.inputs = std::move(inputs);
    node.outputs = {output};
    if (node.op == "Concat") node.attributes["axis"] = std::int64_t{0};
    graph.nodes.push_back(node);
  };
  add("Shape", {}, {"x"}, "shape");
  add("Gather", {}, {"shape", "zero"}, "batch");
  add("Unsqueeze", {}, {"batch", "axes"}, "row");
  add("Concat", {}, {"row", "rest"}, "target");
  add("Reshape", {}, {"x", "target"}, "y");
  const std::vector<Dims> dims = {{5, 3, 4}};
  EXPECT_EQ(infer_graph(graph, dims).at("y").dims, (Dims{5, 12}));
}

TEST(ShapeOperators, RefuseWhatDoesNotFit) {
  const Tensor x = counted({2, 3});
  const auto why = [](const OperatorNode& node, const std::vector<Tensor>& inputs) {
    return refusal([&] { run_node(node, inputs); });
  };
  EXPECT_THAT(why(one_node("Reshape", 13), {x, whole({4, -1})}), HasSubstr("does not take the shape"));
  EXPECT_THAT(why(one_node("Reshape", 13), {x, whole({-1, -1})}), HasSubstr("leaves two dimensions open"));
  EXPECT_THAT(why(one_node("Reshape", 13), {x}), HasSubstr("shape is missing"));
  EXPECT_THAT(why(one_node("Transpose", 13, {{"perm", Ints{0, 0}}}), {x}),
              HasSubstr("axis 0 is given twice"));
  EXPECT_THAT(why(one_node("Squeeze", 13), {x, whole({0})}), HasSubstr("it is not 1"));
  EXPECT_THAT(why(one_node("Concat", 13, {{"axis", std::int64_t{2}}}), {x, x}), HasSubstr("axis 2"));
  EXPECT_THAT(why(one_node("Concat", 13, {{"axis", std::int64_t{0}}}), {x, counted({2, 4})}),
              HasSubstr("does not fit the others'"));
  EXPECT_THAT(why(one_node("Split", 13, {}, 4), {x}), HasSubstr("does not split into 4"));
  EXPECT_THAT(why(one_node("Slice", 13), {x, whole({0}), whole({1}), whole({0}), whole({0})}),
              HasSubstr("a step of 0"));
  EXPECT_THAT(why(one_node("Pad", 13), {x, whole({0, 0, -3, 0})}), HasSubstr("cut off more"));
  EXPECT_THAT(why(one_node("Gather", 13), {x, whole({2})}), HasSubstr("index 2 lies outside"));
  EXPECT_THAT(why(one_node("GatherND", 13), {x, whole({0, 0, 0}).reshaped({1, 3})}),
              HasSubstr("a place of 3 indices"));
  EXPECT_THAT(why(one_node("Expand", 13), {x, whole({4, 3})}), HasSubstr("cannot be broadcast"));
  EXPECT_THAT(why(one_node("Tile", 13), {x, whole({1})}), HasSubstr("1 repeats are given for 2 axes"));
  EXPECT_THAT(why(one_node("Range", 11), {number(0), number(1), number(0)}), HasSubstr("is none"));
  EXPECT_THAT(why(one_node("ConstantOfShape", 9), {whole({1 << 20, 1 << 20})}), HasSubstr("more than"));
  EXPECT_THAT(why(one_node("Constant", 13), {}), HasSubstr("no value that is known"));
  EXPECT_THAT(why(one_node("TopK", 11, {}, 2), {x, whole({4})}), HasSubstr("no 4 elements"));
  EXPECT_THAT(why(one_node("DepthToSpace", 13, {{"blocksize", std::int64_t{2}}}), {counted({1, 6, 2, 2})}),
              HasSubstr("6 channels do not make blocks of 2"));
}

}  // namespace
}  // namespace halfwave
