#include "train/evaluator.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/losses.h"

namespace halfwave {
namespace {

constexpr std::size_t kLargestBatch = 256;
constexpr std::size_t kMostFloats = std::size_t{16} << 20;  // 64 MB of values between the layers
// A plan for very few examples is prepared to run often, which costs more than a single run gains.
constexpr std::size_t kLeastBatch = kFewExamples + 1;

/// A batch that the values of a network on a grid, which are many, do not make huge.
std::size_t batch_for(const Network& network, std::size_t layers, std::size_t examples) {
  const auto floats = [](const Shape& shape) { return shape.positions() * row_stride(shape.channels); };
  std::size_t example = floats(network.input());
  for (std::size_t i = 0; i < layers; ++i)
    if (!network.layer(i).in_place()) example += floats(network.layer(i).output());
  return std::clamp(std::min(examples, kMostFloats / example), kLeastBatch, kLargestBatch);
}

}  // namespace

Evaluator::Evaluator(ModelParts& model, std::size_t layers, std::size_t examples, int threads,
                     Skipping skipping)
    : model_(model),
      batch_(batch_for(model.network, layers, examples)),
      form_(model),
      plan_(model.network, {.batch = batch_, .skipping = skipping, .rest = form_.rest_or_null()}, layers) {
  context_.threads = threads;
}

Evaluation Evaluator::evaluate(const Examples& examples) {
  const std::size_t outputs = plan_.outputs();
  const Preprocessing& preprocessing = model_.preprocessing;
  std::vector<float> gradient(batch_ * plan_.output_stride()), losses(batch_), targets(batch_);
  std::vector<std::int32_t> predictions(batch_);
  double loss = 0.0, squares = 0.0;
  std::size_t correct = 0;
  run(examples, [&](std::size_t first, std::size_t count, const Plan& plan) {
    const float* const y = plan.output();
    const std::size_t stride = plan.output_stride();
    if (model_.schema.task == Task::regression) {
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < outputs; ++j) {
          const double predicted =
              static_cast<double>(y[i * stride + j]) * static_cast<double>(preprocessing.target_scale[j]) +
              static_cast<double>(preprocessing.target_mean[j]);
          const double error = predicted - static_cast<double>(examples.targets[(first + i) * outputs + j]);
          squares += error * error;
        }
      return;
    }
    const std::int32_t* labels = examples.labels.data() + first;
    if (outputs == 1) {
      for (std::size_t i = 0; i < count; ++i) {
        targets[i] = static_cast<float>(labels[i]);
        predictions[i] = y[i * stride] > 0.0f ? 1 : 0;
      }
      element_loss(ElementLoss::binary_cross_entropy, y, stride, 1, targets.data(), 1.0f, {0, count},
                   gradient.data(), losses.data());
    } else {
      softmax_cross_entropy(y, stride, outputs, labels, 0.0f, 1.0f, {0, count}, gradient.data(),
                            losses.data(), predictions.data());
    }
    for (std::size_t i = 0; i < count; ++i) {
      loss += static_cast<double>(losses[i]);
      correct += predictions[i] == labels[i] ? 1 : 0;
    }
  });
  const auto n = static_cast<double>(examples.count);
  if (model_.schema.task == Task::regression) {
    const double mean = squares / (n * static_cast<double>(outputs));
    return {.loss = mean, .rmse = std::sqrt(mean)};
  }
  return {.loss = loss / n, .accuracy = static_cast<double>(correct) / n};
}

}  // namespace halfwave
