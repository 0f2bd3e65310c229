#pragma once
#include <halfwave/bench.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace halfwave::cli {

/// Everything that a run of bench has to say.
struct BenchReport {
  BenchOptions options;
  std::optional<MachineSpeed> machine;
  std::vector<ProductSpeed> products;
  std::string model, data;  ///< paths; "": none
  std::string network;
  std::vector<ModelSpeed> runs;
  std::string picture;  ///< the file that was written; "": none
  std::vector<std::string> warnings;
};

/// "831 ns", "12.3 µs", "4.56 ms" or "1.23 s".
std::string time_words(double seconds);
std::string thread_words(int threads);  ///< "1 thread", "2 threads"
/// The name of a product for people: "weight gradient".
std::string product_words(std::string name);
/// Where a time stands to its dense roofline: "1.93× below the dense roofline of 4.10 ms".
std::string roofline_words(double seconds, double roofline_seconds);

/// details: a line for each density, with times and speeds.
std::string bench_text(const BenchReport& report, bool details, std::size_t width);
/// The crossovers in use, product by product.
std::string crossovers_text(std::size_t width);

nlohmann::ordered_json bench_json(const BenchReport& report);

}  // namespace halfwave::cli
