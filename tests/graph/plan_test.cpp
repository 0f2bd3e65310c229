// Lost if these fail: a layer would read numbers that another has overwritten, the gradient of a whole
// network would be wrong although each layer's is right, or training would allocate in every step.
#include "graph/plan.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "layers/layer_testing.h"

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

class NoSink final : public UpdateSink {
 public:
  Companions companions() const override { return {}; }
  void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
};

constexpr std::size_t kInputs = 11, kBatch = 9;

/// Networks in which buffers are shared in every way that the rules allow.
const char* const kLines[] = {
    "dense 13, relu, dense 5",
    "dense 20, batch_norm, relu, dropout 0.3, dense 7, crelu, dense 3",
    "prelu, dense 9, prelu, dropout, dense 4, softmax",
    "batch_norm, dense 17, gelu, alpha_dropout, dense 6, tanh, dropout, sigmoid, dense 2",
    "flatten, dense 12, selu, dropout 0.2, flatten, brelu, dense 3",
    "dropout, relu, dense 6, identity, crelu, batch_norm, dense 2",
    "dense 8, rrelu, mish, silu, dense 4, log_softmax",
    "relu, dropout 0.1, dense 3, sigmoid, flatten, flatten, tanh",
    "dense 70, leaky_relu, dropout 0.4, dropout 0.4, elu, batch_norm, softplus, prelu, dense 65, relu",
    "crelu, crelu, dense 3",
};

struct Problem {
  Network network;
  std::vector<Tensors> tensors;  ///< by layer
  Matrix x, c;
  float l1;

  Problem(const char* line, float penalty) : network(make(line)), l1(penalty) {
    Random random(21, 22);
    for (std::size_t i = 0; i < network.size(); ++i)
      tensors.push_back(random_tensors(random, network.layer(i)));
    for (const NetworkTensor& tensor : network.tensors()) {
      const std::vector<double>& numbers = tensors[tensor.layer][tensor.index];
      network.set(tensor, std::vector<float>(numbers.begin(), numbers.end()));
    }
    x = random_matrix(random, kBatch, kInputs);
    c = random_matrix(random, kBatch, network.outputs());
  }
  static Network make(const std::string& line) {
    std::vector<std::unique_ptr<Layer>> layers;
    for (std::size_t at = 0; at < line.size();) {  // a parser of its own: the outputs are not known before
      const std::size_t end = std::min(line.find(',', at), line.size()), space = line.find(' ', at);
      const LayerInfo* info = find_layer_kind(line.substr(at, std::min(space, end) - at));
      std::vector<double> fields;
      for (const LayerField& field : info->fields) fields.push_back(field.value);
      if (space < end) fields[0] = std::stod(line.substr(space, end - space));
      layers.push_back(info->make(*info, fields));
      at = end + 2;
    }
    return Network(std::move(layers), kInputs);
  }
  PlanOptions options(std::size_t batch = kBatch) const { return {batch, true, l1, true}; }
  static StepContext context(std::size_t batch = kBatch, int threads = 1) {
    return {.batch = batch, .training = true, .threads = threads, .seed = 5, .step = 6};
  }

  void fill(Plan& plan, std::size_t rows = kBatch) const {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < kInputs; ++j)
        plan.input()[i * plan.input_stride() + j] = static_cast<float>(x(i, j));
  }
  void fill_gradient(Plan& plan, std::size_t rows = kBatch) const {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < plan.outputs(); ++j)
        plan.output_gradient()[i * plan.output_stride() + j] = static_cast<float>(c(i, j));
  }
  void step(Plan& plan, std::size_t rows = kBatch) const {
    NoSink sink;
    fill(plan, rows);
    plan.forward(context(rows));
    fill_gradient(plan, rows);
    plan.backward(context(rows), sink);
  }
  /// The plan's gradient of a tensor without padding.
  std::vector<double> gradient(const Plan& plan, const NetworkTensor& tensor) const {
    Network copy = make(network.line());
    std::copy(plan.gradients().begin(), plan.gradients().end(), copy.values().begin());
    const std::vector<float> numbers = copy.get(tensor);
    return {numbers.begin(), numbers.end()};
  }
  double loss(std::vector<Tensors> numbers) const {
    Matrix h = x;
    double sum = 0;
    const StepContext step = context();
    for (std::size_t i = 0; i < network.size(); ++i) {
      h = reference_forward({network.layer(i), h, numbers[i], step, i});
      if (!network.layer(i).is_activation()) continue;
      for (const double value : h.numbers) sum += static_cast<double>(l1) / kBatch * std::fabs(value);
    }
    for (std::size_t k = 0; k < h.numbers.size(); ++k) sum += c.numbers[k] * h.numbers[k];
    return sum;
  }
};

class EveryPlan : public testing::TestWithParam<std::tuple<const char*, float>> {
 protected:
  Problem problem_{std::get<0>(GetParam()), std::get<1>(GetParam())};
};

TEST_P(EveryPlan, GradientOfTheWholeNetworkIsTheDerivative) {
  Plan plan(problem_.network, problem_.options());
  problem_.step(plan);
  constexpr double kStep = 1e-6;
  for (const NetworkTensor& tensor : problem_.network.tensors()) {
    if (!tensor.spec.learned) continue;
    const std::vector<double> gradient = problem_.gradient(plan, tensor);
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

/// Layer by layer, each on buffers of its own, with everything poisoned that a layer did not ask to keep.
TEST_P(EveryPlan, SharedBuffersGiveTheSameBitsAsSeparateOnes) {
  Plan plan(problem_.network, problem_.options());
  problem_.step(plan);
  const Network& network = problem_.network;
  const StepContext context = Problem::context();
  std::vector<std::unique_ptr<LayerRun>> runs;
  std::vector<Matrix> outputs{problem_.x};
  for (std::size_t i = 0; i < network.size(); ++i) {
    Tensors start = problem_.tensors[i];
    runs.push_back(std::make_unique<LayerRun>(network.layer(i), context, outputs.back(), start, false, i));
    runs.back()->forward();
    outputs.push_back(runs.back()->output());
    const std::span<const std::uint32_t> counts = plan.nonzeros(i);
    EXPECT_EQ(counts.empty(), !network.layer(i).zero_below());
    for (std::size_t j = 0; j < counts.size(); ++j) {
      std::uint32_t expected = 0;
      for (std::size_t row = 0; row < kBatch; ++row) expected += outputs.back()(row, j) != 0 ? 1 : 0;
      EXPECT_EQ(counts[j], expected) << network.layer_name(i) << " unit " << j;
    }
  }
  for (std::size_t row = 0; row < kBatch; ++row)
    for (std::size_t j = 0; j < network.outputs(); ++j)
      EXPECT_EQ(static_cast<double>(plan.output()[row * plan.output_stride() + j]), outputs.back()(row, j));

  Matrix dy = problem_.c;
  for (std::size_t i = network.size(); i-- > 0;) {
    if (problem_.l1 > 0 && network.layer(i).is_activation())
      for (std::size_t k = 0; k < dy.numbers.size(); ++k) {
        const double h = outputs[i + 1].numbers[k];
        const float step = (h > 0 ? 1.0f : h < 0 ? -1.0f : 0.0f) * (problem_.l1 / static_cast<float>(kBatch));
        dy.numbers[k] = static_cast<double>(static_cast<float>(dy.numbers[k]) + step);
      }
    runs[i]->backward(dy, true, true);
    dy = runs[i]->input_gradient();
  }
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.spec.learned) {
      EXPECT_EQ(problem_.gradient(plan, tensor), runs[tensor.layer]->gradient(tensor.index)) << tensor.name;
    } else {
      const std::vector<float> kept = network.get(tensor);
      EXPECT_EQ(std::vector<double>(kept.begin(), kept.end()), runs[tensor.layer]->tensor(tensor.index))
          << tensor.name;
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
  Matrix h = problem_.x;
  for (std::size_t i = 0; i < problem_.network.size(); ++i)
    h = reference_forward({problem_.network.layer(i), h, problem_.tensors[i], context, i});
  for (std::size_t row = 0; row < kBatch; ++row)
    for (std::size_t j = 0; j < h.columns; ++j)
      EXPECT_NEAR(plan.output()[row * plan.output_stride() + j], h(row, j),
                  2e-5 * (1 + std::fabs(h(row, j))));
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
                         testing::Combine(testing::ValuesIn(kLines), testing::Values(0.0f, 0.05f)),
                         [](const auto& test) {
                           return std::to_string(test.index / 2) +
                                  (std::get<1>(test.param) > 0 ? "_penalised" : "");
                         });

TEST(Plan, CountsAddUpOverBatchesUntilReset) {
  Problem problem("dense 40, relu, dense 3", 0);
  Plan plan(problem.network, problem.options());
  problem.fill(plan);
  plan.forward(Problem::context());
  const std::vector<std::uint32_t> once(plan.nonzeros(1).begin(), plan.nonzeros(1).end());
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
      EXPECT_LE(begin + count, network_.tensors()[tensor].offset + network_.tensors()[tensor].spec.storage());
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
  for (const char* line : kLines) {
    Problem calm(line, 0.01f), poisoned(line, 0.01f);
    Plan plan(calm.network, calm.options()), plan_poisoned(poisoned.network, poisoned.options());
    calm.step(plan);
    Poisoning sink(poisoned.network);
    poisoned.fill(plan_poisoned);
    plan_poisoned.forward(Problem::context());
    poisoned.fill_gradient(plan_poisoned);
    plan_poisoned.backward(Problem::context(), sink);
    EXPECT_TRUE(std::ranges::equal(plan.gradients(), plan_poisoned.gradients())) << line;
    for (const NetworkTensor& tensor : calm.network.tensors())
      for (std::size_t i = 0; i < (tensor.spec.panels ? tensor.spec.storage() : tensor.spec.count()); ++i) {
        if (!tensor.spec.learned) break;
        ASSERT_EQ(sink.heard[tensor.offset + i], 1) << line << ": " << tensor.name;
      }
  }
}

TEST(Plan, PartOfTheLayers) {
  Problem problem("dense 8, relu, dense 5, softmax", 0);
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
  Problem problem("flatten, dense 5, relu, dense 3", 0);
  AlignedVector<float> rest(row_stride(kInputs), 0.0f);
  for (std::size_t j = 0; j < kInputs; ++j) rest[j] = 0.25f * static_cast<float>(j) - 1.0f;
  PlanOptions options{.batch = kBatch, .training = true, .rest = rest.data()};
  Plan plan(problem.network, options);
  options.training = false;
  Plan inference(problem.network, options);
  const auto run = [&](Plan& which, bool training) {
    StepContext context = Problem::context();
    context.training = training;
    for (std::size_t i = 0; i < kBatch; ++i)
      for (std::size_t j = 0; j < kInputs; ++j)
        which.input()[i * which.input_stride() + j] = static_cast<float>(problem.x(i, j));
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
