// One training step (gather, forward, loss, backward, optimiser) beside the multiply-add peak of the same
// threads measured in the same run: "of_roofline" is the speed as a multiple of the dense roofline's, which
// is the most that an engine can reach that multiplies by zeros. On random data, where no zeros are to be
// gained but those of a ReLU that has not been trained; and on Fashion-MNIST in the fourth epoch.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/random.h"
#include "core/team.h"
#include "train/prepare.h"
#include "train/update_step.h"
#include "training.h"

namespace halfwave {
namespace {

struct Case {
  const char* name;
  std::size_t inputs, classes, batch;
  std::vector<std::int64_t> hidden;
  bool bytes;
  const char* optimiser;
};

const Case kCases[] = {
    {"16-64-64-3/batch:32/adam", 16, 3, 32, {64, 64}, false, "adam"},
    {"40-100-100-10/batch:100/adam", 40, 10, 100, {100, 100}, false, "adam"},
    {"784-512-512-10/batch:128/adam", 784, 10, 128, {512, 512}, true, "adam"},
    {"784-512-512-10/batch:128/sgd", 784, 10, 128, {512, 512}, true, "sgd"},
    {"784-1024-1024-1024-10/batch:128/adam", 784, 10, 128, {1024, 1024, 1024}, true, "adam"},
};

const Case kTrained{
    "fashion-mnist/784-1024-1024-1024-10/batch:128/adam", 784, 10, 128, {1024, 1024, 1024}, true, "adam"};

/// Random images and labels: what a dense step costs does not depend on them.
Dataset random_data(const Case& c) {
  Dataset data;
  data.name = "random";
  data.schema.shape = {static_cast<std::int64_t>(c.inputs)};
  for (std::size_t k = 0; k < c.classes; ++k) data.schema.classes.push_back(std::to_string(k));
  data.train.count = c.batch * 8;
  Random random(1, stream_id(Stream::data));
  if (c.bytes) {
    std::vector<std::uint8_t> values(data.train.count * c.inputs);
    for (auto& v : values) v = static_cast<std::uint8_t>(random.next());
    data.train.values = values;
  } else {
    std::vector<float> values(data.train.count * c.inputs);
    for (auto& v : values) v = static_cast<float>(random.normal());
    data.train.values = values;
  }
  for (std::size_t i = 0; i < data.train.count; ++i)
    data.train.labels.push_back(static_cast<std::int32_t>(random.below(c.classes)));
  return data;
}

/// Multiply-adds of the three products; the first layer has no gradient by its input.
double dense_operations(const Case& c) {
  double weights = 0, without_first = 0;
  std::size_t in = c.inputs;
  for (std::size_t i = 0; i <= c.hidden.size(); ++i) {
    const std::size_t out = i < c.hidden.size() ? static_cast<std::size_t>(c.hidden[i]) : c.classes;
    weights += static_cast<double>(in * out);
    if (i > 0) without_first += static_cast<double>(in * out);
    in = out;
  }
  return 2.0 * static_cast<double>(c.batch) * (2.0 * weights + without_first);
}

template <class Step>
void measure(benchmark::State& state, const Case& c, int threads, Step&& step) {
  Stopwatch watch(dense_operations(c), threads);
  std::int64_t update = 0;
  for (auto _ : state) {
    if (update % 64 == 0) {
      state.PauseTiming();
      watch.measure_peak();
      state.ResumeTiming();
    }
    watch.time([&] { benchmark::DoNotOptimize(step(update)); });
    ++update;
  }
  state.counters["us"] = watch.seconds() * 1e6;
  state.counters["GFLOP/s"] = watch.rate() * 1e-9;
  state.counters["peak"] = watch.peak_rate() * 1e-9;
  state.counters["of_roofline"] = watch.of_roofline();
}

TrainOptions options_of(const Case& c, int threads, const std::string& skip) {
  TrainOptions options;
  options.hidden = c.hidden;
  options.batch = static_cast<std::int64_t>(c.batch);
  options.optimiser = c.optimiser;
  options.threads = threads;
  options.skip = skip;
  return options;
}

void train_step(benchmark::State& state, const Case& c, int threads, const std::string& skip) {
  const Dataset data = random_data(c);
  const TrainOptions resolved = resolve(options_of(c, threads, skip), data);
  const auto model = make_model(data, resolved, nullptr);
  UpdateStep step(*model, data.train, resolved);
  std::vector<std::uint32_t> order(data.train.count);
  std::iota(order.begin(), order.end(), 0u);
  measure(state, c, threads, [&](std::int64_t update) {
    const std::size_t first = static_cast<std::size_t>(update % 8) * c.batch;
    return step.run(std::span(order).subspan(first, c.batch), update, 1e-5);
  });
}

constexpr std::int64_t kEpochsBefore = 3;

/// What is trained on Fashion-MNIST.
TrainOptions trained_options(int threads, double activity_l1, const std::string& skip) {
  TrainOptions options = options_of(kTrained, threads, skip);
  options.activity_l1 = activity_l1;
  return options;
}

void run_epochs_before(Training& training) {
  for (std::int64_t i = 0; i < kEpochsBefore * training.steps_per_epoch(); ++i) training.step();
  training.count_zeros();
}

void trained_step(benchmark::State& state, int threads, double activity_l1, const std::string& skip) {
  const Dataset data = load_dataset("fashion-mnist");
  Training training(data, trained_options(threads, activity_l1, skip));
  run_epochs_before(training);
  measure(state, kTrained, threads, [&](std::int64_t) { return training.step(); });
  for (const LayerHealth& layer : training.health()) state.counters["density " + layer.name] = layer.density;
}

/// For comparisons that take turns: runs as many steps as each line of standard input says, from the fourth
/// epoch on, and answers with a line of JSON.
void answer_requests(int threads, double activity_l1, const std::string& skip) {
  const Dataset data = load_dataset("fashion-mnist");
  Training training(data, trained_options(threads, activity_l1, skip));
  run_epochs_before(training);
  std::cout << R"({"ready":true})" << std::endl;
  Stopwatch watch(dense_operations(kTrained), threads);
  for (std::int64_t steps = 0; std::cin >> steps;) {
    watch.measure_peak();
    nlohmann::ordered_json answer{{"seconds", nlohmann::json::array()}};
    for (std::int64_t i = 0; i < steps; ++i)
      answer["seconds"].push_back(watch.time([&] { benchmark::DoNotOptimize(training.step()); }));
    answer["peak_gflops"] = watch.peak_rate() * 1e-9;
    answer["of_roofline"] = watch.of_roofline();
    for (const LayerHealth& layer : training.health()) answer["density"][layer.name] = layer.density;
    std::cout << answer.dump() << std::endl;
  }
}

void declare(double activity_l1, const std::string& skip) {
  for (int threads = 1; threads <= available_threads(); threads *= 2) {
    for (const Case& c : kCases)
      benchmark::RegisterBenchmark(fmt::format("{}/threads:{}", c.name, threads).c_str(), train_step, c,
                                   threads, skip)
          ->UseRealTime();
    const std::string penalty = activity_l1 > 0 ? fmt::format("/activity_l1:{:g}", activity_l1) : "";
    benchmark::RegisterBenchmark(fmt::format("{}{}/threads:{}", kTrained.name, penalty, threads).c_str(),
                                 trained_step, threads, activity_l1, skip)
        ->Iterations(60000 / static_cast<std::int64_t>(kTrained.batch))  // the fourth epoch
        ->UseRealTime();
  }
}

int run(int argc, char** argv) {
  double activity_l1 = 0;
  std::string skip = "auto";
  int on_request = 0;
  CLI::App app("One training step. Everything else is Google Benchmark's (--benchmark_filter=REGEX, …).");
  app.allow_extras();
  app.add_option("--activity-l1", activity_l1, "as in halfwave train, for the case on Fashion-MNIST")
      ->check(CLI::Range(0.0, 1e15));
  app.add_option("--skip", skip, "as in halfwave train")->check(CLI::IsMember(skipping_names()));
  app.add_option(
         "--on-request", on_request,
         "with this many threads: train three epochs on Fashion-MNIST, then run as many steps as each line "
         "of standard input says, and answer with a line of JSON")
      ->check(CLI::Range(1, 1024));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  }
  if (on_request > 0) {
    answer_requests(on_request, activity_l1, skip);
    return 0;
  }
  declare(activity_l1, skip);
  std::vector<char*> rest{argv[0]};
  std::vector<std::string> words = app.remaining();
  for (std::string& word : words) rest.push_back(word.data());
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return static_cast<int>(ErrorKind::usage);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  try {
    return halfwave::run(argc, argv);
  } catch (const halfwave::Error& error) {
    std::cerr << "bench_train_step: " << error.what() << '\n';
    return static_cast<int>(error.kind());
  }
}
