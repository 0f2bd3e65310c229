#include "bench_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "bench_report.h"
#include "svg.h"
#include "text.h"

namespace halfwave::cli {
namespace {

using Point = Svg::Point;
using Anchor = Svg::Anchor;

std::string machine_words(const MachineSpeed& machine) {
  return fmt::format("{}, {}, {}", machine.processor, machine.instruction_set, thread_words(machine.threads));
}

/// Different values of a member, in the order in which they come.
template <class Member>
auto distinct(std::span<const ProductSpeed> products, Member member) {
  std::vector<std::decay_t<decltype(products.front().*member)>> values;
  for (const ProductSpeed& p : products)
    if (std::find(values.begin(), values.end(), p.*member) == values.end()) values.push_back(p.*member);
  return values;
}

/// The axes of one field of the picture of products: density from 0 to 1, and the ratio on a logarithmic
/// scale, in powers of two.
class RatioField {
 public:
  static constexpr double kWidth = 260, kHeight = 230;

  RatioField(Svg& svg, Point corner, int low, int high)
      : svg_(svg), corner_(corner), low_(low), high_(high) {}

  Point place(double density, double ratio) const {
    const double level = (std::log2(ratio) - low_) / (high_ - low_);
    return {corner_.x + density * kWidth, corner_.y + (1.0 - level) * kHeight};
  }

  void draw_axes(const std::string& heading) {
    constexpr double kTickGap = 8, kLine = 18;
    const double bottom = corner_.y + kHeight;
    svg_.text({corner_.x, corner_.y - kTickGap}, heading, Anchor::start, "heading");
    for (int level = low_; level <= high_; ++level) {
      const Point at = place(0.0, std::exp2(level));
      svg_.line(at, {at.x + kWidth, at.y}, level == 0 ? "reference" : "grid");
      svg_.text({at.x - kTickGap, at.y + 4}, fmt::format("{:g}", std::exp2(level)), Anchor::end, "small");
    }
    for (int tick = 0; tick <= 4; ++tick) {
      const double x = corner_.x + kWidth * tick / 4;
      svg_.line({x, corner_.y}, {x, bottom}, "grid");
      svg_.text({x, bottom + kLine}, fmt::format("{} %", 25 * tick), Anchor::middle, "small");
    }
    svg_.text({corner_.x + kWidth / 2, bottom + 2 * kLine}, "inputs that are not zero", Anchor::middle);
    svg_.upward_text({corner_.x - 40, corner_.y + kHeight / 2}, "times as fast as dense");
  }

 private:
  Svg& svg_;
  Point corner_;
  int low_, high_;
};

std::string products_description(std::span<const ProductSpeed> products) {
  std::string text = "How many times as fast as the dense product zero-skipping is. ";
  for (const ProductSpeed& p : products) {
    text += fmt::format("{}, batch {}, width {}: ", product_words(p.product), p.batch, p.outputs);
    for (const ProductSpeed::Point& point : p.points)
      text += fmt::format("{:.2f} at {:g} % non-zero, ", point.ratio, 100.0 * point.density);
    text += fmt::format("equal at {:.0f} %. ", 100.0 * p.crossover);
  }
  return text;
}

/// The axis of a field of the picture of a model: ticks at round times.
double tick_step(double longest) {
  const double rough = longest / 4, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10.0 * power;
}

/// A round time in short: "200 µs", "2 ms", "0".
std::string tick_words(double seconds) {
  if (seconds <= 0.0) return "0";
  if (seconds < 1e-6) return fmt::format("{:.3g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.3g} µs", seconds * 1e6);
  return seconds < 1.0 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} s", seconds);
}

constexpr double kRowHeight = 26, kLeft = 210, kBarsWidth = 520, kModelWidth = 960;

/// One batch: a bar a layer; returns where it ends.
double draw_run(Svg& svg, const ModelSpeed& run, double top) {
  constexpr double kHeading = 24, kBar = 16, kAxis = 52;
  double longest = 0.0;
  for (const LayerSpeed& layer : run.layers)
    longest = std::max({longest, layer.seconds, layer.roofline_seconds});
  if (!(longest > 0.0)) longest = 1e-9;
  const auto x_of = [&](double seconds) { return kLeft + kBarsWidth * seconds / longest; };
  svg.text({20, top},
           fmt::format("batch {}: {}, {}", run.batch, time_words(run.seconds),
                       roofline_words(run.seconds, run.roofline_seconds)),
           Anchor::start, "heading");
  top += kHeading;
  const double bottom = top + kRowHeight * static_cast<double>(run.layers.size());
  const double step = tick_step(longest);
  for (double tick = 0.0; tick <= longest * 1.0001; tick += step) {
    svg.line({x_of(tick), top - 6}, {x_of(tick), bottom}, "grid");
    svg.text({x_of(tick), bottom + 18}, tick_words(tick), Anchor::middle, "small");
  }
  for (const LayerSpeed& layer : run.layers) {
    const std::string shape =
        layer.multiplies ? fmt::format("{} ({} × {})", layer.name, layer.inputs, layer.outputs) : layer.name;
    svg.text({kLeft - 10, top + kBar - 3}, shape, Anchor::end);
    svg.bar({kLeft, top}, x_of(layer.seconds) - kLeft, kBar, layer.multiplies ? layer.skips ? 0 : 1 : 5);
    double end = x_of(layer.seconds);
    if (layer.multiplies) {
      const double limit = x_of(layer.roofline_seconds);
      svg.line({limit, top - 4}, {limit, top + kBar + 4}, "limit");
      end = std::max(end, limit);
    }
    svg.text({end + 8, top + kBar - 3},
             layer.multiplies ? fmt::format("{}, {:.2f}×", time_words(layer.seconds),
                                            layer.roofline_seconds / layer.seconds)
                              : time_words(layer.seconds),
             Anchor::start, "small");
    top += kRowHeight;
  }
  return bottom + kAxis;
}

std::string model_description(std::span<const ModelSpeed> runs) {
  std::string text;
  for (const ModelSpeed& run : runs) {
    text += fmt::format("Batch {}: {}, {}. ", run.batch, time_words(run.seconds),
                        roofline_words(run.seconds, run.roofline_seconds));
    for (const LayerSpeed& layer : run.layers) {
      text += fmt::format("{}: {}", layer.name, time_words(layer.seconds));
      if (layer.multiplies)
        text += fmt::format(", {:.0f} % of its inputs not zero, {}, dense roofline {}", 100.0 * layer.density,
                            layer.skips ? "zero-skipping" : "dense", time_words(layer.roofline_seconds));
      text += ". ";
    }
  }
  return text;
}

}  // namespace

std::string products_picture(const MachineSpeed& machine, std::span<const ProductSpeed> products) {
  constexpr double kFirstX = 70, kStepX = 320, kFirstY = 130, kStepY = 320;
  const auto widths = distinct(products, &ProductSpeed::outputs);
  const auto batches = distinct(products, &ProductSpeed::batch);
  const auto names = distinct(products, &ProductSpeed::product);
  double least = 1.0, most = 1.0;
  for (const ProductSpeed& p : products) {
    for (const ProductSpeed::Point& point : p.points) {
      least = std::min(least, point.ratio);
      most = std::max(most, point.ratio);
    }
  }
  const int low = std::min(-1, static_cast<int>(std::floor(std::log2(least)))),
            high = std::max(1, static_cast<int>(std::ceil(std::log2(most))));

  const std::string title = "Zero-skipping against dense products";
  Svg svg(kFirstX + kStepX * static_cast<double>(names.size()) - 20,
          kFirstY + kStepY * static_cast<double>(widths.size()) - 20,
          fmt::format("{}: {}", title, machine_words(machine)), products_description(products));
  svg.text({20, 32}, title, Anchor::start, "title");
  svg.text({20, 54}, machine_words(machine), Anchor::start, "small");
  double x = 20;
  for (std::size_t b = 0; b < batches.size(); ++b, x += 110) {
    svg.mark({x + 5, 78}, static_cast<int>(b));
    svg.text({x + 16, 82}, fmt::format("batch {}", batches[b]));
  }
  svg.line({x, 78}, {x + 28, 78}, "reference");
  svg.text({x + 36, 82}, "dense");

  for (std::size_t w = 0; w < widths.size(); ++w) {
    for (std::size_t n = 0; n < names.size(); ++n) {
      RatioField field(svg,
                       {kFirstX + kStepX * static_cast<double>(n), kFirstY + kStepY * static_cast<double>(w)},
                       low, high);
      field.draw_axes(fmt::format("{}, width {}", product_words(names[n]), widths[w]));
      for (const ProductSpeed& p : products) {
        if (p.product != names[n] || p.outputs != widths[w]) continue;
        std::vector<Point> points;
        for (const ProductSpeed::Point& point : p.points)
          points.push_back(field.place(point.density, point.ratio));
        svg.series(points,
                   static_cast<int>(std::find(batches.begin(), batches.end(), p.batch) - batches.begin()));
      }
    }
  }
  return svg.file();
}

std::string model_picture(const MachineSpeed& machine, const std::string& network,
                          std::span<const ModelSpeed> runs) {
  constexpr double kTop = 128, kAround = 24 + 52;
  double height = kTop - 10;
  for (const ModelSpeed& run : runs) height += kAround + kRowHeight * static_cast<double>(run.layers.size());
  const std::string title = "Time of each layer against the dense roofline";
  Svg svg(kModelWidth, height, fmt::format("{}: {}", title, machine_words(machine)),
          fmt::format("{} {}", network, model_description(runs)));
  svg.text({20, 32}, title, Anchor::start, "title");
  svg.text({20, 54}, fmt::format("{}; × : how many times below the roofline", machine_words(machine)),
           Anchor::start, "small");
  double x = 20;
  constexpr std::array<std::pair<const char*, int>, 3> kKey{
      {{"zero-skipping", 0}, {"dense", 1}, {"no product", 5}}};
  for (const auto& [name, series] : kKey) {
    svg.bar({x, 70}, 14, 14, series);
    svg.text({x + 20, 82}, name);
    x += 130;
  }
  svg.line({x + 7, 68}, {x + 7, 86}, "limit");
  svg.text({x + 20, 82}, "dense roofline: no dense engine can be faster");
  double top = kTop;
  for (const ModelSpeed& run : runs) top = draw_run(svg, run, top);
  return svg.file();
}

}  // namespace halfwave::cli
