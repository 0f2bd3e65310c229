#include "train/optimiser.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/suggest.h"
#include "kernels/optimisers.h"

namespace halfwave {
namespace {

struct OptimiserKind {
  std::string_view name;
  Optimiser::Kind kind;
  double rate;  ///< the usual one; 0: it depends on the network
  int arrays;   ///< of state
};

constexpr OptimiserKind kKinds[] = {
    {"sgd", Optimiser::Kind::sgd, 0.05, 1},
    {"adam", Optimiser::Kind::adam, 0, 2},
    {"adamw", Optimiser::Kind::adamw, 0, 2},
    {"rmsprop", Optimiser::Kind::rmsprop, 0, 1},
};

const OptimiserKind& find_kind(std::string_view name) {
  for (const OptimiserKind& kind : kKinds)
    if (kind.name == name) return kind;
  throw usage_error(
      fmt::format("There is no optimiser '{}'.{}", name, did_you_mean(name, optimiser_names())));
}

}  // namespace

std::vector<std::string> optimiser_names() {
  std::vector<std::string> names;
  for (const OptimiserKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

double Optimiser::usual_rate(const std::string& name, const Network& network) {
  const double fixed = find_kind(name).rate;
  if (fixed > 0.0) return fixed;
  double inputs = 0.0, layers = 0.0;
  bool first = true;
  for (const NetworkTensor& tensor : network.tensors()) {
    if (!tensor.spec.decays) continue;
    if (!std::exchange(first, false)) {  // those of the first layer are the data's
      inputs += static_cast<double>(tensor.spec.fan_in());
      layers += 1.0;
    }
  }
  // A convolution's weights have many places to learn from: MNIST-1D's network needs twice the rate to reach
  // the paper's accuracy.
  const double factor = network.input().rank > 0 ? 2.0 : 1.0;
  return std::clamp(factor * layers / std::max(inputs, 1.0), 0.001, factor * 0.01);
}

Optimiser::Optimiser(Network& network, const TrainOptions& options)
    : network_(network),
      kind_(find_kind(options.optimiser).kind),
      momentum_(static_cast<float>(options.momentum)),
      beta1_(static_cast<float>(options.beta1)),
      beta2_(static_cast<float>(options.beta2)),
      epsilon_(static_cast<float>(options.epsilon)),
      decay_(static_cast<float>(options.weight_decay)),
      nesterov_(options.nesterov) {
  const int arrays = kind_ == Kind::sgd && momentum_ == 0.0f ? 0 : find_kind(options.optimiser).arrays;
  if (arrays > 0) first_.assign(network.learned_floats(), 0.0f);
  if (arrays > 1) second_.assign(network.learned_floats(), 0.0f);
}

void Optimiser::begin_update(std::int64_t update, double rate, double gradient_scale) {
  const auto t = static_cast<double>(update);
  rate_ = static_cast<float>(rate);
  corrected_rate_ = static_cast<float>(rate / (1.0 - std::pow(static_cast<double>(beta1_), t)));
  correction_ = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(static_cast<double>(beta2_), t)));
  scale_ = static_cast<float>(gradient_scale);
}

void Optimiser::apply(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) {
  const float decay = network_.tensors()[tensor].spec.decays ? decay_ : 0.0f;
  float* const w = network_.values().data() + begin;
  const auto state = [begin](AlignedVector<float>& array) {
    return array.empty() ? nullptr : array.data() + begin;
  };
  switch (kind_) {
    case Kind::sgd:
      return sgd_update({rate_, momentum_, decay, scale_, nesterov_}, w, gradient, state(first_), count);
    case Kind::adam:
      return adam_update({corrected_rate_, beta1_, beta2_, epsilon_, correction_, decay, 1.0f, scale_}, w,
                         gradient, state(first_), state(second_), count);
    case Kind::adamw:
      return adam_update(
          {corrected_rate_, beta1_, beta2_, epsilon_, correction_, 0.0f, 1.0f - rate_ * decay, scale_}, w,
          gradient, state(first_), state(second_), count);
    case Kind::rmsprop:
      return rmsprop_update({rate_, beta2_, epsilon_, decay, scale_}, w, gradient, state(first_), count);
  }
}

Companions Optimiser::arrays() const {
  Companions arrays{{std::as_const(network_).values().data()}, 1};
  for (const auto* state : {&first_, &second_})
    if (!state->empty()) arrays.arrays[arrays.count++] = state->data();
  return arrays;
}

std::vector<std::span<float>> Optimiser::state() {
  std::vector<std::span<float>> arrays;
  if (!first_.empty()) arrays.emplace_back(first_);
  if (!second_.empty()) arrays.emplace_back(second_);
  return arrays;
}

}  // namespace halfwave
