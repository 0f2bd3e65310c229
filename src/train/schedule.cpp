#include "train/schedule.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/suggest.h"

namespace halfwave {

std::vector<std::string> schedule_names() { return {"constant", "cosine", "step", "plateau"}; }

Schedule::Schedule(const TrainOptions& options, std::int64_t updates_per_epoch)
    : rate_(options.learning_rate), factor_(options.step_factor), patience_(options.patience) {
  const std::vector<std::string> names = schedule_names();
  const auto found = std::find(names.begin(), names.end(), options.schedule);
  if (found == names.end())
    throw usage_error(
        fmt::format("There is no schedule '{}'.{}", options.schedule, did_you_mean(options.schedule, names)));
  kind_ = static_cast<Kind>(found - names.begin());
  const auto per_epoch = static_cast<double>(updates_per_epoch);
  updates_ = static_cast<double>(options.epochs) * per_epoch;
  warmup_updates_ = std::min(options.warmup * per_epoch, updates_);
  step_updates_ = static_cast<double>(options.step_epochs) * per_epoch;
}

double Schedule::rate(std::int64_t update) const {
  const auto t = static_cast<double>(update);
  if (t < warmup_updates_) return rate_ * (t + 1.0) / (warmup_updates_ + 1.0);
  switch (kind_) {
    case Kind::constant:
      break;
    case Kind::cosine:  // Loshchilov & Hutter 2017, one period, down to zero
      return 0.5 * rate_ *
             (1.0 + std::cos(std::numbers::pi * (t - warmup_updates_) / (updates_ - warmup_updates_)));
    case Kind::step:
      return rate_ * std::pow(factor_, std::floor(t / step_updates_));
    case Kind::plateau:
      return rate_ * plateau_.factor;
  }
  return rate_;
}

void Schedule::epoch_done(bool better) {
  if (kind_ != Kind::plateau) return;
  plateau_.epochs_without_better = better ? 0 : plateau_.epochs_without_better + 1;
  if (plateau_.epochs_without_better >= patience_) {
    plateau_.factor *= factor_;
    plateau_.epochs_without_better = 0;
  }
}

}  // namespace halfwave
