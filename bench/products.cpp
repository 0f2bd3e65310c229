// The three products of a dense layer on one thread, skipping zeros and dense, against dense BLAS libraries
// that are loaded by name: every variant once a round, in turn, medians over the rounds. Times of skipping
// include the making of the lists, times of Halfwave's products the packing that they need; the BLAS gets the
// same matrices, the weights in whichever plain layout suits it best, and is not charged for the mask of the
// input gradient. bench/peers/products.py finds the libraries and runs this.
#include <fmt/format.h>
#include <halfwave/error.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/peak.h"
#include "product_check.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> shapes{"128x1024x1024", "512x1024x1536", "1x1024x1024"};
  std::vector<double> zeros{0, 50, 70, 90, 95};
  std::vector<std::string> products{"forward", "weight_gradient", "input_gradient"};
  std::vector<std::string> blas;
  int rounds = 15;
  double milliseconds = 10;
  bool json = false;
};

/// Processor time of this process, all its threads together: without what other programs take.
double seconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return (values[n / 2] + values[(n - 1) / 2]) / 2;
}

/// Seconds of one product, the mean of `calls` over the batches in turn.
double measure(const Variant& variant, std::size_t calls, std::size_t batches) {
  const double start = seconds();
  for (std::size_t i = 0; i < calls; ++i) variant.run(i % batches);
  return (seconds() - start) / static_cast<double>(calls);
}

/// The variants of one case: of the ways that a library offers the fastest, found in the warm-up, in which
/// every result is checked.
class Bench {
 public:
  Bench(const Case& c, const Operands& operands, const std::vector<Blas>& libraries)
      : case_(c),
        operands_(operands),
        output_(
            std::max({operands.shape.batch * operands.in_stride, operands.shape.batch * operands.out_stride,
                      operands.shape.in * operands.out_stride, operands.shape.out * operands.in_stride})),
        own_(operands, output_.data()) {
    const std::vector<float> expected = reference(c, operands);
    for (Variant& v : own_.variants(c)) add({std::move(v)}, expected);
    for (const Blas& blas : libraries)
      add(blas_variants(blas, c.product, operands, output_.data()), expected);
  }

  void run(const Options& options) {
    std::vector<std::size_t> calls;
    const std::size_t batches = operands_.h.size();
    for (const Variant& v : variants_) {
      const double once = measure(v, batches, batches);
      calls.push_back(batches * std::max<std::size_t>(
                                    1, static_cast<std::size_t>(std::ceil(options.milliseconds * 1e-3 / once /
                                                                          static_cast<double>(batches)))));
    }
    for (int round = 0; round < options.rounds; ++round)
      for (std::size_t v = 0; v < variants_.size(); ++v)
        variants_[v].seconds.push_back(measure(variants_[v], calls[v], batches));
  }

  Json report(const std::vector<Blas>& libraries) const {
    Json json{{"product", product_name(case_.product)},
              {"batch", case_.shape.batch},
              {"inputs", case_.shape.in},
              {"outputs", case_.shape.out},
              {"zeros_percent", case_.zeros},
              {"microseconds", Json::object()},
              {"largest_difference", differences_},
              {"fastest_blas", nullptr},
              {"ratio", Json::object()}};
    for (const Variant& v : variants_) json["microseconds"][v.name] = median(v.seconds) * 1e6;
    const Variant* best = nullptr;
    for (const Variant& v : variants_) {
      const bool is_blas =
          std::ranges::any_of(libraries, [&](const Blas& blas) { return blas.name() == v.name; });
      if (is_blas && (!best || median(v.seconds) < median(best->seconds))) best = &v;
    }
    if (!best) return json;
    json["fastest_blas"] = best->name;
    for (const Variant& v : variants_) {
      std::vector<double> ratios;  // of neighbours in time: what slows the machine for a while slows both
      for (std::size_t i = 0; i < v.seconds.size(); ++i) ratios.push_back(best->seconds[i] / v.seconds[i]);
      if (v.comparable) json["ratio"][v.name] = median(ratios);
    }
    return json;
  }

 private:
  void add(std::vector<Variant> ways, const std::vector<float>& expected) {
    constexpr double kTolerance = 1e-5;
    const std::size_t batches = operands_.h.size();
    std::size_t fastest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < ways.size(); ++i) {
      if (ways[i].comparable) {
        std::ranges::fill(output_, std::numeric_limits<float>::quiet_NaN());
        ways[i].run(0);
        const double found = difference(plain_result(ways[i], case_, operands_, output_.data()), expected);
        if (!(found <= kTolerance))
          throw Error(ErrorKind::fault,
                      fmt::format("{}, {} % zeros: the result of {} is off by {:.2g} of the "
                                  "largest number.",
                                  product_name(case_.product), case_.zeros, ways[i].name, found));
        differences_[ways[i].name] = std::max(differences_[ways[i].name], found);
      }
      for (int repeat = 0; repeat < (ways.size() > 1 ? 3 : 1); ++repeat) {
        const double once = measure(ways[i], batches, batches);
        if (once < least) least = once, fastest = i;
      }
    }
    variants_.push_back(std::move(ways[fastest]));
  }

  Case case_;
  const Operands& operands_;
  AlignedVector<float> output_;
  Own own_;
  std::vector<Variant> variants_;
  std::map<std::string, double> differences_;
};

ProductShape parse_shape(const std::string& text) {
  std::size_t sizes[3] = {};
  const char *at = text.data(), *const end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, sizes[i]);
    const bool separated = i < 2 ? next != end && *next == 'x' : next == end;
    if (error != std::errc() || !separated || sizes[i] == 0 || sizes[i] > 1 << 16)
      throw usage_error(
          fmt::format("--shape {}: not of the form BATCHxINPUTSxOUTPUTS, each from 1 to 65536.", text));
    at = next + 1;
  }
  return {sizes[0], sizes[1], sizes[2]};
}

std::vector<Blas> load_libraries(const std::vector<std::string>& given) {
  std::vector<Blas> libraries;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
      throw usage_error(fmt::format("--blas {}: not of the form NAME=FILE.", text));
    libraries.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return libraries;
}

/// One thread means one processor: a library that starts threads of its own does not get further with them.
void stay_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(std::max(0, sched_getcpu())), &one);
  sched_setaffinity(0, sizeof one, &one);
}

/// Floating-point operations a second at the most.
double peak() {
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    const double start = seconds();
    const double operations = run_multiply_adds(200000);
    best = std::max(best, operations / (seconds() - start));
  }
  return best;
}

/// One line of the table for people; of the head the names. Nothing where a variant was not measured.
std::string table_line(const std::vector<Blas>& libraries, const Json* row) {
  const auto cell = [&](const char* group, const std::string& name) {
    if (!row) return name;
    const Json& values = row->at(group);
    return values.contains(name) ? fmt::format("{:.{}f}", values[name].get<double>(), *group == 'r' ? 2 : 1)
                                 : "";
  };
  const auto number = [&](const char* key) { return row->at(key).get<std::size_t>(); };
  std::string line = fmt::format(
      "{:16}{:>14}{:>7} ", row ? row->at("product").get<std::string>() : "",
      row ? fmt::format("{}x{}x{}", number("batch"), number("inputs"), number("outputs")) : "shape",
      row ? fmt::format("{:g}", row->at("zeros_percent").get<double>()) : "zeros");
  std::vector<std::string> names{"lists", "skipping", "dense", "automatic"};
  for (const Blas& blas : libraries) names.push_back(blas.name());
  for (const std::string& name : names)
    line += fmt::format("  {:>{}}", cell("microseconds", name), std::max<std::size_t>(9, name.size()));
  if (libraries.empty()) return line;
  line += " |";
  for (const char* name : {"skipping", "dense", "automatic"})
    line += fmt::format("  {:>9}", cell("ratio", name));
  return line + "  " + (row ? row->at("fastest_blas").get<std::string>() : "x fastest BLAS");
}

std::vector<Case> cases(const Options& options) {
  std::vector<Case> all;
  for (const std::string& text : options.shapes)
    for (const Product product : kProducts) {
      const ProductShape shape = parse_shape(text);
      if (shape.batch == 1 && product != Product::forward) continue;  // one example is inference
      if (std::ranges::find(options.products, product_name(product)) == options.products.end()) continue;
      for (const double zeros : options.zeros) all.push_back({product, shape, zeros});
    }
  return all;
}

int run(const Options& options) {
  stay_on_one_processor();
  const std::vector<Case> all = cases(options);
  const std::vector<Blas> libraries = load_libraries(options.blas);
  std::FILE* const people = options.json ? stderr : stdout;
  Json json{{"peak_gflops", peak() * 1e-9}, {"rounds", options.rounds}, {"cases", Json::array()}};
  fmt::print(people, "One thread, peak {:.0f} GFLOP/s; microseconds, medians of {} rounds\n{}\n",
             json["peak_gflops"].get<double>(), options.rounds, table_line(libraries, nullptr));
  for (const Case& c : all) {
    const Operands operands(c.shape, c.zeros);
    Bench bench(c, operands, libraries);
    bench.run(options);
    json["cases"].push_back(bench.report(libraries));
    fmt::print(people, "{}\n", table_line(libraries, &json["cases"].back()));
    std::fflush(people);
  }
  if (options.json) fmt::print("{}\n", json.dump(1));
  return 0;
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  halfwave::Options options;
  CLI::App app("Products of a dense layer on one thread: skipping zeros, dense, and dense BLAS libraries.");
  app.add_option("--shape", options.shapes, "BATCHxINPUTSxOUTPUTS; batch 1: the forward product only")
      ->capture_default_str();
  app.add_option("--zeros", options.zeros, "percent of the layer's input")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--product", options.products, "which of the products")
      ->check(CLI::IsMember(options.products))
      ->capture_default_str();
  app.add_option("--blas", options.blas,
                 "NAME=FILE of a library with cblas_sgemm or dnnl_sgemm; several times");
  app.add_option("--rounds", options.rounds, "measurements of each variant, in turn")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--milliseconds", options.milliseconds, "least time of a measurement")
      ->check(CLI::Range(0.0, 10000.0))
      ->capture_default_str();
  app.add_flag("--json", options.json, "JSON on standard output, the table on standard error");
  try {
    app.parse(argc, argv);
    return halfwave::run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(halfwave::ErrorKind::usage);
  } catch (const halfwave::Error& error) {
    fmt::print(stderr, "bench_products: {}\n", error.what());
    return static_cast<int>(error.kind());
  }
}
