#include "bench_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/grouped.h"
#include "layers/skipping.h"
#include "table.h"
#include "text.h"

namespace halfwave::cli {
namespace {

constexpr double kGiga = 1e9;

std::string whole_percent(double share) { return fmt::format("{:g} %", 100.0 * share); }

std::string rate_words(double operations) { return fmt::format("{:.1f} GFLOP/s", operations / kGiga); }

std::string crossovers_words() {
  const Calibration& used = calibration();
  return used.measured ? fmt::format("measured on this machine ({})", used.file)
                       : "built-in; 'halfwave bench --calibrate' measures this machine's";
}

std::string machine_table(const MachineSpeed& machine, std::size_t width) {
  TextTable table(std::vector<TextTable::Column>(2));
  table.add(
      {"processor", fmt::format("{}, {}, {} {}", machine.processor, machine.instruction_set,
                                machine.processors, machine.processors == 1 ? "processor" : "processors")});
  std::string peak = rate_words(machine.peak_one) + " on one thread";
  if (machine.threads > 1)
    peak += fmt::format(", {} on {} threads", rate_words(machine.peak_all), machine.threads);
  table.add({"multiply-adds", peak});
  table.add({"copying", fmt::format("{:.0f} GB/s in cache, {:.0f} GB/s in memory (read + written)",
                                    machine.copy_in_cache / kGiga, machine.copy_in_memory / kGiga)});
  table.add({"crossovers", crossovers_words()});
  return table.text(width);
}

const char* formula(const std::string& product) {
  if (product == product_name(Product::forward)) return "y = h·W + b";
  return product == product_name(Product::weight_gradient) ? "dW = hᵀ·dy" : "dh = (dy·Wᵀ) where h is not 0";
}

/// One line a layer: how many times as fast as dense at each density.
std::string ratio_table(std::span<const ProductSpeed> products, std::size_t width) {
  std::vector<TextTable::Column> columns{
      {"batch", Align::right}, {"width", Align::right}, {"dense", Align::right}, {"GFLOP/s", Align::right}};
  for (const ProductSpeed::Point& point : products.front().points)
    columns.push_back({whole_percent(point.density), Align::right});
  columns.push_back({"crossover", Align::right});
  TextTable table(columns);
  for (const ProductSpeed& p : products) {
    std::vector<std::string> row{fmt::format("{}", p.batch), fmt::format("{}", p.outputs),
                                 time_words(p.dense_seconds),
                                 fmt::format("{:.1f}", p.operations() / p.dense_seconds / kGiga)};
    for (const ProductSpeed::Point& point : p.points) row.push_back(fmt::format("{:.2f}×", point.ratio));
    row.push_back(fmt::format("{:.0f} %", 100.0 * p.crossover));
    table.add(std::move(row));
  }
  return table.text(width);
}

/// One line a density.
std::string detailed_table(std::span<const ProductSpeed> products, std::size_t width) {
  TextTable table({{"batch", Align::right},
                   {"width", Align::right},
                   {"not zero", Align::right},
                   {"dense", Align::right},
                   {"zero-skipping", Align::right},
                   {"ratio", Align::right},
                   {"GFLOP/s of the dense product", Align::right}});
  for (const ProductSpeed& p : products) {
    for (const ProductSpeed::Point& point : p.points)
      table.add({fmt::format("{}", p.batch), fmt::format("{}", p.outputs), whole_percent(point.density),
                 time_words(p.dense_seconds), time_words(point.seconds), fmt::format("{:.2f}×", point.ratio),
                 fmt::format("{:.1f}", p.operations() / point.seconds / kGiga)});
  }
  return table.text(width);
}

std::string products_text(std::span<const ProductSpeed> products, bool details, std::size_t width) {
  std::string text;
  for (const Product product : kProducts) {
    std::vector<ProductSpeed> of_product;
    std::copy_if(products.begin(), products.end(), std::back_inserter(of_product),
                 [&](const ProductSpeed& p) { return p.product == product_name(product); });
    if (of_product.empty()) continue;
    const std::string& name = of_product.front().product;
    text += fmt::format("\n{}, {}: zero-skipping against dense, by the share of h that is not zero\n{}",
                        product_words(name), formula(name),
                        details ? detailed_table(of_product, width) : ratio_table(of_product, width));
  }
  return text;
}

double sum_of_layers(const ModelSpeed& run, double LayerSpeed::*seconds) {
  double sum = 0.0;
  for (const LayerSpeed& layer : run.layers) sum += layer.*seconds;
  return sum;
}

std::string below_words(double seconds, double roofline_seconds) {
  return fmt::format("{:.2f}×", roofline_seconds / seconds);
}

std::string forward_table(const ModelSpeed& run, std::size_t width) {
  TextTable table({{"layer"},
                   {"shape"},
                   {"not zero", Align::right},
                   {"product"},
                   {"time", Align::right},
                   {"share", Align::right},
                   {"dense roofline", Align::right},
                   {"below it", Align::right}});
  const double sum = sum_of_layers(run, &LayerSpeed::seconds);
  for (const LayerSpeed& layer : run.layers) {
    std::vector<std::string> row{layer.name,
                                 fmt::format("{}", layer.outputs),
                                 "",
                                 "",
                                 time_words(layer.seconds),
                                 percent(layer.seconds / sum),
                                 "",
                                 ""};
    if (layer.multiplies) {
      row[1] = fmt::format("{} × {}", layer.inputs, layer.outputs);
      row[2] = percent(layer.density);
      row[3] = layer.skips ? "zero-skipping" : "dense";
      row[6] = time_words(layer.roofline_seconds);
      row[7] = below_words(layer.seconds, layer.roofline_seconds);
    }
    table.add(std::move(row));
  }
  return table.text(width);
}

std::string backward_table(const ModelSpeed& run, std::size_t width) {
  TextTable table({{"layer, with what is behind it"},
                   {"time", Align::right},
                   {"share", Align::right},
                   {"dense roofline", Align::right},
                   {"below it", Align::right}});
  const double sum = sum_of_layers(run, &LayerSpeed::backward_seconds);
  for (const LayerSpeed& layer : run.layers) {
    if (!(layer.backward_seconds > 0.0)) continue;
    const bool product = layer.backward_roofline_seconds > 0.0;
    table.add({layer.name, time_words(layer.backward_seconds), percent(layer.backward_seconds / sum),
               product ? time_words(layer.backward_roofline_seconds) : "",
               product ? below_words(layer.backward_seconds, layer.backward_roofline_seconds) : ""});
  }
  return table.text(width);
}

std::string run_text(const ModelSpeed& run, std::size_t width) {
  std::string text =
      fmt::format("\nbatch {}, {}: {}, {} examples/s, {}\n{}", run.batch, thread_words(run.threads),
                  time_words(run.seconds),
                  grouped(static_cast<std::uint64_t>(static_cast<double>(run.batch) / run.seconds)),
                  roofline_words(run.seconds, run.roofline_seconds), forward_table(run, width));
  if (run.backward_seconds > 0.0)
    text += fmt::format("\nbatch {}, backward: {}, {}\n{}", run.batch, time_words(run.backward_seconds),
                        roofline_words(run.backward_seconds, run.backward_roofline_seconds),
                        backward_table(run, width));
  return text;
}

}  // namespace

std::string time_words(double seconds) {
  constexpr double kNano = 1e-9, kMicro = 1e-6, kMilli = 1e-3;
  const auto in = [&](double unit, const char* name) {
    const double number = seconds / unit;
    const int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", number, decimals, name);
  };
  if (seconds < 0.9995 * kMicro) return fmt::format("{:.0f} ns", seconds / kNano);
  if (seconds < 0.9995 * kMilli) return in(kMicro, "µs");
  return seconds < 0.9995 ? in(kMilli, "ms") : in(1.0, "s");
}

std::string thread_words(int threads) {
  return fmt::format("{} {}", threads, threads == 1 ? "thread" : "threads");
}

std::string product_words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string roofline_words(double seconds, double roofline_seconds) {
  if (!(roofline_seconds > 0.0)) return "without any product";
  const double ratio = roofline_seconds / seconds;
  return fmt::format("{:.2f}× {} the dense roofline of {}", ratio < 1.0 ? 1.0 / ratio : ratio,
                     ratio < 1.0 ? "above" : "below", time_words(roofline_seconds));
}

std::string bench_text(const BenchReport& report, bool details, std::size_t width) {
  std::string text = report.machine ? machine_table(*report.machine, width) : "";
  if (!report.products.empty()) text += products_text(report.products, details, width);
  if (!report.runs.empty()) text += "\n" + report.network + "\n";
  for (const ModelSpeed& run : report.runs) text += run_text(run, width);
  if (!report.picture.empty()) text += fmt::format("\npicture  {}\n", report.picture);
  return text;
}

std::string crossovers_text(std::size_t width) {
  const Crossovers& used = crossovers();
  std::string text = fmt::format("crossovers: {}\n", crossovers_words());
  for (const Product product : kProducts) {
    std::vector<TextTable::Column> columns{{"batch", Align::right}};
    for (const std::size_t outputs : used.outputs)
      columns.push_back({fmt::format("{} outputs", outputs), Align::right});
    TextTable table(columns);
    for (std::size_t b = 0; b < used.batches.size(); ++b) {
      std::vector<std::string> row{fmt::format("{}", used.batches[b])};
      for (const double density : used.densities[static_cast<std::size_t>(product)][b])
        row.push_back(fmt::format("{:.0f} %", 100.0 * density));
      table.add(std::move(row));
    }
    text += fmt::format("\n{}: zeros are skipped where at most so many inputs are not zero\n{}",
                        product_words(std::string(product_name(product))), table.text(width));
  }
  return text;
}

}  // namespace halfwave::cli
