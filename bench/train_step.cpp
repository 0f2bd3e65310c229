// One training step (gather, forward, loss, backward, optimiser), all dense, beside the multiply-add peak of
// the same threads measured in the same run: "of_roofline" is the share of the dense roofline's speed.
#include <benchmark/benchmark.h>
#include <halfwave/train.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/random.h"
#include "core/team.h"
#include "kernels/peak.h"
#include "train/prepare.h"
#include "train/update_step.h"

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

/// Floating-point operations a second of all threads together.
double peak(int threads) {
  double operations = 0;
  const auto start = std::chrono::steady_clock::now();
  run_team(threads, [&](int thread, int) {
    const double mine = run_multiply_adds(200000);
    if (thread == 0) operations = mine * threads;
  });
  return operations / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void train_step(benchmark::State& state, const Case& c, int threads) {
  const Dataset data = random_data(c);
  TrainOptions options;
  options.hidden = c.hidden;
  options.batch = static_cast<std::int64_t>(c.batch);
  options.optimiser = c.optimiser;
  options.threads = threads;
  options.learning_rate = 1e-5;
  const TrainOptions resolved = resolve(options, data);
  const auto model = make_model(data, resolved, nullptr);
  UpdateStep step(*model, data.train, resolved);
  std::vector<std::uint32_t> order(data.train.count);
  std::iota(order.begin(), order.end(), 0u);

  std::int64_t update = 0;
  double peak_rate = 0, busy = 0;  // the peak is the largest seen: other programs can only lower it
  for (auto _ : state) {
    if (update % 64 == 0) {
      state.PauseTiming();
      peak_rate = std::max(peak_rate, peak(threads));
      state.ResumeTiming();
    }
    const auto start = std::chrono::steady_clock::now();
    const std::size_t first = static_cast<std::size_t>(update % 8) * c.batch;
    benchmark::DoNotOptimize(step.run(std::span(order).subspan(first, c.batch), update, 1e-5));
    busy += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++update;
  }
  const double rate = dense_operations(c) * static_cast<double>(update) / busy;
  state.counters["us"] = busy / static_cast<double>(update) * 1e6;
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["peak"] = peak_rate * 1e-9;
  state.counters["of_roofline"] = rate / peak_rate;
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  for (const halfwave::Case& c : halfwave::kCases)
    for (int threads = 1; threads <= halfwave::available_threads(); threads *= 2)
      benchmark::RegisterBenchmark((std::string(c.name) + "/threads:" + std::to_string(threads)).c_str(),
                                   halfwave::train_step, c, threads)
          ->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
