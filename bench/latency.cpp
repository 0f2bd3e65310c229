// How long one example takes through a trained model, the examples of a data set's test part in turn: never
// the same one again while it is in the caches. bench/peers/latency.py trains the models and takes turns with
// ONNX Runtime on the same file.
#include <fmt/format.h>
#include <halfwave/dataset.h>
#include <halfwave/error.h>
#include <halfwave/model.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

namespace halfwave {
namespace {

struct Options {
  std::string model, data, inputs;
  std::size_t examples = 1000;
  std::vector<int> threads{1, 2};
  int rounds = 5;
  bool on_request = false;
};

/// The first examples of the test part as raw numbers, row after row.
std::vector<float> raw_inputs(const Dataset& data, std::size_t count) {
  const std::size_t numbers = count * data.schema.features();
  return std::visit(
      [&](const auto& values) {
        return std::vector<float>(values.begin(), values.begin() + std::ptrdiff_t(numbers));
      },
      data.test.values);
}

class Bench {
 public:
  explicit Bench(const Options& options) : model_(Model::load(options.model)) {
    const Dataset data = load_dataset(options.data);
    features_ = data.schema.features();
    if (features_ != model_.schema().features())
      throw input_error(fmt::format("{} takes {} numbers, {} has {}.", options.model,
                                    model_.schema().features(), options.data, features_));
    if (data.test.count == 0) throw input_error(fmt::format("{} has no test part.", options.data));
    count_ = std::min(options.examples, data.test.count);
    inputs_ = raw_inputs(data, count_);
    for (const int threads : options.threads) predictors_.try_emplace(threads, model_, 1, threads);
  }

  std::size_t count() const { return count_; }

  void write_inputs(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(inputs_.data()),
               static_cast<std::streamsize>(inputs_.size() * sizeof(float)));
    if (!file.flush()) throw input_error(fmt::format("{}: could not be written.", path));
  }

  /// Seconds of each of the next examples.
  std::vector<double> measure(int threads, std::size_t examples) {
    std::vector<double> seconds;
    Predictor& predictor = predictors_.at(threads);
    for (std::size_t i = 0; i < examples; ++i) {
      const std::span<const float> input = example(next_++ % count_);
      const auto start = std::chrono::steady_clock::now();
      predictor.predict(input);
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return seconds;
  }

  /// Of all examples, in order.
  std::vector<std::vector<float>> predictions(int threads) {
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::span<const float> prediction = predictors_.at(threads).predict(example(i));
      all.emplace_back(prediction.begin(), prediction.end());
    }
    return all;
  }

  bool has(int threads) const { return predictors_.contains(threads); }

 private:
  std::span<const float> example(std::size_t i) const {
    return std::span(inputs_).subspan(i * features_, features_);
  }

  Model model_;
  std::size_t features_ = 0, count_ = 0, next_ = 0;
  std::vector<float> inputs_;
  std::map<int, Predictor> predictors_;  ///< by threads
};

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

/// For comparisons that take turns: each line of standard input says how many threads and how many examples.
void answer_requests(Bench& bench, int threads) {
  std::cout << nlohmann::json{{"predictions", bench.predictions(threads)}}.dump() << std::endl;
  int wanted = 0;
  for (std::size_t examples = 0; std::cin >> wanted >> examples;) {
    if (!bench.has(wanted)) throw usage_error(fmt::format("{} threads: not among --threads.", wanted));
    std::cout << nlohmann::json{{"seconds", bench.measure(wanted, examples)}}.dump() << std::endl;
  }
}

void run(const Options& options) {
  Bench bench(options);
  if (!options.inputs.empty()) bench.write_inputs(options.inputs);
  if (options.on_request) {
    answer_requests(bench, options.threads.front());
    return;
  }
  std::map<int, std::vector<double>> seconds;
  for (const int threads : options.threads) bench.measure(threads, bench.count());
  for (int round = 0; round < options.rounds; ++round)
    for (const int threads : options.threads) {
      const std::vector<double> more = bench.measure(threads, bench.count());
      seconds[threads].insert(seconds[threads].end(), more.begin(), more.end());
    }
  fmt::print("threads  median us  10 %   90 %, of {} examples, {} rounds\n", bench.count(), options.rounds);
  for (const auto& [threads, all] : seconds)
    fmt::print("{:7}  {:9.1f}  {:5.1f}  {:5.1f}\n", threads, quantile(all, 0.5) * 1e6,
               quantile(all, 0.1) * 1e6, quantile(all, 0.9) * 1e6);
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  halfwave::Options options;
  CLI::App app("The time that one example takes through a model.");
  app.add_option("MODEL", options.model, "a file that halfwave train wrote")->required();
  app.add_option("DATA", options.data, "as in halfwave train; its test part is used")->required();
  app.add_option("--examples", options.examples, "how many different ones")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--rounds", options.rounds, "over all examples")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--inputs", options.inputs, "writes the examples to this file, as raw 32-bit numbers");
  app.add_flag(
      "--on-request", options.on_request,
      "print the predictions, then measure as each line of standard input says (THREADS EXAMPLES), and "
      "answer with a line of JSON");
  try {
    app.parse(argc, argv);
    halfwave::run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(halfwave::ErrorKind::usage);
  } catch (const halfwave::Error& error) {
    fmt::print(stderr, "bench_latency: {}\n", error.what());
    return static_cast<int>(error.kind());
  }
}
