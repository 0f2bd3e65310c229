// Lost if this fails: dense layers without a bias, as other programs' models have them.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "graph/plan.h"

namespace halfwave {
namespace {

class Nobody final : public UpdateSink {
 public:
  Companions companions() const override { return {}; }
  void ready(std::size_t tensor, std::size_t, std::size_t, const float*) override { heard.insert(tensor); }
  std::set<std::size_t> heard;
};

/// Outputs and the gradients of the weights for one batch of random numbers.
struct Step {
  std::vector<float> outputs, gradients;
  std::size_t tensors = 0;
};
Step step_of(const char* line, Skipping skipping) {
  constexpr std::size_t kBatch = 40;
  Network network = parse_network(line, 20, 7);
  std::mt19937 random(1);
  std::normal_distribution<float> draw;
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.spec.name != "weight") continue;
    std::vector<float> numbers(tensor.spec.count());
    for (float& x : numbers) x = draw(random);
    network.set(tensor, numbers);
  }
  Plan plan(network, {.batch = kBatch, .training = true, .skipping = skipping});
  StepContext context;
  context.batch = kBatch;
  context.training = true;
  float* const x = plan.input();
  for (std::size_t i = 0; i < kBatch * plan.input_stride(); ++i) x[i] = draw(random);
  plan.forward(context);
  Step step;
  for (std::size_t e = 0; e < kBatch; ++e)
    for (std::size_t j = 0; j < 7; ++j) {
      step.outputs.push_back(plan.output()[e * plan.output_stride() + j]);
      plan.output_gradient()[e * plan.output_stride() + j] = draw(random);
    }
  Nobody sink;
  plan.backward(context, sink);
  step.tensors = sink.heard.size();
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.spec.name != "weight") continue;
    const std::vector<float> numbers = tensor.spec.load(plan.gradients().data() + tensor.offset);
    step.gradients.insert(step.gradients.end(), numbers.begin(), numbers.end());
  }
  return step;
}

TEST(DenseWithoutBias, IsOneWhoseBiasIsZero) {
  for (const Skipping skipping : {Skipping::never, Skipping::always}) {
    const Step without = step_of("dense 50 bias=0, relu, dense 7 bias=0", skipping),
               with = step_of("dense 50, relu, dense 7", skipping);
    EXPECT_EQ(without.outputs, with.outputs);
    EXPECT_EQ(without.gradients, with.gradients);
    EXPECT_EQ(without.tensors, 2u);
    EXPECT_EQ(with.tensors, 4u);
  }
}

}  // namespace
}  // namespace halfwave
