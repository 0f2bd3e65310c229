// Speed of the activation kernels, one thread: forward/NAME/n and backward/NAME/n for every elementwise
// activation, and copy/n for the bound that memory sets. bench/peers/activations.py runs this side by side
// with PyTorch.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/aligned.h"
#include "core/random.h"
#include "kernels/activation_kernels.h"

namespace halfwave {
namespace {

constexpr std::int64_t kInCache = 16384, kOutOfCache = std::int64_t{1} << 26;

/// n numbers that begin `place` thirds of a page after those of place 0: arrays a multiple of a page apart
/// make a processor take a load for dependent on a store nearby, which would measure the allocator.
class Array {
 public:
  Array(std::size_t n, std::size_t place) : skip_(place * 320), all_(skip_ + n) {}
  float* data() { return all_.data() + skip_; }

 private:
  std::size_t skip_;
  AlignedVector<float> all_;
};

Array standard_normal(std::size_t n, std::size_t place) {
  Random random(1, stream_id(Stream::data, place));
  Array values(n, place);
  // Repeats after 2^16 numbers: the kernels' speed hardly depends on them, the time to draw them does.
  for (std::size_t i = 0; i < n; ++i) {
    values.data()[i] = i < 65536 ? static_cast<float>(random.normal()) : values.data()[i - 65536];
  }
  return values;
}

void count(benchmark::State& state, std::size_t n, std::size_t arrays) {
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * static_cast<std::int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<std::int64_t>(n * arrays * sizeof(float)) *
                          static_cast<std::int64_t>(state.iterations()));
}

std::vector<float> defaults(const ActivationInfo& info) {
  std::vector<float> parameters{0};
  for (const ActivationParameter& p : info.parameters) parameters.insert(parameters.end() - 1, p.value);
  return parameters;
}

void forward(benchmark::State& state, const ActivationInfo& info, bool in_place) {
  const auto n = static_cast<std::size_t>(state.range(0));
  Array x = standard_normal(n, 0), y(in_place ? 0 : n, 2);
  const std::vector<float> parameters = defaults(info);
  const ActivationFunctions functions = activation_functions(info);
  for (auto _ : state) {
    functions.forward(x.data(), in_place ? x.data() : y.data(), n, parameters.data());
    benchmark::ClobberMemory();
  }
  count(state, n, 2);
}

void backward(benchmark::State& state, const ActivationInfo& info, bool in_place) {
  const auto n = static_cast<std::size_t>(state.range(0));
  Array saved = standard_normal(n, 0), dy = standard_normal(n, 1), dx(in_place ? 0 : n, 2);
  const std::vector<float> parameters = defaults(info);
  const ActivationFunctions functions = activation_functions(info);
  if (info.backward_from_output) functions.forward(saved.data(), saved.data(), n, parameters.data());
  for (auto _ : state) {
    functions.backward(saved.data(), dy.data(), in_place ? dy.data() : dx.data(), n, parameters.data());
    benchmark::ClobberMemory();
  }
  count(state, n, 3);
}

void copy(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  Array x = standard_normal(n, 0), y(n, 2);
  for (auto _ : state) {
    std::memcpy(y.data(), x.data(), n * sizeof(float));
    benchmark::ClobberMemory();
  }
  count(state, n, 2);
}

void declare() {
  benchmark::RegisterBenchmark("copy", copy)->Arg(kInCache)->Arg(kOutOfCache);
  for (const ActivationInfo& info : activations()) {
    if (info.form != ActivationInfo::Form::pointwise && info.form != ActivationInfo::Form::random) continue;
    const std::string name(info.name);
    benchmark::RegisterBenchmark(("forward/" + name).c_str(), forward, info, false)->Arg(kInCache);
    benchmark::RegisterBenchmark(("backward/" + name).c_str(), backward, info, false)->Arg(kInCache);
    if (!info.piecewise_linear) continue;
    benchmark::RegisterBenchmark(("forward/" + name).c_str(), forward, info, false)->Arg(kOutOfCache);
    benchmark::RegisterBenchmark(("forward_in_place/" + name).c_str(), forward, info, true)->Arg(kOutOfCache);
    benchmark::RegisterBenchmark(("backward/" + name).c_str(), backward, info, false)->Arg(kOutOfCache);
    benchmark::RegisterBenchmark(("backward_in_place/" + name).c_str(), backward, info, true)
        ->Arg(kOutOfCache);
  }
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  halfwave::declare();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
