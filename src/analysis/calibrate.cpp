#include <fmt/format.h>
#include <halfwave/bench.h>
#include <halfwave/error.h>

#include "analysis/product_speed.h"
#include "io/crossover_file.h"

namespace halfwave {
namespace {

constexpr std::size_t kInputs = 512;
constexpr double kDensities[] = {0.75, 0.6, 0.45, 0.3, 0.15};

Calibration& current() {
  static Calibration calibration;
  return calibration;
}

Crossovers measured_table(const BenchOptions& options, const BenchProgress& progress) {
  Crossovers table;
  table.processor = crossover_machine();
  table.batches = {1, 8, 32, 128, 512};
  table.outputs = {16, 64, 256, 1024};
  if (options.quick) {
    table.batches = {1, 64};
    table.outputs = {16, 256};
  }
  const std::size_t layers = table.batches.size() * table.outputs.size();
  const double usual = options.quick ? 1.0 : 20.0, all = options.seconds > 0.0 ? options.seconds : usual;
  const double each = all / static_cast<double>(layers * std::size(kDensities) * kProducts.size());
  std::size_t done = 0;
  for (const std::size_t batch : table.batches) {
    for (auto& product : table.densities) product.emplace_back();
    for (const std::size_t outputs : table.outputs) {
      if (progress)
        progress(fmt::format("batch {}, {} outputs", batch, outputs),
                 static_cast<double>(done++) / static_cast<double>(layers));
      ProductBench bench(batch, kInputs, outputs, 1, options.seed);
      const std::vector<ProductSpeed> speeds = measure_layer(bench, kDensities, each);
      for (std::size_t i = 0; i < speeds.size(); ++i)
        table.densities[i].back().push_back(speeds[i].crossover);
    }
  }
  return table;
}

}  // namespace

const Calibration& calibration() { return current(); }

Calibration load_calibration() {
  Calibration found;
  const std::filesystem::path path = crossover_path();
  found.file = path.string();
  std::error_code error;
  if (!path.empty() && std::filesystem::exists(path, error)) {
    try {
      set_crossovers(read_crossovers(path));
      found.measured = true;
    } catch (const Error& fault) {
      found.warning = fmt::format(
          "{}. The built-in crossovers are used; 'halfwave bench --calibrate' measures this machine's.",
          fault.what());
    }
  }
  if (!found.measured) set_crossovers(Crossovers::built_in());
  return current() = found;
}

Calibration calibrate(const BenchOptions& options, const BenchProgress& progress) {
  const std::filesystem::path path = crossover_path();
  if (path.empty())
    throw input_error("There is no place to keep a calibration: neither XDG_CACHE_HOME nor HOME is set.");
  Crossovers table = measured_table(options, progress);
  write_crossovers(path, table);
  set_crossovers(std::move(table));
  return current() = {.measured = true, .file = path.string(), .warning = ""};
}

}  // namespace halfwave
