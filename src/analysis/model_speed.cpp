#include <fmt/format.h>
#include <halfwave/bench.h>
#include <halfwave/error.h>

#include <algorithm>

#include "analysis/machine_speed.h"
#include "analysis/timing.h"
#include "core/random.h"
#include "graph/model_parts.h"
#include "graph/plan.h"
#include "io/copy_model.h"
#include "train/check_examples.h"

namespace halfwave {
namespace {

constexpr std::size_t kNormalExamples = 256;

/// Examples that are standard normal numbers in the network, after the preprocessing.
Examples normal_examples(const ModelParts& parts, std::size_t count, std::uint64_t seed) {
  const Preprocessing& preprocessing = parts.preprocessing;
  std::vector<float> values;
  values.reserve(count * preprocessing.mean.size());
  Random random(seed, stream_id(Stream::data));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < preprocessing.mean.size(); ++k) {
      const float scale = preprocessing.scale[k];
      values.push_back(preprocessing.mean[k] +
                       (scale != 0.0f ? static_cast<float>(random.normal()) / scale : 0.0f));
    }
  }
  Examples examples;
  examples.count = count;
  examples.values = std::move(values);
  return examples;
}

/// When the gradient of each layer was complete: dense layers hand on that of the bias last.
class GradientTimes final : public UpdateSink {
 public:
  explicit GradientTimes(const Network& network) : network_(network), times_(network.size()) {}
  Companions companions() const override { return {}; }
  void ready(std::size_t tensor, std::size_t, std::size_t, const float*) override {
    const NetworkTensor& done = network_.tensors()[tensor];
    if (done.spec.storage == TensorSpec::Storage::plain) times_[done.layer] = WallClock::now();
  }
  bool learns(std::size_t layer) const { return times_[layer] > 0.0; }
  double time(std::size_t layer) const { return times_[layer]; }

 private:
  const Network& network_;
  std::vector<double> times_;
};

/// Times of the layers, and of whole passes, each in turn with the other.
class ModelBench {
 public:
  ModelBench(const ModelParts& parts, const Examples& examples, std::size_t batch, int threads, bool training,
             std::uint64_t seed)
      : parts_(copy_of(parts)),
        layers_(training ? logit_layers(parts_) : parts_.network.size()),
        examples_(examples),
        rows_(batch),
        form_(parts_),
        plan_(parts_.network, {.batch = batch, .training = training, .rest = form_.rest_or_null()}, layers_),
        random_(seed, stream_id(Stream::data, 1)),
        figures_(layers_) {
    context_.batch = batch;
    context_.threads = threads;
    context_.training = training;
    context_.keep_gradients = false;
  }

  void run(double seconds) {
    constexpr std::size_t kRounds = 5;
    next_batch();
    plan_.forward(context_);  // warms up
    for (const Stopwatch<> watch; whole_.size() < kRounds || watch.seconds() < seconds;) {
      layer_by_layer();
      next_batch();
      whole_.push_back(seconds_per_call(1, [&] { plan_.forward(context_); }));
      if (context_.training) backward();
    }
  }

  ModelSpeed speed(double peak) const {
    ModelSpeed speed;
    speed.batch = context_.batch;
    speed.threads = context_.threads;
    speed.peak = peak;
    speed.seconds = median(whole_);
    if (context_.training) speed.backward_seconds = median(whole_backward_);
    for (std::size_t i = 0; i < layers_; ++i) {
      speed.layers.push_back(layer_speed(i, peak));
      speed.roofline_seconds += speed.layers.back().roofline_seconds;
      speed.backward_roofline_seconds += speed.layers.back().backward_roofline_seconds;
    }
    return speed;
  }

 private:
  /// What is found out about a layer, round by round.
  struct Figures {
    std::vector<double> forward, backward;
    double density = 0.0;   ///< sum over the rounds
    std::size_t skips = 0;  ///< rounds in which it skipped zeros
  };

  /// The examples one after the other, from the first again after the last.
  void next_batch() {
    for (std::uint32_t& row : rows_) row = static_cast<std::uint32_t>(next_++ % examples_.count);
    gather(examples_, form_, rows_, context_, plan_);
  }

  bool multiplies(std::size_t i) const { return parts_.network.layer(i).multiply_adds() > 0; }

  /// Share of a layer's input that is not zero. The plan knows it only where it looks for zeros.
  double input_density(std::size_t i) {
    const Shape& shape = parts_.network.layer(i).input();
    const std::size_t stride = row_stride(shape.channels), from = parts_.network.inputs_of(i)[0];
    const float* x = from == Network::kInput ? plan_.input() : plan_.layer_output(from);
    std::size_t ones = 0;
    for (std::size_t row = 0; row < context_.batch * shape.positions(); ++row)
      for (std::size_t k = 0; k < shape.channels; ++k) ones += x[row * stride + k] != 0.0f ? 1 : 0;
    return static_cast<double>(ones) / static_cast<double>(context_.batch * shape.numbers());
  }

  void layer_by_layer() {
    next_batch();
    for (std::size_t i = 0; i < layers_; ++i) {
      Figures& figures = figures_[i];
      figures.forward.push_back(seconds_per_call(1, [&] { plan_.forward_layer(context_, i); }));
      if (!multiplies(i)) continue;
      figures.density += input_density(i);
      figures.skips += plan_.skips(i) ? 1 : 0;
    }
  }

  /// From a random gradient by the output: what it costs does not depend on the loss.
  void backward() {
    float* const dy = plan_.output_gradient();
    for (std::size_t i = 0; i < context_.batch; ++i)
      for (std::size_t k = 0; k < plan_.outputs(); ++k)
        dy[i * plan_.output_stride() + k] = random_.uniform() - 0.5f;
    GradientTimes times(parts_.network);
    double before = WallClock::now();
    whole_backward_.push_back(seconds_per_call(1, [&] { plan_.backward(context_, times); }));
    for (std::size_t i = layers_; i-- > 0;) {
      if (!times.learns(i)) continue;
      figures_[i].backward.push_back(times.time(i) - before);
      before = times.time(i);
    }
  }

  LayerSpeed layer_speed(std::size_t i, double peak) const {
    const Layer& layer = parts_.network.layer(i);
    const Figures& figures = figures_[i];
    LayerSpeed speed;
    speed.name = parts_.network.layer_name(i);
    speed.line = layer.line();
    speed.inputs = layer.inputs();
    speed.outputs = layer.outputs();
    speed.multiplies = multiplies(i);
    speed.seconds = median(figures.forward);
    if (!figures.backward.empty()) speed.backward_seconds = median(figures.backward);
    if (!speed.multiplies) return speed;
    speed.density = figures.density / static_cast<double>(figures.forward.size());
    speed.skips = 2 * figures.skips > figures.forward.size();
    speed.roofline_seconds =
        2.0 * static_cast<double>(context_.batch) * static_cast<double>(layer.multiply_adds()) / peak;
    const double products = plan_.hands_back(i) ? 2.0 : 1.0;  // dW, and dx where it is needed
    if (context_.training) speed.backward_roofline_seconds = products * speed.roofline_seconds;
    return speed;
  }

  ModelParts parts_;
  std::size_t layers_;
  const Examples& examples_;
  std::vector<std::uint32_t> rows_;
  std::size_t next_ = 0;
  InputForm form_;
  Plan plan_;
  StepContext context_;
  Random random_;
  std::vector<Figures> figures_;
  std::vector<double> whole_, whole_backward_;
};

}  // namespace

std::vector<ModelSpeed> measure_model(const Model& model, const Examples* examples,
                                      const BenchOptions& options, const BenchProgress& progress) {
  if (examples) {
    check_examples(*examples, model.schema(), Labels::unused, "The data to measure with");
    if (examples->count == 0) throw input_error("The data to measure with have no examples.");
  }
  const std::vector<std::int64_t> batches =
      options.batch.empty() ? std::vector<std::int64_t>{128, 1} : options.batch;
  const double usual = options.quick ? 0.4 : 4.0, all = options.seconds > 0.0 ? options.seconds : usual;
  const double each = all / static_cast<double>(batches.size()), for_peak = 0.1 * each;
  const int threads = bench_threads(options.threads);
  const auto largest = static_cast<std::size_t>(*std::max_element(batches.begin(), batches.end()));
  const Examples normal =
      examples ? Examples()
               : normal_examples(model.parts(), std::max(kNormalExamples, largest), options.seed);

  std::vector<ModelSpeed> speeds;
  for (const std::int64_t batch : batches) {
    if (progress)
      progress(fmt::format("batch {}", batch),
               static_cast<double>(speeds.size()) / static_cast<double>(batches.size()));
    ModelBench bench(model.parts(), examples ? *examples : normal, static_cast<std::size_t>(batch), threads,
                     options.train, options.seed);
    const double before = multiply_add_peak(threads, for_peak);
    bench.run(each - 2.0 * for_peak);
    speeds.push_back(bench.speed(std::max(before, multiply_add_peak(threads, for_peak))));
  }
  return speeds;
}

}  // namespace halfwave
