#include "train/run_warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "diagnose/kinds.h"
#include "diagnose/lint.h"
#include "diagnose/rules.h"
#include "io/model_file.h"

namespace halfwave {
namespace {

double constant_loss_of(const ModelParts& model, const Dataset& data, const TrainOptions& options) {
  const bool classes = data.schema.task == Task::classification;
  if (!classes && options.loss != "mse") return std::numeric_limits<double>::quiet_NaN();
  return constant_loss(data.train, data.schema, model.preprocessing.target_scale);
}

}  // namespace

RunWarnings::RunWarnings(const ModelParts& model, const Dataset& data, const TrainOptions& options)
    : model_(model), constant_loss_(constant_loss_of(model, data, options)) {}

std::vector<std::string> RunWarnings::at_start() {
  std::vector<std::string> warnings = news(lint(model_), "");
  if (std::string change = own_format_after_training(model_); !change.empty())
    warnings.push_back(std::move(change));
  return warnings;
}

std::vector<std::string> RunWarnings::after_epoch(const std::vector<EpochReport>& epochs,
                                                  const std::vector<LayerInspection>& layers) {
  std::vector<Finding> findings = judge_units(layers);
  std::ranges::move(judge_depth(layers), std::back_inserter(findings));
  std::ranges::move(judge_run(epochs, constant_loss_), std::back_inserter(findings));
  return news(std::move(findings), fmt::format(" in epoch {}", epochs.back().epoch));
}

/// The findings of one kind make one warning, and what follows from another finding none.
std::vector<std::string> RunWarnings::news(std::vector<Finding> findings, const std::string& when) {
  findings = in_order(std::move(findings), model_.network);
  std::vector<std::string> warnings;
  for (const Finding& finding : findings) {
    if (finding.weight < kWeightOfRemark || !finding.follows_from.empty()) continue;
    std::size_t others = 0;
    bool is_new = false;
    for (const Finding& same : findings) {
      if (same.kind != finding.kind || same.weight < kWeightOfRemark || !same.follows_from.empty()) continue;
      // What goes wrong with the depth may show in one layer now and in another one later.
      is_new =
          told_.insert(same.units.empty() ? same.kind : fmt::format("{} {}", same.kind, same.where)).second ||
          is_new;
      others += &same != &finding ? 1 : 0;
    }
    if (!is_new) continue;
    const std::string where = finding.where.empty() ? "" : fmt::format("{}: ", finding.where),
                      more =
                          others == 0 ? "" : fmt::format(", and more in {}", counted(others, "other layer"));
    warnings.push_back(
        fmt::format("{}{}{}{} ({}). {}", where, finding.what, when, more, finding.kind, finding.remedy));
  }
  return warnings;
}

}  // namespace halfwave
