// Training steps of a convolutional network on CIFAR-10, measured as each line of standard input asks, after
// some training: the zeros that there are to skip are those of a network that has learned something.
// bench/peers/conv_step.py has them take turns with PyTorch's.
#include <fmt/format.h>
#include <halfwave/error.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "training.h"

namespace halfwave {
namespace {

/// Bytes of this process: "VmRSS" are resident, "VmHWM" the most that were.
std::size_t memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::size_t kibibytes = 0; word == what + ":" && status >> kibibytes) return kibibytes * 1024;
  return 0;
}

/// So that what reading the data needed for a moment is not taken for the training's.
void forget_most() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;
}

void answer_requests(const TrainOptions& options, double epochs) {
  const Dataset data = load_dataset("cifar-10");
  forget_most();
  const std::size_t before = memory("VmRSS");
  Training training(data, options);
  const auto steps =
      static_cast<std::int64_t>(std::llround(epochs * static_cast<double>(training.steps_per_epoch())));
  for (std::int64_t i = 0; i < steps; ++i) training.step();
  training.count_zeros();
  std::cout << R"({"ready":true})" << std::endl;
  Stopwatch watch(training.dense_operations(), static_cast<int>(options.threads));
  for (std::int64_t wanted = 0; std::cin >> wanted;) {
    watch.measure_peak();
    nlohmann::ordered_json answer{{"seconds", nlohmann::json::array()}};
    for (std::int64_t i = 0; i < wanted; ++i)
      answer["seconds"].push_back(watch.time([&] { training.step(); }));
    answer["peak_gflops"] = watch.peak_rate() * 1e-9;
    answer["of_roofline"] = watch.of_roofline();
    for (const LayerHealth& layer : training.health()) answer["density"][layer.name] = layer.density;
    answer["bytes_before"] = before;
    answer["bytes_most"] = memory("VmHWM");
    std::cout << answer.dump() << std::endl;
  }
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  halfwave::TrainOptions options;
  options.threads = 1;
  double epochs = 1;
  CLI::App app(
      "Training steps on CIFAR-10: runs as many as each line of standard input says, and answers with a line "
      "of JSON. A step's speed is given as a multiple of the dense roofline's too.");
  app.add_option("NET", options.net, "as in halfwave train")->required();
  app.add_option("--batch", options.batch)->check(CLI::Range(1, 50000))->capture_default_str();
  app.add_option("--optimiser", options.optimiser, "as in halfwave train")->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--epochs", epochs, "of training first")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--skip", options.skip, "as in halfwave train")
      ->check(CLI::IsMember(halfwave::skipping_names()))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    halfwave::answer_requests(options, epochs);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(halfwave::ErrorKind::usage);
  } catch (const halfwave::Error& error) {
    fmt::print(stderr, "bench_conv_step: {}\n", error.what());
    return static_cast<int>(error.kind());
  }
}
