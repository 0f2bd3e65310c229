#include <halfwave/bench.h>
#include <halfwave/error.h>
#include <halfwave/inspect.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "analysis/unit_counts.h"
#include "core/random.h"
#include "core/team.h"
#include "diagnose/lint.h"
#include "diagnose/rules.h"
#include "diagnose/unit_vectors.h"
#include "graph/model_parts.h"
#include "kernels/rows.h"
#include "train/check_examples.h"
#include "train/loss.h"

namespace halfwave {
namespace {

/// `count` of the examples, drawn at random, in their order.
Examples drawn(const Examples& examples, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(examples.count);
  Random(seed, stream_id(Stream::data, 5)).permutation(rows);
  rows.resize(std::min(count, rows.size()));
  std::ranges::sort(rows);
  const auto take = [&](const auto& numbers, auto& to) {
    const std::size_t each = numbers.size() / examples.count;
    for (const std::uint32_t row : rows) {
      const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(row * each);
      to.insert(to.end(), from, from + static_cast<std::ptrdiff_t>(each));
    }
  };
  Examples some;
  some.count = rows.size();
  std::visit(
      [&](const auto& values) { take(values, some.values.emplace<std::remove_cvref_t<decltype(values)>>()); },
      examples.values);
  take(examples.labels, some.labels);
  take(examples.targets, some.targets);
  return some;
}

/// The schema with which the examples are labelled: of a model that another program wrote nothing tells
/// whether its outputs are classes, but labels do.
Schema schema_for(const ModelParts& parts, const Examples& examples) {
  Schema schema = parts.schema;
  if (!schema.foreign || examples.labels.empty()) return schema;
  schema.task = Task::classification;
  schema.classes.resize(std::max<std::size_t>(parts.network.outputs(), 2));
  return schema;
}

/// The targets in the network's units.
TargetRange target_range(const Examples& examples, const Preprocessing& preprocessing) {
  TargetRange range;
  const std::size_t outputs = preprocessing.target_scale.size();
  for (std::size_t i = 0; i < examples.targets.size(); ++i)
    range.sorted.push_back((examples.targets[i] - preprocessing.target_mean[i % outputs]) /
                           preprocessing.target_scale[i % outputs]);
  std::ranges::sort(range.sorted);
  return range;
}

double norm_of(std::span<const double> numbers) {
  double squares = 0;
  for (const double x : numbers) squares += x * x;
  return std::sqrt(squares);
}

/// Passes of a model over examples, and what they show of each layer.
class Measurement {
 public:
  Measurement(ModelParts& parts, const Schema& schema, const Examples& examples, int threads)
      : network_(parts.network),
        examples_(examples),
        layers_(logit_layers(parts)),
        form_(parts, false),
        loss_(loss_for(parts, schema, examples)),
        batch_(batch_for(network_, layers_, examples.count)),
        input_(network_, {.batch = batch_}, 1),
        trace_(network_, layers_, batch_, threads, loss_.has_value()),
        watched_(watched_layers(network_, layers_)),
        gradient_squares_(layers_),
        weight_gradients_(loss_ ? network_.learned_floats() : 0),
        input_ones_(layers_) {
    if (loss_) loss_->set_targets(examples);
    for (const Watched& watched : watched_) counts_.emplace_back(network_, watched);
    context_.threads = threads;
  }

  /// Of the model as it runs; nothing where the loss is of a kind whose best constant answer is not known.
  std::optional<Performance> performance(const Schema& schema, std::span<const float> scales) const {
    if (!loss_ || loss_->name() == "mae" || loss_->name() == "huber") return std::nullopt;
    const auto count = static_cast<double>(examples_.count);
    return Performance{.loss = loss_sum_ / count,
                       .constant_loss = constant_loss(examples_, schema, scales),
                       .accuracy = static_cast<double>(correct_) / count,
                       .constant_accuracy = constant_accuracy(examples_)};
  }

  std::vector<LayerInspection> run() {
    std::vector<std::uint32_t> rows(batch_);
    for (std::size_t first = 0; first < examples_.count; first += batch_) {
      rows.resize(std::min(batch_, examples_.count - first));
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(first));
      look_at(rows);
    }
    std::vector<LayerInspection> inspections;
    for (std::size_t k = 0; k < watched_.size(); ++k) inspections.push_back(report(k));
    set_ratios(inspections);
    return inspections;
  }

 private:
  /// What the model is trained with, as far as that is known and fits; nothing without labels.
  static std::optional<Loss> loss_for(const ModelParts& parts, const Schema& schema,
                                      const Examples& examples) {
    if (!examples.labelled()) return std::nullopt;
    for (std::size_t i = 0; i < logit_layers(parts); ++i)
      if (!parts.network.layer(i).has_backward()) return std::nullopt;
    const auto told = parts.facts.find("loss");
    const std::size_t outputs = parts.network.layer(logit_layers(parts) - 1).output().numbers();
    const bool classes = schema.task == Task::classification;
    if (!classes && parts.preprocessing.target_scale.size() != outputs) return std::nullopt;
    std::string name = told != parts.facts.end() ? told->second : "auto";
    if (classes && outputs == 1) name = "binary_cross_entropy";
    Loss loss(name, 0.0, schema, parts.preprocessing);
    return loss.outputs() == outputs ? std::optional(std::move(loss)) : std::nullopt;
  }

  static std::size_t batch_for(const Network& network, std::size_t layers, std::size_t examples) {
    constexpr std::size_t kMostFloats = std::size_t{16} << 20, kLargest = 128, kLeast = 8;
    const std::size_t fits = kMostFloats / Trace::floats_of_example(network, layers);
    return std::min(std::clamp(fits, kLeast, kLargest), std::max<std::size_t>(examples, 1));
  }

  void look_at(std::span<const std::uint32_t> rows) {
    context_.batch = rows.size();
    gather(examples_, form_, rows, context_, input_);
    trace_.forward(input_.input(), rows.size(), false);
    for (UnitCounts& counts : counts_) counts.add(trace_, rows.size());
    for (const Watched& watched : watched_)
      input_ones_[watched.layer] += count_ones(watched.layer, rows.size());
    if (!loss_) return;
    const BatchResult result = evaluate(rows);
    loss_sum_ += result.loss;
    correct_ += result.correct;
    trace_.forward(input_.input(), rows.size(), true);
    evaluate(rows);
    look_at_gradients(rows);
  }

  std::size_t count_ones(std::size_t layer, std::size_t examples) const {
    if (network_.layer(layer).joins()) return 0;
    const std::size_t from = network_.inputs_of(layer)[0];
    const Shape& shape = trace_.shape(from);
    const float* x = trace_.output(from);
    std::size_t ones = 0;
    for (std::size_t row = 0; row < examples * shape.positions(); ++row, x += row_stride(shape.channels))
      ones +=
          static_cast<std::size_t>(std::count_if(x, x + shape.channels, [](float v) { return v != 0.0f; }));
    return ones;
  }

  /// What the trace's last pass gave, and the gradient of the loss.
  BatchResult evaluate(std::span<const std::uint32_t> rows) {
    const std::size_t stride = row_stride(network_.layer(layers_ - 1).outputs());
    return loss_->evaluate(trace_.output(layers_ - 1), stride, rows, trace_.output_gradient());
  }

  void look_at_gradients(std::span<const std::uint32_t> rows) {
    const auto n = static_cast<double>(rows.size());  // the loss is the mean of the batch
    trace_.backward([&](std::size_t layer, const float* gradient) {
      const Shape& shape = trace_.shape(layer);
      double squares = 0;
      for (std::size_t row = 0; row < rows.size() * shape.positions(); ++row)
        squares += sum_of_squares(gradient + row * row_stride(shape.channels), shape.channels);
      gradient_squares_[layer] += squares * n * n;
    });
    for (std::size_t k = 0; k < weight_gradients_.size(); ++k)
      weight_gradients_[k] +=
          static_cast<double>(trace_.gradients()[k]) * n / static_cast<double>(examples_.count);
  }

  LayerInspection report(std::size_t k) const {
    const Watched& watched = watched_[k];
    const Layer& layer = network_.layer(watched.layer);
    LayerInspection its;
    its.name = network_.layer_name(watched.layer);
    its.line = layer.line();
    if (watched.activation < network_.size()) its.activation = network_.layer(watched.activation).info().name;
    counts_[k].report(its);
    for (const std::size_t unit : duplicate_units(network_, watched.layer))
      if (its.verdicts[unit] == UnitVerdict::healthy) its.verdicts[unit] = UnitVerdict::duplicate;
    for (const NetworkTensor& tensor : network_.tensors()) {
      if (tensor.layer != watched.layer || !tensor.spec.decays) continue;
      const float* const values = std::as_const(network_).values().data() + tensor.offset;
      its.weight_norm = std::sqrt(sum_of_squares(values, tensor.spec.floats()));
      if (loss_)
        its.gradient_norm =
            norm_of(std::span(weight_gradients_).subspan(tensor.offset, tensor.spec.floats()));
    }
    its.dense_operations = 2.0 * static_cast<double>(layer.multiply_adds());
    const double inputs = static_cast<double>(examples_.count) * static_cast<double>(layer.input().numbers());
    its.skipped_operations =
        its.dense_operations *
        (layer.skips_zeros() ? static_cast<double>(input_ones_[watched.layer]) / inputs : 1.0);
    return its;
  }

  void set_ratios(std::vector<LayerInspection>& inspections) const {
    if (!loss_ || inspections.empty()) return;
    const double last = gradient_squares_[watched_.back().layer];
    for (std::size_t k = 0; k < inspections.size(); ++k)
      inspections[k].gradient_ratio =
          last > 0.0 ? std::sqrt(gradient_squares_[watched_[k].layer] / last) : 1.0;
  }

  Network& network_;
  const Examples& examples_;
  std::size_t layers_;
  InputForm form_;
  std::optional<Loss> loss_;
  std::size_t batch_;
  Plan input_;  ///< lays the examples out; only its input is used
  StepContext context_;
  Trace trace_;
  std::vector<Watched> watched_;
  std::vector<UnitCounts> counts_;
  std::vector<double> gradient_squares_;  ///< by layer, over all examples
  std::vector<double> weight_gradients_;  ///< mean over the examples, as the network's learned values
  double loss_sum_ = 0;
  std::size_t correct_ = 0;
  std::vector<std::size_t> input_ones_;  ///< by layer: numbers of its input that are not zero
};

/// Times of single examples, each layer's with those behind it up to the next one that is listed.
void measure_times(const Model& model, const Examples& examples, const InspectOptions& options,
                   std::vector<LayerInspection>& layers) {
  constexpr double kSeconds = 0.1;
  BenchOptions bench;
  bench.batch = {1};
  bench.threads = options.threads;
  bench.seconds = kSeconds;
  bench.seed = options.seed;
  const ModelSpeed speed = measure_model(model, &examples, bench).front();
  auto listed = layers.begin();
  for (std::size_t i = 0; i < speed.layers.size(); ++i) {
    const std::string& name = model.parts().network.layer_name(i);
    const auto found = std::ranges::find(layers, name, &LayerInspection::name);
    if (found != layers.end()) listed = found;
    if (listed != layers.end()) listed->seconds += speed.layers[i].seconds;
  }
}

void add(std::vector<Finding> more, std::vector<Finding>& findings) {
  std::ranges::move(more, std::back_inserter(findings));
}

}  // namespace

std::string_view verdict_name(UnitVerdict verdict) {
  switch (verdict) {
    case UnitVerdict::healthy:
      return "healthy";
    case UnitVerdict::dead:
      return "dead";
    case UnitVerdict::almost_dead:
      return "almost_dead";
    case UnitVerdict::always_on:
      return "always_on";
    case UnitVerdict::saturated:
      return "saturated";
    case UnitVerdict::duplicate:
      return "duplicate";
  }
  return "healthy";
}

Inspection inspect(const Model& model) {
  Inspection inspection;
  inspection.findings = in_order(lint(model.parts()), model.parts().network);
  return inspection;
}

Inspection inspect(const Model& model, const Examples& given, const InspectOptions& options) {
  ModelParts& parts = model.parts();
  const Schema schema = schema_for(parts, given);
  check_examples(given, schema, given.labelled() ? Labels::needed : Labels::unused,
                 "The data to inspect with");
  if (given.count == 0) throw input_error("The data to inspect with have no examples.");
  const Examples examples = drawn(given, static_cast<std::size_t>(options.examples), options.seed);

  Inspection inspection;
  inspection.examples = examples.count;
  Measurement measurement(parts, schema, examples,
                          options.threads > 0 ? static_cast<int>(options.threads) : available_threads());
  inspection.layers = measurement.run();
  measure_times(model, examples, options, inspection.layers);

  std::vector<Finding> findings;
  const std::vector<float>& scales = parts.preprocessing.target_scale;
  const bool targets = !examples.targets.empty() && !scales.empty();
  const TargetRange range = targets ? target_range(examples, parts.preprocessing) : TargetRange();
  add(lint(parts, targets ? &range : nullptr), findings);
  add(judge_units(inspection.layers), findings);
  add(judge_depth(inspection.layers), findings);
  const auto performance = measurement.performance(schema, scales);
  if (performance && options.trained)
    add(judge_result(parts.network, inspection.layers, *performance), findings);
  inspection.findings = in_order(std::move(findings), parts.network);
  return inspection;
}

}  // namespace halfwave
