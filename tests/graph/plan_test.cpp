// Lost if these fail: a layer would read numbers that another has overwritten, the gradient of a whole
// network would be wrong although each layer's is right, or training would allocate in every step.
#include "graph/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "graph/plan_problem.h"

namespace {
std::atomic<long> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* at = std::aligned_alloc(
      alignment, (bytes + alignment - 1) / alignment * alignment + (bytes == 0 ? alignment : 0));
  if (!at) throw std::bad_alloc();
  return at;
}

[[gnu::noinline]] void release(void* at) noexcept { std::free(at); }
}  // namespace

// The whole test program counts its allocations. Inlined, GCC would take free() for a mismatch with operator
// new.
void* operator new(std::size_t bytes) { return counted(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 16); }
void operator delete(void* at, const std::nothrow_t&) noexcept { release(at); }
void operator delete(void* at) noexcept { release(at); }
void operator delete(void* at, std::size_t) noexcept { release(at); }
void operator delete(void* at, std::align_val_t) noexcept { release(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { release(at); }

namespace halfwave {
namespace {

constexpr std::size_t kBatch = Problem::kBatch;

/// Networks in which buffers are shared in every way that the rules allow.
const PlanCase kCases[] = {
    {"dense 13, relu, dense 5"},
    {"dense 20, batch_norm, relu, dropout 0.3, dense 7, crelu, dense 3"},
    {"prelu, dense 9, prelu, dropout, dense 4, softmax"},
    {"batch_norm, dense 17, gelu, alpha_dropout, dense 6, tanh, dropout, sigmoid, dense 2"},
    {"flatten, dense 12, selu, dropout 0.2, flatten, brelu, dense 3"},
    {"dropout, relu, dense 6, identity, crelu, batch_norm, dense 2"},
    {"dense 8, rrelu, mish, silu, dense 4, log_softmax"},
    {"relu, dropout 0.1, dense 3, sigmoid, flatten, flatten, tanh"},
    {"dense 70, leaky_relu, dropout 0.4, dropout 0.4, elu, batch_norm, softplus, prelu, dense 65, relu"},
    {"crelu, crelu, dense 3"},
    // Values that several layers take.
    {"residual(dense 11, relu), dense 3"},
    {"dense 8, residual(relu, dense 8), relu, dense 3"},
    {"dense 8, 2 * residual(batch_norm, relu, dense 8), dense 3"},
    {"dense 6, residual(dense 6, relu | prelu | input), tanh, dense 2"},
    {"dense 5, concat(relu | dense 4, tanh | input), dense 3"},
    {"dense 6, residual(input | input), dense 2"},
    {"dense 6, residual(input | dense 6 | input | input), sigmoid, dense 2"},
    {"dense 6, residual(dense 6, dropout 0.3 | relu | tanh), dense 2"},
    {"dense 6, residual(residual(dense 6, relu), dropout 0.3 | concat(dense 3 | dense 3), sigmoid), "
     "batch_norm, "
     "dense 3"},
    {"dense 6, relu, residual(dropout 0.3), residual(relu | flatten), crelu, dense 2"},
    {"dense 6, concat(flatten | residual(flatten)), dense 3"},
    {"dense 6, residual(input | residual(input | dense 6) | input), residual(flatten | dense 6, flatten | "
     "relu | "
     "input), dense 2"},
    {"dense 6, residual(flatten | flatten, flatten, relu), residual(residual(residual(dense 6))), dense 3"},
    {"concat(input | dropout 0.2), residual(prelu | brelu | dense 22), dense 2"},
    {"concat(dense 3 | dense 4), residual(mish), dense 2"},
    // Grids.
    {"conv 4 3x3, relu, pool 2, flatten, dense 3", {2, 6, 5, 3}},
    {"conv 16 3x3, batch_norm, relu, flatten, dropout 0.2, dense 2", {2, 4, 3, 2}},
    {"conv 6 3x3, residual(conv 6 3x3, relu, conv 6 3x3), relu, residual(conv 5 3x3 stride=2, batch_norm | "
     "conv 5 "
     "1x1 stride=2), tanh, global_average_pool, dense 3",
     {2, 5, 6, 3}},
    {"conv 4 3x3, concat(conv 3 1x1, relu | pool 3 stride=1 padding=1 | input), layer_norm, global_max_pool, "
     "dense "
     "2",
     {2, 5, 4, 2}},
    {"conv 5 5 stride=2 padding=1, relu, conv 4 3 stride=2, crelu, average_pool 2, flatten, dense 2",
     {1, 1, 20, 1}},
    // Products, and layers that change the grid.
    {"dense 6, scale, multiply(dense 6, sigmoid | input), relu, multiply(tanh), scale shift=0, dense 2"},
    {"conv 6 3x3, relu, multiply(global_average_pool, dense 3, relu, dense 6, sigmoid), batch_norm, "
     "multiply(scale factor=0, relu | average_pool 5x6 | input), flatten channels_first=1, dense 3",
     {2, 5, 6, 3}},
    {"conv 6 3x3, multiply(input | relu | global_max_pool), residual(multiply(sigmoid)), relu, pool 2, "
     "flatten, dense 3",
     {2, 4, 6, 3}},
    {"conv 4 3x3 stride=2, scale, relu, upsample 2, pad 1 0 -1 2 value=0.5, conv_transpose 6 3 stride=2 "
     "padding=1 output_padding=1, batch_norm, relu, conv_transpose 4 2x3 groups=2 bias=0, scale factor=0, "
     "relu, flatten, dense 2",
     {2, 5, 4, 2}},
    {"dense 24, relu, unflatten 6 2 2 channels_first=1, conv_transpose 4 2, relu, flatten, dense 16, "
     "unflatten 2, relu, pad left=1, upsample 2, flatten, dense 2"},
};

class EveryPlan : public testing::TestWithParam<std::tuple<PlanCase, float>> {
 protected:
  Problem problem_{std::get<0>(GetParam()), std::get<1>(GetParam())};
};

TEST_P(EveryPlan, GradientOfTheWholeNetworkIsTheDerivative) {
  Plan plan(problem_.network, problem_.options());
  problem_.step(plan);
  constexpr double kStep = 1e-6;
  for (const NetworkTensor& tensor : problem_.network.tensors()) {
    if (!tensor.spec.learned) continue;
    const std::vector<double> gradient = Problem::gradient(plan, tensor);
    const std::size_t stride = 1 + gradient.size() / 150;  // some of many
    for (std::size_t k = 0; k < gradient.size(); k += stride) {
      std::vector<Tensors> moved = problem_.tensors;
      double& number = moved[tensor.layer][tensor.index][k];
      number += kStep;
      const double above = problem_.loss(moved);
      number -= 2 * kStep;
      const double slope = (above - problem_.loss(moved)) / (2 * kStep);
      ASSERT_NEAR(gradient[k], slope, 1e-4 * (1 + std::fabs(slope))) << tensor.name << " " << k;
    }
  }
}

/// dy of the activity penalty, as the plan adds it.
void add_penalty(const Matrix& h, float l1, Matrix& dy) {
  for (std::size_t k = 0; k < dy.numbers.size(); ++k) {
    const float step = (h.numbers[k] > 0   ? 1.0f
                        : h.numbers[k] < 0 ? -1.0f
                                           : 0.0f) *
                       (l1 / static_cast<float>(kBatch));
    dy.numbers[k] = static_cast<double>(static_cast<float>(dy.numbers[k]) + step);
  }
}

/// sum += part, in float; the first part begins it.
void accumulate(const Matrix& part, Matrix& sum) {
  if (sum.numbers.empty()) {
    sum = part;
    return;
  }
  for (std::size_t k = 0; k < part.numbers.size(); ++k)
    sum.numbers[k] =
        static_cast<double>(static_cast<float>(sum.numbers[k]) + static_cast<float>(part.numbers[k]));
}

/// One step of a plan, and layer by layer, each on buffers of its own, with everything poisoned that a layer
/// did not ask to keep.
void expect_same_bits_as_layers_apart(Problem& problem) {
  Plan plan(problem.network, problem.options());
  problem.step(plan);
  const Network& network = problem.network;
  const StepContext context = Problem::context();
  std::vector<std::unique_ptr<LayerRun>> runs;
  std::vector<Matrix> outputs;
  for (std::size_t i = 0; i < network.size(); ++i) {
    runs.push_back(std::make_unique<LayerRun>(network.layer(i), context, problem.inputs_of(i, outputs),
                                              problem.tensors[i], false, i));
    runs.back()->forward();
    outputs.push_back(runs.back()->output());
    const std::span<const std::uint64_t> counts = plan.nonzeros(i);
    EXPECT_EQ(counts.empty(), !network.layer(i).zero_below());
    for (std::size_t j = 0; j < counts.size(); ++j) {
      std::uint64_t expected = 0;
      for (std::size_t row = 0; row < outputs[i].rows; ++row) expected += outputs[i](row, j) != 0 ? 1 : 0;
      EXPECT_EQ(counts[j], expected) << network.layer_name(i) << " unit " << j;
    }
  }
  for (std::size_t row = 0; row < kBatch; ++row)
    for (std::size_t j = 0; j < network.outputs(); ++j)
      EXPECT_EQ(static_cast<double>(plan.output()[row * plan.output_stride() + j]), outputs.back()(row, j));

  std::vector<Matrix> dy(network.size());
  dy.back() = problem.c;
  for (std::size_t i = network.size(); i-- > 0;) {
    if (problem.l1 > 0 && network.layer(i).is_activation()) add_penalty(outputs[i], problem.l1, dy[i]);
    runs[i]->backward(dy[i], true, true);
    for (std::size_t k = 0; k < network.inputs_of(i).size(); ++k)
      if (const std::size_t from = network.inputs_of(i)[k]; from != Network::kInput)
        accumulate(runs[i]->input_gradient(k), dy[from]);
  }
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.spec.learned) {
      EXPECT_EQ(Problem::gradient(plan, tensor), runs[tensor.layer]->gradient(tensor.index)) << tensor.name;
    } else {
      const std::vector<float> kept = network.get(tensor);
      EXPECT_EQ(std::vector<double>(kept.begin(), kept.end()), runs[tensor.layer]->tensor(tensor.index))
          << tensor.name;
    }
  }
}

TEST_P(EveryPlan, SharedBuffersGiveTheSameBitsAsSeparateOnes) { expect_same_bits_as_layers_apart(problem_); }

/// Layers that keep the width, with branches in branches.
std::string random_list(Random& random, int depth) {
  static constexpr const char* kLayers[] = {"dense 5", "relu",    "flatten",    "tanh", "dropout 0.4",
                                            "prelu",   "sigmoid", "batch_norm", "mish", "scale"};
  std::string list;
  for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
    if (!list.empty()) list += ", ";
    if (depth == 0 || random.uniform() < 0.6f) {
      list += kLayers[random.below(std::size(kLayers))];
      continue;
    }
    const float join = random.uniform();
    const bool concat = join > 0.7f;
    list += concat ? "concat(" : join > 0.5f ? "multiply(" : "residual(";
    const std::uint64_t branches = 2 + random.below(2);
    for (std::uint64_t branch = 0; branch < branches; ++branch) {
      if (branch > 0) list += " | ";
      list += random.uniform() < 0.3f ? "input" : random_list(random, depth - 1);
    }
    list += concat ? "), dense 5" : ")";
  }
  return list;
}

TEST(RandomPlans, ShareBuffersAndGiveTheSameBitsAsSeparateOnes) {
  Random random(31, 32);
  for (int round = 0; round < 150 && !testing::Test::HasFailure(); ++round) {
    const std::string line = "dense 5, " + random_list(random, 3) + ", dense 2";
    SCOPED_TRACE(line);
    Problem problem({line.c_str()}, round % 2 == 0 ? 0.0f : 0.05f);
    expect_same_bits_as_layers_apart(problem);
  }
}

TEST_P(EveryPlan, OutputIsThatOfTheLayersOneAfterTheOther) {
  for (const bool training : {true, false}) {
    Problem problem(std::get<0>(GetParam()), 0);
    StepContext context = Problem::context();
    context.training = training;
    PlanOptions options = problem.options();
    options.training = training;
    Plan plan(problem.network, options);
    problem.fill(plan);
    plan.forward(context);
    std::vector<Matrix> outputs;
    for (std::size_t i = 0; i < problem.network.size(); ++i) {
      LayerRun run(problem.network.layer(i), context, problem.inputs_of(i, outputs), problem.tensors[i],
                   false, i);
      run.forward();
      outputs.push_back(run.output());
    }
    for (std::size_t row = 0; row < kBatch; ++row)
      for (std::size_t j = 0; j < problem.network.outputs(); ++j) {
        const double made = plan.output()[row * plan.output_stride() + j], alone = outputs.back()(row, j);
        if (training)
          EXPECT_EQ(made, alone);
        else  // a batch norm that is folded into the convolution before it rounds otherwise
          EXPECT_NEAR(made, alone, 1e-6 * (1.0 + std::abs(alone)));
      }
  }
}

TEST_P(EveryPlan, SmallerBatchesThanThePlansGiveTheSameBits) {
  constexpr std::size_t kFew = 4;
  Plan large(problem_.network, problem_.options());
  const std::vector<float> start(problem_.network.values().begin(), problem_.network.values().end());
  problem_.step(large);
  std::copy(start.begin(), start.end(), problem_.network.values().begin());  // running statistics have moved
  problem_.step(large, kFew);
  const std::vector<float> kept(problem_.network.values().begin(), problem_.network.values().end());

  Problem other(std::get<0>(GetParam()), std::get<1>(GetParam()));
  Plan small(other.network, other.options(kFew));
  other.step(small, kFew);
  EXPECT_TRUE(std::ranges::equal(large.gradients(), small.gradients()));
  EXPECT_TRUE(std::ranges::equal(kept, other.network.values()));
  for (std::size_t i = 0; i < kFew; ++i)
    for (std::size_t j = 0; j < large.outputs(); ++j)
      EXPECT_EQ(large.output()[i * large.output_stride() + j], small.output()[i * small.output_stride() + j]);
}

TEST_P(EveryPlan, InferenceIsTheReference) {
  Plan plan(problem_.network, {.batch = kBatch});
  problem_.fill(plan);
  StepContext context = Problem::context();
  context.training = false;
  plan.forward(context);
  const Matrix h = problem_.outputs(problem_.tensors, context).back();
  for (std::size_t row = 0; row < kBatch; ++row)
    for (std::size_t j = 0; j < h.columns; ++j)
      EXPECT_NEAR(plan.output()[row * plan.output_stride() + j], h(row, j),
                  2e-5 * (1 + std::fabs(h(row, j))));
}

/// After a step that leaves NaN in every buffer, in the padding of rows too.
TEST_P(EveryPlan, WhatAStepLeavesInMemoryDoesNotMatter) {
  Plan plan(problem_.network, problem_.options());
  problem_.step(plan);
  const std::vector<float> first(plan.gradients().begin(), plan.gradients().end());
  const std::vector<float> values(problem_.network.values().begin(), problem_.network.values().end());
  const std::vector<float> output(plan.output(), plan.output() + kBatch * plan.output_stride());
  NoSink sink;
  std::fill_n(plan.input(), kBatch * problem_.network.input().positions() * plan.input_stride(), kPoison);
  plan.forward(Problem::context());
  std::fill_n(plan.output_gradient(), kBatch * plan.output_stride(), kPoison);
  plan.backward(Problem::context(), sink);
  std::ranges::copy(values, problem_.network.values().begin());  // batch norm keeps statistics
  problem_.step(plan);
  EXPECT_TRUE(std::ranges::equal(plan.gradients(), first));
  for (std::size_t row = 0; row < kBatch; ++row)
    for (std::size_t j = 0; j < plan.outputs(); ++j)
      EXPECT_EQ(plan.output()[row * plan.output_stride() + j], output[row * plan.output_stride() + j]);
}

TEST_P(EveryPlan, StepsAllocateNothing) {
  Plan plan(problem_.network, problem_.options());
  problem_.step(plan);
  const long before = allocations;
  for (int step = 0; step < 3; ++step) problem_.step(plan);
  EXPECT_EQ(allocations - before, 0);
  std::make_unique<int>(1);
  EXPECT_EQ(allocations - before, 1) << "allocations are not counted";
}

INSTANTIATE_TEST_SUITE_P(Lines, EveryPlan,
                         testing::Combine(testing::ValuesIn(kCases), testing::Values(0.0f, 0.05f)),
                         [](const auto& test) {
                           return std::to_string(test.index / 2) +
                                  (std::get<1>(test.param) > 0 ? "_penalised" : "");
                         });

/// Where zeros may be skipped, the products of a layer with several inputs' worth of rows give what they give
/// without: to rounding, in forward and backward.
TEST(Plan, SkippingZerosChangesNothingButRounding) {
  for (const PlanCase& given : kCases) {
    Problem problem(given, 0.01f), other(given, 0.01f);
    PlanOptions options = problem.options();
    options.skipping = Skipping::always;
    Plan skipping(problem.network, options);
    options.skipping = Skipping::never;
    Plan dense(other.network, options);
    problem.step(skipping);
    other.step(dense);
    for (std::size_t k = 0; k < dense.gradients().size(); ++k)
      ASSERT_NEAR(skipping.gradients()[k], dense.gradients()[k],
                  1e-4f * (1.0f + std::fabs(dense.gradients()[k])))
          << given.line;
  }
}

TEST(Plan, ThreadsChangeNothing) {
  for (const PlanCase& given : kCases) {
    Problem problem(given, 0), other(given, 0);
    Plan one(problem.network, problem.options()), three(other.network, other.options());
    problem.step(one);
    other.step(three, kBatch, 3);
    EXPECT_TRUE(std::ranges::equal(one.gradients(), three.gradients())) << given.line;
  }
}

/// relu is the only layer with zeros to skip: both branches get its lists, the one that gains and the other.
TEST(Plan, ZerosAreListedForEveryLayerThatTakesThem) {
  Problem problem({"dense 64, relu, concat(dense 64 | dense 3 | input), dense 2"}, 0);
  PlanOptions options = problem.options(4);
  options.skipping = Skipping::always;
  Plan plan(problem.network, options);
  problem.step(plan, 4);
  EXPECT_TRUE(plan.skips(2));
  EXPECT_TRUE(plan.skips(3));
  EXPECT_FALSE(plan.skips(1));
}

TEST(Plan, CountsAddUpOverBatchesUntilReset) {
  Problem problem({"dense 40, relu, dense 3"}, 0);
  Plan plan(problem.network, problem.options());
  problem.fill(plan);
  plan.forward(Problem::context());
  const std::vector<std::uint64_t> once(plan.nonzeros(1).begin(), plan.nonzeros(1).end());
  EXPECT_GT(*std::max_element(once.begin(), once.end()), 0u);
  problem.fill(plan);
  plan.forward(Problem::context());
  for (std::size_t j = 0; j < once.size(); ++j) EXPECT_EQ(plan.nonzeros(1)[j], 2 * once[j]);
}

TEST(Plan, SinkHearsOfEveryLearnedNumberOnceAfterItsLastUse) {
  class Poisoning final : public UpdateSink {
   public:
    explicit Poisoning(Network& network) : network_(network), heard(network.learned_floats()) {}
    Companions companions() const override { return {}; }
    void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float*) override {
      EXPECT_GE(begin, network_.tensors()[tensor].offset);
      EXPECT_LE(begin + count, network_.tensors()[tensor].offset + network_.tensors()[tensor].spec.floats());
      for (std::size_t i = begin; i < begin + count; ++i) {
        ++heard[i];
        network_.values()[i] = kPoison;
      }
    }

   private:
    Network& network_;

   public:
    std::vector<int> heard;
  };
  for (const PlanCase& given : kCases) {
    Problem calm(given, 0.01f), poisoned(given, 0.01f);
    Plan plan(calm.network, calm.options()), plan_poisoned(poisoned.network, poisoned.options());
    calm.step(plan);
    Poisoning sink(poisoned.network);
    poisoned.fill(plan_poisoned);
    plan_poisoned.forward(Problem::context());
    poisoned.fill_gradient(plan_poisoned);
    plan_poisoned.backward(Problem::context(), sink);
    EXPECT_TRUE(std::ranges::equal(plan.gradients(), plan_poisoned.gradients())) << given.line;
    for (const NetworkTensor& tensor : calm.network.tensors())
      for (std::size_t i = 0; tensor.spec.learned &&
                              i < (tensor.spec.storage == TensorSpec::Storage::plain ? tensor.spec.count()
                                                                                     : tensor.spec.floats());
           ++i) {
        ASSERT_EQ(sink.heard[tensor.offset + i], 1) << given.line << ": " << tensor.name;
      }
  }
}

/// A rectifier keeps its output only, in the place of its input, and of a pool only the winners' places are
/// kept.
TEST(Plan, RectifiersWorkInPlaceAndPoolsKeepNoInput) {
  Problem problem(
      {"conv 16 3x3, relu, pool 2, conv 16 3x3, relu, conv 16 3x3, batch_norm, relu, flatten, dense 2",
       {2, 8, 8, 3}},
      0);
  for (const bool training : {true, false}) {
    PlanOptions options = problem.options();
    options.training = training;
    const Plan plan(problem.network, options);
    EXPECT_EQ(plan.layer_output(0), plan.layer_output(1));
    EXPECT_EQ(plan.layer_output(3), plan.layer_output(4));
    EXPECT_EQ(plan.layer_output(5) != plan.layer_output(6), training) << "batch_norm keeps its input";
    EXPECT_EQ(plan.layer_output(6), plan.layer_output(7));
    EXPECT_EQ(plan.layer_output(7), plan.layer_output(8)) << "16 channels: flatten moves nothing";
  }
}

/// What a plan takes more for each block of layers: in inference nothing, in training one value that is kept.
TEST(Plan, MemoryGrowsByWhatIsKept) {
  const auto floats = [](const std::string& block, int blocks, bool training) {
    const std::string line =
        "conv 16 3x3, relu, " + std::to_string(blocks) + " * (" + block + "), flatten, dense 2";
    Problem problem({line.c_str(), {2, 6, 6, 16}}, 0);
    return Plan(problem.network, {.batch = 9, .training = training, .skipping = Skipping::never}).floats();
  };
  constexpr std::size_t kValue = 9 * 36 * 16;
  const auto grows = [&](const std::string& block, bool training) {
    return (floats(block, 6, training) - floats(block, 3, training)) / 3;
  };
  EXPECT_EQ(grows("conv 16 3x3, relu", false), 0u);
  EXPECT_EQ(grows("conv 16 3x3, relu", true), kValue);
  EXPECT_EQ(grows("residual(conv 16 3x3, relu, conv 16 3x3), relu", false), 0u);
  EXPECT_EQ(grows("residual(conv 16 3x3, relu, conv 16 3x3), relu", true), 2 * kValue);
}

TEST(Plan, PartOfTheLayers) {
  Problem problem({"dense 8, relu, dense 5, softmax"}, 0);
  Plan logits(problem.network, {.batch = kBatch}, 3), all(problem.network, {.batch = kBatch});
  StepContext context = Problem::context();
  context.training = false;
  problem.fill(logits);
  problem.fill(all);
  logits.forward(context);
  all.forward(context);
  EXPECT_EQ(logits.layers(), 3u);
  double sum = 0, total = 0;
  for (std::size_t j = 0; j < 5; ++j) total += std::exp(static_cast<double>(logits.output()[j]));
  for (std::size_t j = 0; j < 5; ++j) {
    EXPECT_NEAR(all.output()[j], std::exp(static_cast<double>(logits.output()[j])) / total, 1e-6);
    sum += static_cast<double>(all.output()[j]);
  }
  EXPECT_NEAR(sum, 1, 1e-6);
}

/// The rest is prepared for inference, but not in training, where the weights change with every step.
TEST(Plan, ServesTrainingAndInferenceInTurn) {
  Problem problem({"flatten, dense 5, relu, dense 3"}, 0);
  AlignedVector<float> rest(row_stride(11), 0.0f);
  for (std::size_t j = 0; j < 11; ++j) rest[j] = 0.25f * static_cast<float>(j) - 1.0f;
  PlanOptions options{.batch = kBatch, .training = true, .rest = rest.data()};
  Plan plan(problem.network, options);
  options.training = false;
  Plan inference(problem.network, options);
  const auto run = [&](Plan& which, bool training) {
    StepContext context = Problem::context();
    context.training = training;
    problem.fill(which);
    which.forward(context);
    return std::vector<float>(which.output(), which.output() + kBatch * which.output_stride());
  };
  const std::vector<float> expected = run(inference, false);
  EXPECT_EQ(run(plan, true), expected);
  EXPECT_EQ(run(plan, false), expected);
  problem.network.values()[0] += 1.0f;
  const std::vector<float> changed = run(plan, true);
  EXPECT_NE(changed, expected);
  EXPECT_EQ(run(plan, false), changed);
  inference.tensors_changed();
  EXPECT_EQ(run(inference, false), changed);
}

}  // namespace
}  // namespace halfwave
