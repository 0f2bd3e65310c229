#include "train/update_step.h"

#include <fmt/format.h>

#include <cmath>

#include "core/team.h"
#include "kernels/rows.h"

namespace halfwave {

UpdateStep::UpdateStep(ModelParts& model, const Examples& examples, const TrainOptions& options,
                       Augment augment)
    : model_(model),
      examples_(examples),
      loss_(options.loss, options.label_smoothing, model.schema, model.preprocessing),
      form_(model, has_zeros(examples)),
      batch_(std::min(static_cast<std::size_t>(options.batch), examples.count)),
      plan_(model.network,
            {.batch = batch_,
             .training = true,
             .activity_l1 = static_cast<float>(options.activity_l1),
             .count_zeros = options.health,
             .hold_activations = !options.log_dir.empty(),
             .skipping = find_skipping(options.skip),
             .rest = form_.rest_or_null()},
            logit_layers(model)),
      optimiser_(model.network, options),
      clip_(options.clip) {
  loss_.set_targets(examples);
  context_.training = true;
  context_.threads = static_cast<int>(options.threads);
  context_.seed = options.seed;
  if (!augment.empty())
    augmented_.emplace(examples, form_, std::move(augment), batch_, options.seed, context_.threads);
}

BatchResult UpdateStep::run(std::span<const std::uint32_t> rows, std::int64_t update, double rate,
                            bool keep_gradients, std::span<const std::uint32_t> next) {
  context_.batch = rows.size();
  context_.keep_gradients = keep_gradients || clip_ > 0.0;
  context_.step = static_cast<std::uint64_t>(update);
  if (augmented_)
    augmented_->fill(rows, context_.step * batch_, next, context_, plan_);
  else
    gather(examples_, form_, rows, context_, plan_);
  plan_.forward(context_);
  const BatchResult result =
      loss_.evaluate(plan_.output(), plan_.output_stride(), rows, plan_.output_gradient());
  if (!std::isfinite(result.loss)) return result;
  if (keep_gradients && watcher_) watcher_(rows.size());
  if (clip_ > 0.0) {
    Later sink;
    plan_.backward(context_, sink);
    clip_and_apply(update, rate);
  } else {
    Immediate sink(*this);
    optimiser_.begin_update(update + 1, rate, 1.0);
    plan_.backward(context_, sink);
  }
  return result;
}

void UpdateStep::clip_and_apply(std::int64_t update, double rate) {
  const std::span<const float> gradients = plan_.gradients();
  const double norm = std::sqrt(sum_of_squares(gradients.data(), gradients.size()));
  optimiser_.begin_update(update + 1, rate, norm > clip_ ? clip_ / norm : 1.0);
  const std::span<const NetworkTensor> tensors = model_.network.tensors();
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (!tensors[t].spec.learned) continue;
    const std::size_t floats = tensors[t].spec.floats();
    run_team(context_.team(floats), [&](int thread, int all) {
      const Range part = share(floats, thread, all, kLineFloats);
      const std::size_t begin = tensors[t].offset + part.begin;
      optimiser_.apply(t, begin, part.size(), gradients.data() + begin);
    });
  }
}

std::string UpdateStep::find_divergence() const {
  const Network& network = model_.network;
  for (std::size_t i = 0; i < plan_.layers(); ++i) {
    for (const NetworkTensor& tensor : network.tensors()) {
      const std::size_t floats = tensor.spec.floats();
      if (tensor.layer == i && first_not_finite(network.values().data() + tensor.offset, floats) < floats)
        return fmt::format("layer {} '{}': its {} became NaN or infinite in the update before", i + 1,
                           network.layer_name(i), tensor.spec.name);
    }
    if (!plan_.holds_output(i)) continue;  // then a layer behind it has it
    const std::size_t width = network.layer(i).outputs(), stride = row_stride(width);
    for (std::size_t row = 0; row < context_.batch * network.layer(i).output().positions(); ++row)
      if (first_not_finite(plan_.layer_output(i) + row * stride, width) < width)
        return fmt::format("layer {} '{}': its output is NaN or infinite", i + 1, network.layer_name(i));
  }
  return "the loss: the last layer's outputs are finite, but their loss is not";
}

}  // namespace halfwave
