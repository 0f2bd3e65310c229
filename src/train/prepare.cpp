#include "train/prepare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/activation.h>
#include <halfwave/error.h>

#include <algorithm>
#include <cmath>

#include "core/check_ranges.h"
#include "core/suggest.h"
#include "core/team.h"
#include "graph/initialise.h"
#include "io/copy_model.h"
#include "io/model_file.h"
#include "layers/operators.h"
#include "train/augment.h"
#include "train/check_examples.h"
#include "train/loss.h"
#include "train/optimiser.h"

namespace halfwave {
namespace {

/// Values per channel: how many consecutive features share mean and deviation.
std::size_t features_per_group(const std::vector<std::int64_t>& shape, std::size_t features, bool grid) {
  if (shape.size() <= 1) return grid ? features : 1;
  if (shape.size() == 2) return features;
  return features / static_cast<std::size_t>(shape[0]);
}

struct Moments {
  double mean, deviation;
};

/// Mean and standard deviation from sums that were shifted by `origin`, which keeps them small.
Moments moments(double origin, double sum, double squares, double n) {
  const double mean = sum / n;
  return {origin + mean, std::sqrt(std::max(0.0, squares / n - mean * mean))};
}

template <class Number>
std::vector<Moments> moments_by_group(const std::vector<Number>& values, std::size_t count,
                                      std::size_t features, std::size_t group) {
  const std::size_t groups = features / group;
  std::vector<double> origin(groups), sum(groups), squares(groups);
  for (std::size_t g = 0; g < groups && count > 0; ++g) origin[g] = static_cast<double>(values[g * group]);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t g = 0; g < groups; ++g) {
      const Number* from = values.data() + i * features + g * group;
      double s = 0, q = 0;
      for (std::size_t j = 0; j < group; ++j) {
        const double x = static_cast<double>(from[j]) - origin[g];
        s += x;
        q += x * x;
      }
      sum[g] += s;
      squares[g] += q;
    }
  std::vector<Moments> result;
  for (std::size_t g = 0; g < groups; ++g)
    result.push_back(moments(origin[g], sum[g], squares[g], static_cast<double>(count * group)));
  return result;
}

/// 1 / deviation, or 1 where a feature does not vary.
float inverse(const Moments& m) {
  return m.deviation > 1e-12 * std::max(1.0, std::fabs(m.mean)) ? static_cast<float>(1.0 / m.deviation)
                                                                : 1.0f;
}

std::int64_t usual_epochs(std::size_t examples, std::int64_t batch) {
  constexpr std::int64_t kUpdates = 4000;
  const auto per_epoch = (static_cast<std::int64_t>(examples) + batch - 1) / batch;
  return std::clamp<std::int64_t>((kUpdates + per_epoch / 2) / per_epoch, 10, 200);
}

/// "leaky_relu 0.2" begins with the name of an activation.
void check_activation(const std::string& text) {
  find_activation(std::string_view(text).substr(0, text.find(' ')));
}

/// How the columns of the data differ from a model's, which takes them by place; "" where they do not.
std::string column_difference(const std::vector<Column>& model, const std::vector<Column>& data) {
  for (std::size_t c = 0; c < std::max(model.size(), data.size()); ++c) {
    if (c >= data.size()) return fmt::format("the data have no column '{}'", model[c].name);
    if (c >= model.size()) return fmt::format("the model has no column '{}'", data[c].name);
    if (model[c].name != data[c].name)
      return fmt::format("column {} is '{}' in the model and '{}' in the data", c, model[c].name,
                         data[c].name);
    if (model[c].kind != data[c].kind)
      return fmt::format("column '{}' holds {}", model[c].name,
                         data[c].kind == Column::Kind::numeric
                             ? "texts in the model and numbers in the data"
                             : "numbers in the model and texts in the data");
    const auto [known, now] = std::ranges::mismatch(model[c].categories, data[c].categories);
    if (known != model[c].categories.end() && (now == data[c].categories.end() || *known < *now))
      return fmt::format("column '{}' has the category '{}' in the model only", model[c].name, *known);
    if (now != data[c].categories.end())
      return fmt::format("column '{}' has the category '{}' in the data only", model[c].name, *now);
  }
  return "";
}

}  // namespace

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const ActivationInfo& activation : activations()) names.emplace_back(activation.name);
  return names;
}

TrainOptions resolve(const TrainOptions& options, const Dataset& data, const Model* start) {
  TrainOptions resolved = options;
  check_ranges(resolved);
  if (data.train.count == 0)
    throw input_error(fmt::format("The data set '{}' has no training examples.", data.name));
  check_examples(data.train, data.schema, Labels::needed, "The training part");
  check_examples(data.test, data.schema, Labels::needed, "The test part");
  check_activation(resolved.activation);
  Augment(resolved.augment, data.schema, data.name);  // throws where it is wrong
  if (resolved.loss == "auto") {
    const bool one_for_two = start && start->outputs() == 1 && data.schema.task == Task::classification &&
                             data.schema.classes.size() == 2;
    resolved.loss = one_for_two ? "binary_cross_entropy" : usual_loss(data.schema.task);
  }
  if (resolved.threads == 0) resolved.threads = available_threads();
  if (resolved.epochs == 0) resolved.epochs = usual_epochs(data.train.count, resolved.batch);
  return resolved;
}

Preprocessing fit_preprocessing(const Dataset& data, bool standardise, bool grid) {
  const std::size_t features = data.schema.features();
  Preprocessing preprocessing;
  preprocessing.mean.assign(features, 0.0f);
  preprocessing.scale.assign(features, 1.0f);
  const bool regression = data.schema.task == Task::regression;
  if (regression) {
    preprocessing.target_mean.assign(data.schema.outputs, 0.0f);
    preprocessing.target_scale.assign(data.schema.outputs, 1.0f);
  }
  if (!standardise) return preprocessing;

  const std::size_t group = features_per_group(data.schema.shape, features, grid);
  const std::vector<Moments> inputs = std::visit(
      [&](const auto& values) { return moments_by_group(values, data.train.count, features, group); },
      data.train.values);
  for (std::size_t j = 0; j < features; ++j) {
    preprocessing.mean[j] = static_cast<float>(inputs[j / group].mean);
    preprocessing.scale[j] = inverse(inputs[j / group]);
  }
  if (regression) {
    const std::vector<Moments> targets =
        moments_by_group(data.train.targets, data.train.count, data.schema.outputs, 1);
    for (std::size_t j = 0; j < data.schema.outputs; ++j) {
      preprocessing.target_mean[j] = static_cast<float>(targets[j].mean);
      preprocessing.target_scale[j] = 1.0f / inverse(targets[j]);
    }
  }
  return preprocessing;
}

namespace {

std::vector<std::int64_t> without_ones(std::vector<std::int64_t> shape) {
  std::erase(shape, std::int64_t{1});
  return shape;
}

/// Whether examples of one shape have the numbers of the other in the same order: equal but for axes of
/// length 1, or one of them a plain row.
bool same_order(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  const auto x = without_ones(a), y = without_ones(b);
  return x == y || x.size() < 2 || y.size() < 2;
}

/// What a model says of its data, as training it further on these data makes it: one that another program
/// wrote knows no columns and no names of classes, and learns them.
Schema schema_for(const ModelParts& from, const Dataset& data) {
  if (!from.schema.foreign) return from.schema;
  if (!same_order(from.schema.shape, data.schema.shape))
    throw usage_error(
        fmt::format("The model to train further takes examples of shape [{}]; those of '{}' have [{}].",
                    fmt::join(from.schema.shape, ", "), data.name, fmt::join(data.schema.shape, ", ")));
  Schema schema = data.schema;
  if (schema.columns.empty()) schema.shape = from.schema.shape;
  return schema;
}

/// Throws Error (usage) where training would change nothing, or nothing that a file could then be made of.
void check_trainable(const ModelParts& model) {
  own_format_after_training(model);
  if (model.network.parameters() > 0) return;
  std::string reason;
  for (std::size_t i = 0; i < model.network.size() && reason.empty(); ++i)
    if (const OperatorRegion* region = operator_region(model.network.layer(i)))
      reason = fmt::format(": layer '{}' runs operators of a model file that have no layer ({})",
                           model.network.layer_name(i), region->reason);
  throw usage_error(fmt::format("The model to train further has nothing to learn{}.", reason));
}

/// A copy of a model, with the preprocessing that it has, to be trained further.
std::shared_ptr<ModelParts> copy_model(const ModelParts& from, const Dataset& data,
                                       const TrainOptions& options) {
  Schema schema = schema_for(from, data);
  if (const std::string difference = column_difference(schema.columns, data.schema.columns);
      !difference.empty())
    throw usage_error(fmt::format("The model to train further is for other columns than those of '{}': {}.",
                                  data.name, difference));
  if (schema.task != data.schema.task || from.schema.features() != data.schema.features() ||
      schema.classes != data.schema.classes || schema.outputs != data.schema.outputs)
    throw usage_error(fmt::format(
        "The model to train further takes {} features and has {} outputs; the data set '{}' has "
        "{} features and {} classes or targets, or other class names.",
        from.schema.features(), from.network.outputs(), data.name, data.schema.features(),
        data.schema.task == Task::classification ? data.schema.classes.size() : data.schema.outputs));
  Preprocessing preprocessing = from.preprocessing;
  const std::size_t targets = schema.task == Task::regression ? schema.outputs : 0;
  preprocessing.target_mean.resize(targets, 0.0f);
  preprocessing.target_scale.resize(targets, 1.0f);
  const Loss loss(options.loss, options.label_smoothing, data.schema, preprocessing);
  if (loss.outputs() != from.network.outputs())
    throw usage_error(fmt::format("The loss '{}' needs {} outputs, but the model to train further has {}.",
                                  loss.name(), loss.outputs(), from.network.outputs()));
  check_trainable(from);
  auto copy = std::make_shared<ModelParts>(copy_of(from));
  copy->schema = std::move(schema);
  copy->preprocessing = std::move(preprocessing);
  copy->facts.clear();
  return copy;
}

}  // namespace

std::shared_ptr<ModelParts> make_model(const Dataset& data, const TrainOptions& options, const Model* start) {
  if (start) return copy_model(start->parts(), data, options);
  const Loss loss(options.loss, options.label_smoothing, data.schema, {});
  const std::string line = options.net.empty() ? mlp_line(options.hidden, options.activation) : options.net;
  Network network = parse_network(line, data.schema.shape, loss.outputs(), options.activation);
  initialise(network, options.init, options.bias_init, options.seed);
  Preprocessing preprocessing = fit_preprocessing(data, options.standardise, network.input().rank > 0);
  return std::make_shared<ModelParts>(
      ModelParts{std::move(network), data.schema, std::move(preprocessing), {}});
}

Model make_network(const Dataset& data, const TrainOptions& options) {
  return Model(make_model(data, resolve(options, data), nullptr));
}

}  // namespace halfwave
