#include <fmt/format.h>
#include <halfwave/bench.h>

#include "analysis/machine_speed.h"
#include "analysis/product_speed.h"

namespace halfwave {
namespace {

constexpr double kDensities[] = {1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05};

}  // namespace

std::vector<ProductSpeed> measure_products(const BenchOptions& options, const BenchProgress& progress) {
  std::vector<std::int64_t> batches = options.batch;
  if (batches.empty()) {
    batches = {1, 32, 128, 512};
    if (options.quick) batches = {1, 128};
  }
  const double usual = options.quick ? 2.0 : 20.0, all = options.seconds > 0.0 ? options.seconds : usual;
  const std::size_t layers = batches.size() * options.width.size();
  const double each = all / static_cast<double>(layers * std::size(kDensities) * kProducts.size());

  std::vector<ProductSpeed> speeds;
  std::size_t done = 0;
  for (const std::int64_t width : options.width) {
    for (const std::int64_t batch : batches) {
      if (progress)
        progress(fmt::format("batch {}, width {}", batch, width),
                 static_cast<double>(done++) / static_cast<double>(layers));
      const auto n = static_cast<std::size_t>(width);
      ProductBench bench(static_cast<std::size_t>(batch), n, n, bench_threads(options.threads), options.seed);
      for (ProductSpeed& speed : measure_layer(bench, kDensities, each)) speeds.push_back(std::move(speed));
    }
  }
  return speeds;
}

}  // namespace halfwave
