// The three products of a convolution on one thread, Halfwave's and oneDNN's, measured one at a time as each
// line of standard input asks; bench/peers/conv_products.py has them take turns with PyTorch's.
#include <fmt/format.h>
#include <halfwave/error.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "conv_case.h"
#include "kernels/peak.h"
#include "onednn_convolution.h"
#include "own_convolution.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Floating-point operations a second at the most.
double peak() {
  const double start = seconds();
  const double operations = run_multiply_adds(500000);
  return operations / (seconds() - start);
}

/// A number of the result for batch 0, by the definition, in double precision.
class Reference {
 public:
  Reference(const ConvCase& c, const ConvOperands& o) : c_(c), o_(o) {}

  std::size_t count() const {
    return c_.product == Product::forward           ? c_.rows() * c_.out
           : c_.product == Product::weight_gradient ? o_.weights.size()
                                                    : c_.rows() * c_.in;
  }

  double at(std::size_t index) const {
    switch (c_.product) {
      case Product::forward:
        return of_position(index / c_.out, index % c_.out, true);
      case Product::weight_gradient:
        return of_weight(index);
      case Product::input_gradient:  // what x has as a zero is not asked for
        return o_.x[0][index] == 0.0f ? std::numeric_limits<double>::quiet_NaN()
                                      : of_position(index / c_.in, index % c_.in, false);
    }
    return 0;
  }

 private:
  static constexpr std::size_t kKernel = ConvCase::kKernel, kPadding = kKernel / 2;

  /// Calls use(row, tap) for the positions around one, as rows of a matrix.
  template <class Use>
  void around(std::size_t row, Use&& use) const {
    const std::size_t column = row % c_.width, line = row / c_.width % c_.height;
    for (std::size_t dy = 0; dy < kKernel; ++dy)
      for (std::size_t dx = 0; dx < kKernel; ++dx) {
        const std::size_t y = line + dy - kPadding, x = column + dx - kPadding;  // beyond the edge: huge
        if (y < c_.height && x < c_.width)
          use((row / (c_.width * c_.height) * c_.height + y) * c_.width + x, dy * kKernel + dx);
      }
  }

  double weight(std::size_t out, std::size_t in, std::size_t tap) const {
    return static_cast<double>(o_.weights[(out * c_.in + in) * kKernel * kKernel + tap]);
  }

  /// One number of y, or of the gradient by x, where the taps are mirrored.
  double of_position(std::size_t row, std::size_t channel, bool forward) const {
    double sum = 0;
    const std::size_t channels = forward ? c_.in : c_.out;
    const float* const from = (forward ? o_.x : o_.dy)[0].data();
    around(row, [&](std::size_t other, std::size_t tap) {
      for (std::size_t k = 0; k < channels; ++k)
        sum += static_cast<double>(from[other * channels + k]) *
               (forward ? weight(channel, k, tap) : weight(k, channel, kKernel * kKernel - 1 - tap));
    });
    return sum;
  }

  double of_weight(std::size_t index) const {
    const std::size_t wanted = index % (kKernel * kKernel), in = index / (kKernel * kKernel) % c_.in,
                      out = index / (kKernel * kKernel * c_.in);
    double sum = 0;
    for (std::size_t row = 0; row < c_.rows(); ++row)
      around(row, [&](std::size_t other, std::size_t tap) {
        if (tap == wanted)
          sum += static_cast<double>(o_.x[0][other * c_.in + in]) *
                 static_cast<double>(o_.dy[0][row * c_.out + out]);
      });
    return sum;
  }

  const ConvCase& c_;
  const ConvOperands& o_;
};

/// The largest difference relative to the largest number, of some numbers of the result.
double difference(const std::vector<float>& result, const Reference& reference) {
  if (result.size() != reference.count()) return std::numeric_limits<double>::infinity();
  constexpr int kSamples = 300;
  double largest = 0, scale = 0;
  Random random(2, stream_id(Stream::data));
  for (int i = 0; i < kSamples; ++i) {
    const std::size_t index = random.below(result.size());
    const double expected = reference.at(index);
    if (std::isnan(expected)) continue;
    const double d = std::abs(static_cast<double>(result[index]) - expected);
    largest = std::max(largest, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
    scale = std::max(scale, std::abs(expected));
  }
  return largest / std::max(scale, 1e-30);
}

/// One case at a time.
class Bench {
 public:
  Bench(const ConvCase& c, const Onednn* onednn)
      : case_(c), operands_(case_), variants_(own_variants(case_, operands_)) {
    if (onednn)
      for (ConvVariant& v : onednn_variants(*onednn, case_, operands_)) variants_.push_back(std::move(v));
  }

  /// The largest difference of each variant's result; each is right, or the comparison is worth nothing.
  Json check() const {
    constexpr double kTolerance = 1e-5;
    Json differences = Json::object();
    for (const ConvVariant& v : variants_) {
      v.run(0);
      const double found = difference(v.result(), {case_, operands_});
      if (!(found <= kTolerance))
        throw Error(ErrorKind::fault,
                    fmt::format("{}, {:g} % zeros: the result of {} is off by {:.2g} of the "
                                "largest number.",
                                product_name(case_.product), case_.zeros, v.name, found));
      differences[v.name] = found;
    }
    return differences;
  }

  /// Seconds of a product, the mean of as many as this time takes.
  double measure(std::size_t variant, double milliseconds) const {
    if (variant >= variants_.size()) throw usage_error(fmt::format("there is no variant {}.", variant));
    const double start = seconds(), until = start + milliseconds * 1e-3;
    double now = start;
    for (std::size_t calls = 1;; ++calls) {
      variants_[variant].run(calls % operands_.x.size());
      now = seconds();
      if (now >= until) return (now - start) / static_cast<double>(calls);
    }
  }

 private:
  ConvCase case_;
  ConvOperands operands_;
  std::vector<ConvVariant> variants_;
};

ConvCase read_case(std::istream& words) {
  std::string name;
  ConvCase c{};
  words >> name >> c.batch >> c.height >> c.width >> c.in >> c.out >> c.zeros;
  const auto found = std::ranges::find(kProducts, name, product_name);
  if (!words || found == kProducts.end())
    throw usage_error("a case is: PRODUCT BATCH HEIGHT WIDTH IN OUT ZEROS.");
  for (const std::size_t size : {c.batch, c.height, c.width, c.in, c.out})
    if (size == 0 || size > 4096) throw usage_error("the sizes of a case are from 1 to 4096.");
  if (c.in % kLineFloats || c.out % kLineFloats)
    throw usage_error(fmt::format("channels are a multiple of {}.", kLineFloats));
  c.product = *found;
  return c;
}

void answer_requests(const std::string& library) {
  std::optional<Onednn> onednn;
  if (!library.empty()) onednn.emplace(library);
  std::cout << Json{{"ready", true}} << std::endl;
  std::optional<Bench> bench;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    Json answer;
    if (word == "peak") {
      answer["gflops"] = peak() * 1e-9;
    } else if (word == "case") {
      const ConvCase c = read_case(words);
      bench.reset();
      answer["differences"] = bench.emplace(c, onednn ? &*onednn : nullptr).check();
    } else if (std::size_t variant = 0; bench && word == "measure" && words >> variant) {
      double milliseconds = 0;
      words >> milliseconds;
      answer["seconds"] = bench->measure(variant, milliseconds);
    } else {
      throw usage_error(fmt::format("'{}' is not understood.", line));
    }
    std::cout << answer << std::endl;
  }
}

}  // namespace
}  // namespace halfwave

int main(int argc, char** argv) {
  std::string onednn;
  CLI::App app(
      "Products of a convolution on one thread. Reads lines and answers each with a line of JSON: "
      "'case PRODUCT BATCH HEIGHT WIDTH IN OUT ZEROS' checks every variant and names it; 'measure NUMBER "
      "MILLISECONDS' times the variant with this number, from 0; 'peak' is that of multiply-adds.");
  app.add_option("--onednn", onednn, "file of the library (version 3); without it Halfwave is alone");
  try {
    app.parse(argc, argv);
    halfwave::answer_requests(onednn);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(halfwave::ErrorKind::usage);
  } catch (const halfwave::Error& error) {
    fmt::print(stderr, "bench_conv_products: {}\n", error.what());
    return static_cast<int>(error.kind());
  }
}
