#include "train/loss.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include <algorithm>

#include "core/suggest.h"

namespace halfwave {
namespace {

struct LossKind {
  std::string_view name;
  bool softmax, classification;
  ElementLoss element;
};

constexpr LossKind kKinds[] = {
    {"cross_entropy", true, true, ElementLoss::mse},
    {"binary_cross_entropy", false, true, ElementLoss::binary_cross_entropy},
    {"mse", false, false, ElementLoss::mse},
    {"mae", false, false, ElementLoss::mae},
    {"huber", false, false, ElementLoss::huber},
};

const LossKind& find_kind(std::string_view name, Task task) {
  if (name == "auto") name = usual_loss(task);
  for (const LossKind& kind : kKinds)
    if (kind.name == name) return kind;
  throw usage_error(fmt::format("There is no loss '{}'.{}", name, did_you_mean(name, loss_names())));
}

}  // namespace

std::string_view usual_loss(Task task) { return task == Task::classification ? "cross_entropy" : "mse"; }

std::vector<std::string> loss_names() {
  std::vector<std::string> names{"auto"};
  for (const LossKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

Loss::Loss(std::string_view name, double label_smoothing, const Schema& schema,
           const Preprocessing& preprocessing)
    : smoothing_(static_cast<float>(label_smoothing)),
      classification_(schema.task == Task::classification),
      target_mean_(preprocessing.target_mean),
      target_scale_(preprocessing.target_scale) {
  const LossKind& kind = find_kind(name, schema.task);
  if (kind.classification != classification_)
    throw usage_error(fmt::format("The loss '{}' is for {}, but the target '{}' is {}.", kind.name,
                                  kind.classification ? "classes" : "numbers", schema.target,
                                  classification_ ? "a class" : "a number"));
  name_ = kind.name;
  softmax_ = kind.softmax;
  element_ = kind.element;
  outputs_ = classification_ ? schema.classes.size() : schema.outputs;
  if (classification_ && !softmax_) {
    if (schema.classes.size() != 2)
      throw usage_error(fmt::format(
          "The loss 'binary_cross_entropy' needs two classes; the data have {}. Use cross_entropy.",
          schema.classes.size()));
    outputs_ = 1;
  }
  if (smoothing_ != 0.0f && !classification_)
    throw usage_error("--label-smoothing is for classes, not for numbers.");
}

void Loss::set_targets(const Examples& examples) {
  labels_ = &examples.labels;
  if (softmax_) return;
  if (classification_) {  // smoothed towards one half
    targets_.resize(examples.count);
    for (std::size_t i = 0; i < examples.count; ++i)
      targets_[i] = (1.0f - smoothing_) * static_cast<float>(examples.labels[i]) + 0.5f * smoothing_;
    return;
  }
  targets_.resize(examples.count * outputs_);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const std::size_t j = i % outputs_;
    targets_[i] = (examples.targets[i] - target_mean_[j]) / target_scale_[j];
  }
}

BatchResult Loss::evaluate(const float* outputs, std::size_t stride, std::span<const std::uint32_t> rows,
                           float* gradient) {
  const std::size_t n = rows.size();
  const float scale = 1.0f / static_cast<float>(n);
  losses_.resize(n);
  predictions_.resize(n);
  BatchResult result;
  if (classification_) {
    batch_labels_.resize(n);
    for (std::size_t i = 0; i < n; ++i) batch_labels_[i] = (*labels_)[rows[i]];
  }
  if (softmax_) {
    softmax_cross_entropy(outputs, stride, outputs_, batch_labels_.data(), smoothing_, scale, {0, n},
                          gradient, losses_.data(), predictions_.data());
  } else {
    for (std::size_t i = 0; classification_ && i < n; ++i)
      predictions_[i] = outputs[i * stride] > 0.0f ? 1 : 0;
    batch_targets_.resize(n * outputs_);
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(targets_.data() + rows[i] * outputs_, outputs_, batch_targets_.data() + i * outputs_);
    element_loss(element_, outputs, stride, outputs_, batch_targets_.data(), scale, {0, n}, gradient,
                 losses_.data());
  }
  for (std::size_t i = 0; i < n; ++i) {
    result.loss += static_cast<double>(losses_[i]);
    result.correct += classification_ && predictions_[i] == batch_labels_[i] ? 1 : 0;
  }
  return result;
}

}  // namespace halfwave
