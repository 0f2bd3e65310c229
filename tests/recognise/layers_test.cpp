// Lost if this fails: what other programs' nodes are as layers, in all the ways in which they write them.
#include "graph_builder.h"

namespace halfwave::testing {
namespace {

using Integers = std::vector<std::int64_t>;

struct Case {
  const char* line;
  Dims input;
  std::int64_t opset;
  std::string (*make)(GraphBuilder& b);
};

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    GraphBuilder builder(c.input, c.opset);
    builder.result(c.make(builder));
    EXPECT_EQ(expect_same(builder, c.line), c.line);
  }
}

TEST(RecogniseLayers, Dense) {
  check(std::vector<Case>{
      {"dense 4 bias=0",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("MatMul", {"x", b.numbers({3, 4})});
       }},
      {"dense 4",
       {1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Add", {b.numbers({1, 4}), b.node("MatMul", {"x", b.numbers({3, 4})})});
       }},
      {"dense 4, relu",
       {-1, 1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Relu", {b.node("Sub", {b.node("MatMul", {"x", b.numbers({3, 4})}), b.numbers({4})})});
       }},
      {"dense 4",
       {-1, 3},
       9,
       [](GraphBuilder& b) {
         return b.node("Gemm", {"x", b.numbers({3, 4}), b.numbers({1})}, {{"alpha", 0.5f}, {"beta", 2.0f}});
       }},
      {"dense 4 bias=0",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Gemm", {"x", b.numbers({4, 3})}, {{"transB", std::int64_t{1}}});
       }},
      {"dense 4 bias=0",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("MatMul", {"x", b.node("Transpose", {b.numbers({4, 3})})});
       }},
      {"dense 4 bias=0, tanh",
       {-1, 3, 1},
       13,
       [](GraphBuilder& b) {
         return b.node("Tanh", {b.node("MatMul", {b.numbers({4, 3}), "x"})});
       }},
      {"dense 4", {-1, 2, 3}, 13, [](GraphBuilder& b) { return b.gemm(b.node("Flatten", {"x"}), 6, 4); }},
      {"dense 4",
       {1, 2, 3},
       13,
       [](GraphBuilder& b) {
         return b.gemm(b.node("Reshape", {"x", b.integers({1, 6})}), 6, 4);
       }},
      // Every position by itself.
      {"conv 4 1 padding=0, relu, flatten channels_first=1",
       {-1, 5, 3},
       13,
       [](GraphBuilder& b) {
         const std::string sum = b.node("Add", {b.node("MatMul", {"x", b.numbers({3, 4})}), b.numbers({4})});
         return b.node("Transpose", {b.node("Relu", {sum})}, {{"perm", Integers{0, 2, 1}}});
       }},
  });
}

TEST(RecogniseLayers, Convolutions) {
  check(std::vector<Case>{
      {"conv 4 padding=1, flatten channels_first=1",
       {-1, 3, 6, 7},
       13,
       [](GraphBuilder& b) { return b.conv("x", 3, 4, 3, 1); }},
      {"conv 4 3x2 stride=2x1 padding=1x0 bias=0, flatten channels_first=1",
       {-1, 3, 6, 7},
       13,
       [](GraphBuilder& b) {
         return b.node("Conv", {"x", b.numbers({4, 3, 3, 2})},
                       {{"strides", Integers{2, 1}}, {"pads", Integers{1, 0, 1, 0}}});
       }},
      {"conv 4 4 stride=2, flatten channels_first=1",
       {-1, 3, 7, 7},
       13,
       [](GraphBuilder& b) {
         return b.node("Conv", {"x", b.numbers({4, 3, 4, 4}), b.numbers({4})},
                       {{"auto_pad", std::string("SAME_UPPER")}, {"strides", Integers{2, 2}}});
       }},
      {"pad 1 2, conv 4 padding=0 groups=2, flatten channels_first=1",
       {-1, 2, 6, 6},
       13,
       [](GraphBuilder& b) {
         return b.node("Conv", {"x", b.numbers({4, 1, 3, 3}), b.numbers({4})},
                       {{"pads", Integers{1, 2, 0, 0}}, {"group", std::int64_t{2}}});
       }},
      {"conv 4 padding=0 dilation=2, flatten channels_first=1",
       {-1, 2, 9},
       13,
       [](GraphBuilder& b) {
         const std::string c = b.node("Conv", {"x", b.numbers({4, 2, 3})}, {{"dilations", Integers{2}}});
         return b.node("Add", {c, b.numbers({4, 1})});
       }},
      {"conv_transpose 3 2 stride=2, relu, flatten channels_first=1",
       {-1, 4, 3, 5},
       13,
       [](GraphBuilder& b) {
         return b.node("Relu", {b.node("ConvTranspose", {"x", b.numbers({4, 3, 2, 2}), b.numbers({3})},
                                       {{"strides", Integers{2, 2}}})});
       }},
      {"conv 4 padding=0, batch_norm, relu, global_average_pool, dense 3",
       {-1, 2, 6, 6},
       13,
       [](GraphBuilder& b) {
         const std::string c = b.conv("x", 2, 4, 3, 0);
         const std::string n = b.node("BatchNormalization", {c, b.numbers({4}), b.numbers({4}),
                                                             b.numbers({4}), b.numbers({4}, 0.5f, 2.0f)});
         const std::string mean = b.node("ReduceMean", {b.node("Relu", {n})},
                                         {{"axes", Integers{2, 3}}, {"keepdims", std::int64_t{0}}});
         return b.gemm(mean, 4, 3);
       }},
  });
}

TEST(RecogniseLayers, ChannelsLastGraphs) {
  // As Keras' models come: each convolution between two transpositions.
  check(std::vector<Case>{
      {"conv 4 padding=0, relu, pool, flatten, dense 5",
       {-1, 6, 6, 2},
       13,
       [](GraphBuilder& b) {
         const std::string first = b.node("Transpose", {"x"}, {{"perm", Integers{0, 3, 1, 2}}});
         const std::string c = b.node("Conv", {first, b.numbers({4, 2, 3, 3})});
         const std::string last = b.node("Transpose", {c}, {{"perm", Integers{0, 2, 3, 1}}});
         const std::string r = b.node("Relu", {b.node("Add", {last, b.numbers({4})})});
         const std::string p = b.node("MaxPool", {b.node("Transpose", {r}, {{"perm", Integers{0, 3, 1, 2}}})},
                                      {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
         const std::string back = b.node("Transpose", {p}, {{"perm", Integers{0, 2, 3, 1}}});
         return b.gemm(b.node("Reshape", {back, b.integers({-1, 16})}), 16, 5);
       }},
  });
}

TEST(RecogniseLayers, Pools) {
  check(std::vector<Case>{
      {"pool 3 2 padding=1, flatten channels_first=1",
       {-1, 2, 8, 8},
       13,
       [](GraphBuilder& b) {
         return b.node(
             "MaxPool", {"x"},
             {{"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"pads", Integers{1, 1, 1, 1}}});
       }},
      {"pad bottom=1 right=1 value=-3.4028234663852886e+38, pool, flatten channels_first=1",
       {-1, 2, 7, 7},
       13,
       [](GraphBuilder& b) {
         return b.node(
             "MaxPool", {"x"},
             {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}, {"ceil_mode", std::int64_t{1}}});
       }},
      {"average_pool stride=1, flatten channels_first=1",
       {-1, 2, 7},
       13,
       [](GraphBuilder& b) {
         return b.node("AveragePool", {"x"}, {{"kernel_shape", Integers{2}}});
       }},
      {"pad 1 1 bottom=1 right=1, average_pool 3 1, flatten channels_first=1",
       {-1, 2, 5, 5},
       13,
       [](GraphBuilder& b) {
         return b.node("AveragePool", {"x"},
                       {{"kernel_shape", Integers{3, 3}},
                        {"pads", Integers{1, 1, 1, 1}},
                        {"count_include_pad", std::int64_t{1}}});
       }},
      {"global_max_pool, dense 2",
       {-1, 3, 4, 4},
       13,
       [](GraphBuilder& b) { return b.gemm(b.node("Flatten", {b.node("GlobalMaxPool", {"x"})}), 3, 2); }},
      {"upsample, flatten channels_first=1",
       {-1, 2, 3, 3},
       10,
       [](GraphBuilder& b) {
         const std::vector<float> scales{1, 1, 2, 2};
         return b.node("Resize", {"x", b.constant(Tensor::of<float>({4}, scales))},
                       {{"mode", std::string("nearest")}});
       }},
  });
}

TEST(RecogniseLayers, Channels) {
  check(std::vector<Case>{
      {"dense 4, layer_norm 0.001",
       {-1, 3},
       17,
       [](GraphBuilder& b) {
         return b.node("LayerNormalization", {b.gemm("x", 3, 4), b.numbers({4}), b.numbers({4})},
                       {{"epsilon", 1e-3f}});
       }},
      {"dense 4, layer_norm, relu",
       {-1, 3},
       13,
       [](GraphBuilder& b) {  // before there was an operator for it
         const std::string h = b.gemm("x", 3, 4);
         const std::string d = b.node("Sub", {h, b.node("ReduceMean", {h}, {{"axes", Integers{-1}}})});
         const std::string v =
             b.node("ReduceMean", {b.node("Pow", {d, b.number(2.0f)})}, {{"axes", Integers{-1}}});
         const std::string n = b.node("Div", {d, b.node("Sqrt", {b.node("Add", {v, b.number(1e-5f)})})});
         return b.node("Relu", {b.node("Add", {b.node("Mul", {n, b.numbers({4})}), b.numbers({4})})});
       }},
      {"conv 4 padding=0, scale, relu, flatten channels_first=1",
       {-1, 2, 5, 5},
       13,
       [](GraphBuilder& b) {
         const std::string m = b.node("Mul", {b.conv("x", 2, 4, 3, 0), b.numbers({4, 1, 1})});
         return b.node("Relu", {b.node("Add", {m, b.numbers({1, 4, 1, 1})})});
       }},
      {"dense 4, scale shift=0",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Div", {b.gemm("x", 3, 4), b.numbers({4}, 0.5f, 2.0f)});
       }},
      {"dense 4, scale fixed=1",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Sub", {b.number(1.0f), b.gemm("x", 3, 4)});
       }},
      {"conv 4 padding=0, prelu, global_average_pool",
       {-1, 2, 5, 5},
       13,
       [](GraphBuilder& b) {
         const std::string p = b.node("PRelu", {b.conv("x", 2, 4, 3, 0), b.numbers({4, 1, 1})});
         return b.node("Flatten", {b.node("GlobalAveragePool", {p})});
       }},
      {"dense 4, prelu",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("PRelu", {b.gemm("x", 3, 4), b.numbers({1})});
       }},
      {"dense 4, softmax",
       {-1, 3},
       9,
       [](GraphBuilder& b) { return b.node("Softmax", {b.gemm("x", 3, 4)}); }},
      {"conv 4 padding=0, log_softmax, flatten channels_first=1",
       {-1, 2, 5, 5},
       13,
       [](GraphBuilder& b) {
         return b.node("LogSoftmax", {b.conv("x", 2, 4, 3, 0)}, {{"axis", std::int64_t{1}}});
       }},
      {"dense 4, dropout 0.25, dense 2",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.gemm(b.node("Dropout", {b.gemm("x", 3, 4), b.number(0.25f)}), 4, 2);
       }},
  });
}

/// A slope's axes are in line with its input's last ones: one of four for each of 4 x 4 numbers may be by
/// row.
TEST(RecogniseLayers, SlopesByTheirAxis) {
  check(std::vector<Case>{
      {"dense 4, operators",
       {4, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("PRelu", {b.gemm("x", 3, 4), b.numbers({4, 1})});
       }},
      {"conv 5 padding=0, operators",
       {-1, 2, 7, 7},
       13,
       [](GraphBuilder& b) {
         return b.node("PRelu", {b.conv("x", 2, 5, 3, 0), b.numbers({5, 1, 5})});
       }},
      {"conv 5 padding=0, prelu, flatten channels_first=1",
       {-1, 2, 7, 7},
       6,
       [](GraphBuilder& b) {
         return b.node("PRelu", {b.conv("x", 2, 5, 3, 0), b.numbers({5})});
       }},
  });
}

/// Constants that are one number are how a graph computes, and not learned; those by channel are.
TEST(RecogniseLayers, SingleNumbersAreFixed) {
  check(std::vector<Case>{
      {"dense 4, scale shift=0 fixed=1, relu",
       {-1, 3},
       13,
       [](GraphBuilder& b) { return b.node("Relu", {b.node("Neg", {b.gemm("x", 3, 4)})}); }},
      {"dense 4, scale fixed=1",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string half = b.node("Div", {b.gemm("x", 3, 4), b.number(2.0f)});
         return b.node("Add", {half, b.number(0.5f)});
       }},
      {"dense 4, scale shift=0, scale factor=0 fixed=1, relu",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string y = b.node("Mul", {b.gemm("x", 3, 4), b.numbers({4})});
         return b.node("Relu", {b.node("Sub", {y, b.number(0.5f)})});
       }},
      {"dense 1, scale shift=0",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Mul", {b.gemm("x", 3, 1), b.numbers({1})});
       }},
  });
}

/// Rounding to 16 bits is no identity.
TEST(RecogniseLayers, CastsThatRound) {
  check(std::vector<Case>{
      {"dense 4, operators, dense 2",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string half = b.node("Cast", {b.gemm("x", 3, 4)}, {{"to", std::int64_t{10}}});
         return b.gemm(b.node("Cast", {half}, {{"to", std::int64_t{1}}}), 4, 2);
       }},
      {"dense 4, dense 2",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string wide = b.node("Cast", {b.gemm("x", 3, 4)}, {{"to", std::int64_t{11}}});
         return b.gemm(b.node("Cast", {wide}, {{"to", std::int64_t{1}}}), 4, 2);
       }},
  });
}

/// 2.4 of two positions are four as well, but not each of them twice.
TEST(RecogniseLayers, ResizesByTheirScales) {
  for (const float scale : {2.0f, 2.4f}) {
    GraphBuilder b({-1, 2, 5, 2});
    const std::vector<float> scales{1, 1, 1, scale};
    const std::string c = b.conv("x", 2, 3, 1, 0);
    b.result(b.node("Resize", {c, "", b.constant(Tensor::of<float>({4}, scales))},
                    {{"mode", std::string("nearest")},
                     {"coordinate_transformation_mode", std::string("asymmetric")},
                     {"nearest_mode", std::string("floor")}}));
    EXPECT_EQ(expect_same(b), scale == 2.0f ? "conv 3 1 padding=0, upsample 1x2, flatten channels_first=1"
                                            : "conv 3 1 padding=0, operators");
  }
}

/// Windows of the padding's side have no number but their own, however small.
TEST(RecogniseLayers, UnevenlyPaddedPoolsOfHugeNumbers) {
  GraphBuilder b({-1, 1, 3, 3});
  const std::string huge = b.node("Mul", {b.node("Abs", {"x"}), b.number(-1e35f)});
  b.result(b.node("MaxPool", {huge}, {{"kernel_shape", Integers{2, 2}}, {"pads", Integers{1, 1, 0, 0}}}));
  expect_same(b);
}

TEST(RecogniseLayers, Joins) {
  check(std::vector<Case>{
      {"dense 4, residual(relu, dense 4), tanh",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string h = b.gemm("x", 3, 4);
         return b.node("Tanh", {b.node("Add", {b.gemm(b.node("Relu", {h}), 4, 4), h})});
       }},
      {"conv 4 padding=1, concat(conv 2 padding=1, relu | input), global_average_pool",
       {-1, 3, 5, 5},
       13,
       [](GraphBuilder& b) {
         const std::string h = b.conv("x", 3, 4, 3, 1), r = b.node("Relu", {b.conv(h, 4, 2, 3, 1)});
         return b.node("Flatten", {b.node("GlobalAveragePool",
                                          {b.node("Concat", {r, h}, {{"axis", std::int64_t{1}}})})});
       }},
      // Squeeze and excitation.
      {"conv 4 padding=1, multiply(global_average_pool, dense 4, sigmoid), global_max_pool",
       {-1, 3, 5, 5},
       13,
       [](GraphBuilder& b) {
         const std::string h = b.conv("x", 3, 4, 3, 1);
         const std::string pooled = b.node("Flatten", {b.node("GlobalAveragePool", {h})});
         const std::string gate = b.node("Sigmoid", {b.gemm(pooled, 4, 4)});
         const std::string wide = b.node("Unsqueeze", {gate, b.integers({2, 3})});
         return b.node("Flatten", {b.node("GlobalMaxPool", {b.node("Mul", {wide, h})})});
       }},
      // DenseNet: each layer takes all before it.
      {"dense 4, concat(input | relu), concat(input | dense 2)",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         const std::string h = b.gemm("x", 3, 4);
         const std::string two = b.node("Concat", {h, b.node("Relu", {h})}, {{"axis", std::int64_t{-1}}});
         return b.node("Concat", {two, b.gemm(two, 8, 2)}, {{"axis", std::int64_t{1}}});
       }},
      {"residual(dense 3 | tanh | input)",
       {-1, 3},
       13,
       [](GraphBuilder& b) {
         return b.node("Sum", {b.gemm("x", 3, 3), b.node("Tanh", {"x"}), "x"});
       }},
  });
}

TEST(RecogniseLayers, WhatComesFirstIsPreprocessing) {
  GraphBuilder builder({-1, 2, 4, 4});
  const std::string shifted = builder.node("Sub", {"x", builder.numbers({2, 1, 1})});
  const std::string scaled = builder.node("Div", {shifted, builder.numbers({1, 2, 1, 1}, 0.5f, 2.0f)});
  builder.result(builder.conv(scaled, 2, 4, 3, 0));
  EXPECT_EQ(expect_same(builder), "conv 4 padding=0, flatten channels_first=1");
}

TEST(RecogniseLayers, RegionsWithoutLayersRunTheirOperators) {
  GraphBuilder builder({-1, 4});
  const std::string h = builder.node("Relu", {builder.gemm("x", 4, 6)});
  const std::string part =
      builder.node("Slice", {h, builder.integers({1}), builder.integers({5}), builder.integers({1})});
  const std::string mixed =
      builder.node("Div", {part, builder.node("Add", {builder.node("Exp", {part}), part})});
  builder.result(builder.node("Tanh", {builder.gemm(mixed, 4, 3)}));
  EXPECT_EQ(expect_same(builder), "dense 6, relu, operators, dense 3, tanh");
}

TEST(RecogniseLayers, RegionsOnGridsKeepTheirOrder) {
  GraphBuilder builder({-1, 2, 5, 5});
  const std::string c = builder.conv("x", 2, 3, 3, 0);
  const std::string odd =
      builder.node("Div", {c, builder.node("Add", {builder.node("Exp", {c}), builder.number(2.0f)})});
  builder.result(builder.conv(odd, 3, 2, 3, 1));
  EXPECT_EQ(expect_same(builder), "conv 3 padding=0, operators, conv 2 padding=1, flatten channels_first=1");
}

/// A fixed batch that the graph mixes (the mean over all axes): example by example.
TEST(RecogniseLayers, AGraphForOneExampleRunsExampleByExample) {
  GraphBuilder builder({1, 3});
  const std::string h = builder.gemm("x", 3, 4);
  const std::string centred = builder.node("Sub", {h, builder.node("ReduceMean", {h})});
  builder.result(builder.gemm(centred, 4, 2));
  EXPECT_EQ(expect_same(builder), "dense 4, operators, dense 2");
}

TEST(RecogniseLayers, ShapesThatFollowFromTheBatch) {
  GraphBuilder builder({-1, 2, 3});
  const std::string first = builder.node(
      "Gather", {builder.node("Shape", {"x"}), builder.constant(Tensor::scalar<std::int64_t>(0))});
  const std::string shape = builder.node(
      "Concat", {builder.node("Unsqueeze", {first, builder.integers({0})}), builder.integers({-1})},
      {{"axis", std::int64_t{0}}});
  const std::string flat = builder.node("Reshape", {"x", shape});
  const std::string odd =
      builder.node("Div", {flat, builder.node("Add", {builder.node("Exp", {flat}), builder.number(1.0f)})});
  builder.result(builder.gemm(builder.node("Reshape", {odd, shape}), 6, 2));
  EXPECT_EQ(expect_same(builder), "operators, dense 2");
}

/// Sequences of tensors stay within their region, also those of numbers that follow from the batch.
TEST(RecogniseLayers, SequencesAreRunAsOperators) {
  GraphBuilder builder({-1, 4});
  const std::string h = builder.node("Relu", {builder.gemm("x", 4, 6)});
  const std::string parts =
      builder.node("SplitToSequence", {h, builder.integers({2, 4})}, {{"axis", std::int64_t{1}}});
  const std::string last =
      builder.node("SequenceAt", {parts, builder.constant(Tensor::scalar<std::int64_t>(-1))});
  builder.result(builder.gemm(last, 4, 3));
  EXPECT_EQ(expect_same(builder), "dense 6, relu, operators, dense 3");

  GraphBuilder shapes({-1, 2, 3});
  const std::string sizes =
      shapes.node("SequenceConstruct", {shapes.node("Shape", {"x"}), shapes.integers({-1, 6})});
  const std::string as_it_is =
      shapes.node("SequenceAt", {sizes, shapes.constant(Tensor::scalar<std::int64_t>(0))});
  const std::string odd = shapes.node("Div", {"x", shapes.node("Add", {shapes.node("Exp", {"x"}), "x"})});
  const std::string flat = shapes.node("Flatten", {shapes.node("Reshape", {odd, as_it_is})});
  shapes.result(shapes.gemm(flat, 6, 2));
  EXPECT_EQ(expect_same(shapes), "operators, dense 2");

  GraphBuilder last_one({-1, 4});
  last_one.result(last_one.node("ConcatFromSequence", {last_one.node("SequenceConstruct", {"x", "x"})},
                                {{"axis", std::int64_t{1}}}));
  EXPECT_EQ(expect_same(last_one), "operators");
}

TEST(RecogniseLayers, SeveralResultsAreOneRow) {
  GraphBuilder builder({-1, 2, 4, 4});
  const std::string h = builder.node("Relu", {builder.conv("x", 2, 3, 3, 0)});
  builder.result(h);
  builder.result(builder.gemm(builder.node("Flatten", {h}), 12, 2));
  Recognised made = recognise(builder.graph);
  ASSERT_EQ(made.parts.results.size(), 2u);
  EXPECT_EQ(made.parts.results[0].shape, (Dims{3, 2, 2}));
  EXPECT_EQ(made.parts.results[1].shape, (Dims{2}));
  EXPECT_EQ(expect_same(builder),
            "conv 3 padding=0, relu, concat(flatten channels_first=1 | flatten channels_first=1, dense 2)");
}

}  // namespace
}  // namespace halfwave::testing
