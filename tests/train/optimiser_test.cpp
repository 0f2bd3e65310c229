// Lost if these fail: weight decay would pull at biases and statistics, or an update would use another rate
// than asked for.
#include "train/optimiser.h"

#include "train/train_testing.h"

namespace halfwave {
namespace {

/// One learned number in double.
struct Number {
  double w, first = 0, second = 0;
};

/// The published update t (from 1), as PyTorch's documentation writes it.
void reference_update(Number& x, double g, const TrainOptions& o, double rate, double decay, int t) {
  if (o.optimiser == "adamw")
    x.w -= rate * decay * x.w;
  else
    g += decay * x.w;
  if (o.optimiser == "sgd") {
    x.first = o.momentum * x.first + g;
    x.w -= rate * (o.nesterov ? g + o.momentum * x.first : x.first);
  } else if (o.optimiser == "rmsprop") {
    x.first = o.beta2 * x.first + (1 - o.beta2) * g * g;
    x.w -= rate * g / (std::sqrt(x.first) + o.epsilon);
  } else {
    x.first = o.beta1 * x.first + (1 - o.beta1) * g;
    x.second = o.beta2 * x.second + (1 - o.beta2) * g * g;
    x.w -= rate * x.first / (1 - std::pow(o.beta1, t)) /
           (std::sqrt(x.second / (1 - std::pow(o.beta2, t))) + o.epsilon);
  }
}

class EveryOptimiser : public testing::TestWithParam<std::string> {};

TEST_P(EveryOptimiser, UpdatesWholeNetworksWithDecayOfWeightsOnly) {
  TrainOptions options;
  options.optimiser = GetParam();
  options.weight_decay = 0.05;
  options.beta1 = 0.8;
  options.beta2 = 0.95;
  options.epsilon = 1e-6;
  options.nesterov = true;
  Network network = parse_network("dense 19, batch_norm, prelu, dense", 5, 3);
  Random random(1, 1);
  std::vector<std::vector<Number>> exact;
  for (const NetworkTensor& tensor : network.tensors()) {
    std::vector<float> numbers(tensor.spec.count());
    for (float& x : numbers) x = static_cast<float>(random.normal());
    network.set(tensor, numbers);
    auto& list = exact.emplace_back();
    for (const float x : numbers) list.push_back({static_cast<double>(x)});
  }
  Optimiser optimiser(network, options);
  Network gradients = parse_network(network.line(), 5, 3);
  for (int t = 1; t <= 4; ++t) {
    const double rate = 0.02 / t, scale = t == 2 ? 0.3 : 1.0;
    optimiser.begin_update(t, rate, scale);
    for (std::size_t i = 0; i < network.tensors().size(); ++i) {
      const NetworkTensor& tensor = network.tensors()[i];
      if (!tensor.spec.learned) continue;
      std::vector<float> g(tensor.spec.count());
      for (float& x : g) x = static_cast<float>(random.normal());
      gradients.set(gradients.tensors()[i], g);
      const std::size_t half = tensor.spec.floats() / 2;  // in two parts, as a layer reports them
      const float* from = gradients.values().data() + tensor.offset;
      optimiser.apply(i, tensor.offset, half, from);
      optimiser.apply(i, tensor.offset + half, tensor.spec.floats() - half, from + half);
      for (std::size_t k = 0; k < g.size(); ++k)
        reference_update(exact[i][k], scale * static_cast<double>(g[k]), options, rate,
                         tensor.spec.decays ? options.weight_decay : 0.0, t);
    }
    for (std::size_t i = 0; i < network.tensors().size(); ++i) {
      const std::vector<float> numbers = network.get(network.tensors()[i]);
      for (std::size_t k = 0; k < numbers.size(); ++k)
        ASSERT_NEAR(numbers[k], exact[i][k].w, 1e-5 * (1 + std::fabs(exact[i][k].w)))
            << network.tensors()[i].name << " " << k << ", update " << t;
    }
  }
  std::size_t zeros = 0, numbers = 0;
  for (const float x : network.values()) zeros += x == 0.0f ? 1 : 0;
  for (const NetworkTensor& tensor : network.tensors()) numbers += tensor.spec.count();
  EXPECT_EQ(zeros, network.values().size() - numbers) << "padding moved";
}

TEST_P(EveryOptimiser, StateIsAllThatTheNextUpdateDependsOn) {
  TrainOptions options;
  options.optimiser = GetParam();
  Network one = parse_network("dense 7", 5, 7), other = parse_network("dense 7", 5, 7);
  Optimiser first(one, options), second(other, options);
  const std::vector<float> gradients(one.learned_floats(), 0.5f);
  const auto update = [&](Network& network, Optimiser& optimiser, int t) {
    optimiser.begin_update(t, 0.01, 1.0);
    for (std::size_t i = 0; i < 2; ++i)
      optimiser.apply(i, network.tensors()[i].offset, network.tensors()[i].spec.floats(), gradients.data());
  };
  update(one, first, 1);
  update(one, first, 2);
  std::copy(one.values().begin(), one.values().end(), other.values().begin());
  const auto from = first.state(), to = second.state();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t a = 0; a < from.size(); ++a) std::copy(from[a].begin(), from[a].end(), to[a].begin());
  update(one, first, 3);
  update(other, second, 3);
  EXPECT_TRUE(std::ranges::equal(one.values(), other.values()));
}

INSTANTIATE_TEST_SUITE_P(All, EveryOptimiser, testing::ValuesIn(optimiser_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace halfwave
