// Lost if this fails: a file's names and numbers in the network made of it and back again, and graphs of any
// shape.
#include "recognise/recognise.h"

#include <halfwave/error.h>

#include <set>

#include "graph/plan.h"
#include "graph_builder.h"

namespace halfwave::testing {
namespace {

using Integers = std::vector<std::int64_t>;

TEST(Recognise, LayersHaveTheirNodesNames) {
  GraphBuilder builder({-1, 3});
  const std::string product = builder.node("MatMul", {"x", builder.numbers({3, 4})}, {}, "fc1/MatMul");
  const std::string sum = builder.node("Add", {product, builder.numbers({4})}, {}, "fc1/BiasAdd");
  const std::string gate = builder.node("Sigmoid", {sum}, {}, "silu/gate");
  const std::string silu = builder.node("Mul", {gate, sum}, {}, "silu/product");
  builder.result(builder.node("Softmax", {builder.gemm(silu, 4, 3, "head")}, {}, "out"));
  builder.node("Relu", {silu}, {}, "forgotten");
  const Recognised made = recognise(builder.graph);
  const Network& network = made.parts.network;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < network.size(); ++i) names.push_back(network.layer_name(i));
  EXPECT_EQ(names, (std::vector<std::string>{"fc1/BiasAdd", "silu/product", "head", "out"}));
  EXPECT_EQ(network.tensors()[0].name, "fc1/BiasAdd.weight");
  EXPECT_EQ(made.parts.unused_nodes, std::vector<std::string>{"forgotten"});
  EXPECT_EQ(made.parts.schema.task, Task::classification);
  EXPECT_EQ(made.parts.schema.classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(made.parts.schema.shape, Integers{3});
}

/// Takes changed constants into the graph as the file's writer does.
OperatorGraph with_changes(OperatorGraph graph, const std::vector<ChangedConstant>& changes) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const std::string name = "changed" + std::to_string(i);
    graph.constants[name] = changes[i].value;
    std::vector<std::string>& inputs = graph.nodes[changes[i].node].inputs;
    if (inputs.size() <= changes[i].input) inputs.resize(changes[i].input + 1);
    inputs[changes[i].input] = name;
  }
  return graph;
}

/// Every kind of layer with tensors, in ways that change their numbers or order.
GraphBuilder with_all_tensors() {
  GraphBuilder b({-1, 6, 6, 2});
  std::string y = b.node("Transpose", {"x"}, {{"perm", Integers{0, 3, 1, 2}}});
  y = b.node("Conv", {y, b.numbers({4, 2, 3, 3})});
  y = b.node("Add", {y, b.numbers({4, 1, 1})});
  y = b.node("BatchNormalization",
             {y, b.numbers({4}), b.numbers({4}), b.numbers({4}), b.numbers({4}, 0.5f, 2.0f)});
  y = b.node("PRelu", {y, b.numbers({1})});
  y = b.node("Div", {y, b.numbers({4, 1, 1}, 0.5f, 2.0f)});
  y = b.node("Sub", {y, b.number(0.3f)});
  y = b.node("ConvTranspose", {y, b.numbers({4, 2, 2, 2}), b.numbers({2})});
  y = b.node("Flatten", {y});
  y = b.node("Gemm", {y, b.numbers({5, 50}), b.numbers({1})},
             {{"transB", std::int64_t{1}}, {"alpha", 0.25f}, {"beta", 3.0f}});
  y = b.node("LayerNormalization", {y, b.numbers({5})});
  y = b.node("Relu", {y});
  y = b.node("MatMul", {y, b.node("Transpose", {b.numbers({3, 5})})});
  const Tensor half = b.random({3, 3}).cast(ElementType::float16);
  y = b.node("MatMul", {y, b.node("Cast", {b.constant(half)}, {{"to", std::int64_t{1}}})});
  b.result(y);
  return b;
}

TEST(Recognise, TrainedNumbersGoBackIntoTheGraph) {
  GraphBuilder builder = with_all_tensors();
  expect_same(builder);
  Recognised made = recognise(builder.graph);
  EXPECT_TRUE(changed_constants(builder.graph, made.parts.network, made.links).empty());
  Network& network = made.parts.network;
  std::set<std::size_t> linked;
  for (const TensorLink& link : made.links) linked.insert(link.tensor);
  EXPECT_EQ(linked.size(), network.tensors().size());
  std::mt19937 random(3);
  std::uniform_real_distribution<float> draw(0.4f, 1.4f);
  for (const NetworkTensor& tensor : network.tensors()) {
    std::vector<float> numbers(tensor.spec.count());
    for (float& x : numbers) x = draw(random);
    network.set(tensor, numbers);
  }
  const auto changes = changed_constants(builder.graph, network, made.links);
  EXPECT_EQ(changes.size(), network.tensors().size());
  const Tensor x = examples_for(builder);
  const OperatorGraph changed = with_changes(builder.graph, changes);
  expect_close(run_network(std::move(made.parts), x), run_operators(changed, x), "changed");
}

TEST(Recognise, ATrainedNumberWithoutAConstantIsAnError) {
  GraphBuilder builder({-1, 3});
  builder.result(builder.node("Neg", {builder.gemm("x", 3, 2)}, {}, "minus"));
  Recognised made = recognise(builder.graph);
  Network& network = made.parts.network;
  EXPECT_TRUE(changed_constants(builder.graph, network, made.links).empty());
  network.set(network.tensors().back(), std::vector<float>{-1.0f, 2.0f});
  try {
    changed_constants(builder.graph, network, made.links);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("minus"), std::string::npos) << error.what();
  }
}

/// The names of a graph's results, of which some only name the largest of others.
std::vector<std::string> results_of(const GraphBuilder& builder) {
  std::vector<std::string> names;
  for (const auto& result : recognise(builder.graph).parts.results) names.push_back(result.name);
  return names;
}

TEST(Recognise, OnlyLabelsOfAResultAreLeftOut) {
  using Names = std::vector<std::string>;
  const auto largest = [](GraphBuilder& b, const std::string& of) {
    return b.node("ArgMax", {of}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}, "largest");
  };
  GraphBuilder labels({-1, 4});
  const std::string logits = labels.gemm("x", 4, 3);
  const std::string chances = labels.node("Softmax", {logits}, {}, "chances");
  labels.result(chances);
  labels.result(labels.node("Gather", {labels.integers({7, 8, 9}), largest(labels, logits)}));
  EXPECT_EQ(results_of(labels), Names{"chances_out"});
  EXPECT_EQ(recognise(labels.graph).parts.schema.classes, (Names{"7", "8", "9"}));

  GraphBuilder normalised({-1, 4});  // as naive Bayes comes
  const std::string joint = normalised.gemm("x", 4, 3);
  const std::string all = normalised.node("ReduceLogSumExp", {joint}, {{"axes", Integers{1}}});
  normalised.result(largest(normalised, joint));
  normalised.result(normalised.node("Exp", {normalised.node("Sub", {joint, all})}, {}, "chances"));
  EXPECT_EQ(results_of(normalised), Names{"chances_out"});

  GraphBuilder other({-1, 4});
  const std::string h = other.node("Relu", {other.gemm("x", 4, 5)});
  other.result(other.gemm(h, 5, 3, "first"));
  other.result(largest(other, other.gemm(h, 5, 4)));
  EXPECT_EQ(results_of(other), (Names{"first_out", "largest_out"}));
  expect_same(other);

  GraphBuilder codes({-1, 4});
  const std::string distances = codes.gemm("x", 4, 5, "distances");
  codes.result(distances);
  codes.result(codes.node("Gather", {codes.numbers({5, 2}), largest(codes, distances)}, {}, "codes"));
  EXPECT_EQ(results_of(codes), (Names{"distances_out", "codes_out"}));
  expect_same(codes);
}

TEST(Recognise, FixedNumbersAreNotTrained) {
  GraphBuilder builder({-1, 3});  // as scikit-learn's networks for two classes end
  const std::string chance = builder.node("Sigmoid", {builder.gemm("x", 3, 1)});
  const std::string otherwise = builder.node("Sub", {builder.number(1.0f), chance});
  builder.result(builder.node("Concat", {otherwise, chance}, {{"axis", std::int64_t{1}}}));
  expect_same(builder);
  Recognised made = recognise(builder.graph);
  std::size_t learned = 0;
  for (const NetworkTensor& tensor : made.parts.network.tensors())
    learned += tensor.spec.learned ? tensor.spec.count() : 0;
  EXPECT_EQ(learned, 4u);
  EXPECT_TRUE(changed_constants(builder.graph, made.parts.network, made.links).empty());
  Plan plan(made.parts.network, {.batch = 2, .training = true});
}

TEST(Recognise, NothingBehindAnOperatorsRegionIsTrained) {
  GraphBuilder builder({-1, 3});
  const std::string h = builder.gemm("x", 3, 4);
  const std::string odd = builder.node("Div", {h, builder.node("Exp", {h})});
  builder.result(builder.gemm(odd, 4, 2));
  Recognised made = recognise(builder.graph);
  try {
    Plan plan(made.parts.network, {.batch = 2, .training = true});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("Div_"), std::string::npos) << error.what();
  }
}

TEST(Recognise, BadGraphsAreErrorsOfTheInput) {
  const auto message = [](const OperatorGraph& graph) {
    try {
      recognise(graph);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      return std::string(error.what());
    }
    ADD_FAILURE();
    return std::string();
  };
  GraphBuilder unknown({-1, 3});
  unknown.result(unknown.node("Conv3000", {"x"}, {}, "odd"));
  EXPECT_NE(message(unknown.graph).find("'odd' (Conv3000, opset 17)"), std::string::npos);
  GraphBuilder misfit({-1, 3});
  misfit.result(misfit.node("MatMul", {"x", misfit.numbers({4, 2})}, {}, "odd"));
  EXPECT_NE(message(misfit.graph).find("'odd'"), std::string::npos);
  for (const bool sum : {false, true}) {
    GraphBuilder mixing({-1, 3});
    const std::string h = mixing.gemm("x", 3, 4);
    mixing.result(sum ? mixing.node("Sub", {h, mixing.node("ReduceMean", {h}, {}, "odd")})
                      : mixing.node("Softmax", {h}, {{"axis", std::int64_t{0}}}, "odd"));
    EXPECT_NE(message(mixing.graph).find("'odd'"), std::string::npos);
  }
  GraphBuilder open({-1, 3, -1, 8});
  open.result(open.node("Relu", {"x"}));
  EXPECT_NE(message(open.graph).find("input 'x'"), std::string::npos);
  GraphBuilder taken({-1, 3});
  taken.graph.inputs[0] = {.name = "x", .type = ElementType::sequence, .dims = {-1}, .names = {""}};
  taken.graph.inputs[0].element = ElementType::float32;
  taken.result(taken.node("SequenceLength", {"x"}));
  EXPECT_NE(message(taken.graph).find("input 'x': it is a sequence of tensors"), std::string::npos);
  for (const Dims& dims : {Dims{-1, 3}, Dims{3}}) {
    GraphBuilder given(dims);
    given.result(given.node("SplitToSequence", {"x"}, {}, "odd"));
    EXPECT_NE(message(given.graph).find("'odd_out': it is a sequence of tensors"), std::string::npos);
  }
}

TEST(Recognise, GraphsThatAreNoBatchesRunWhole) {
  GraphBuilder builder({3});
  builder.result(builder.node("ReduceSum", {"x"}, {{"keepdims", std::int64_t{0}}}));
  const Recognised made = recognise(builder.graph);
  EXPECT_EQ(made.parts.network.line(), "operators");
  EXPECT_EQ(made.parts.schema.shape, Integers{3});
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  const Model model(std::make_shared<ModelParts>(std::move(recognise(builder.graph).parts)));
  EXPECT_EQ(model.predict(x, 2, 1), (std::vector<float>{6, 15}));
}

/// A random graph of operators that have layers and of some that have none, with branches.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint32_t seed)
      : random_(seed), builder({seed % 3 == 0 ? 1 : -1, 2 + seed % 3, 5, 4}, seed % 2 ? 17 : 13, seed) {
    std::string y = "x";
    channels_ = 2 + seed % 3;
    for (int i = 0; i < 4; ++i) y = step(y);
    if (pick(2) == 0) y = builder.node("Transpose", {y}, {{"perm", Integers{0, 2, 3, 1}}});
    y = builder.node("Flatten", {y});
    y = builder.gemm(y, channels_ * height_ * width_, 5);
    channels_ = 5;
    height_ = width_ = 0;
    for (int i = 0; i < 3; ++i) y = step(y);
    builder.result(y);
  }

 private:
  bool grid() const { return height_ > 0; }
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  std::string step(const std::string& x) {
    switch (pick(9)) {
      case 0:
        return builder.node("Relu", {x});
      case 1:
        return builder.node("Mul", {x, builder.node("Sigmoid", {x})});
      case 2:
        return weighted(x);
      case 3:
        return builder.node("Add", {weighted(x), x});
      case 4:
        return builder.node("Mul", {by_channel(), x});
      case 5:
        return builder.node("Div",
                            {x, builder.node("Add", {builder.node("Exp", {x}), builder.number(1.0f)})});
      case 6: {
        const std::string both =
            builder.node("Concat", {x, builder.node("Tanh", {x})}, {{"axis", std::int64_t{1}}});
        channels_ *= 2;
        return both;
      }
      case 7:
        if (!grid() || height_ < 3) return builder.node("Elu", {x});
        height_ -= 1;
        width_ -= 1;
        return builder.node("MaxPool", {x}, {{"kernel_shape", Integers{2, 2}}});
      default: {
        const std::string a = weighted(x), b = builder.node("Softsign", {x});
        return builder.node("Sub", {a, b});  // no layer does this
      }
    }
  }
  std::string weighted(const std::string& x) {
    return grid() ? builder.conv(x, channels_, channels_, 3, 1) : builder.gemm(x, channels_, channels_);
  }
  std::string by_channel() { return builder.numbers(grid() ? Dims{channels_, 1, 1} : Dims{channels_}); }

  std::mt19937 random_;
  std::int64_t channels_ = 2, height_ = 5, width_ = 4;

 public:
  GraphBuilder builder;
};

TEST(Recognise, RandomGraphsComputeTheSame) {
  int with_regions = 0, without = 0;
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    RandomGraph graph(seed);
    const std::string line = expect_same(graph.builder, fmt::format("seed {}", seed));
    if (HasFatalFailure()) return;
    ++(line.find("operators") == std::string::npos ? without : with_regions);
  }
  EXPECT_GT(with_regions, 10);
  EXPECT_GT(without, 10);
}

}  // namespace
}  // namespace halfwave::testing
