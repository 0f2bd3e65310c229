#include "progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "interrupt.h"
#include "text.h"

namespace halfwave::cli {
namespace {

constexpr std::size_t kBarWidth = 20;

std::string layer_line(const LayerHealth& layer, bool health) {
  std::string line = fmt::format("    {:<12}", layer.name);
  if (health) {
    line += fmt::format(" density {:>7}  dead {:>11} ", percent(layer.density),
                        fmt::format("{} of {}", layer.dead_units, layer.units));
  }
  return line + fmt::format(" gradient {:>9}  weights {:>9}", short_number(layer.gradient_norm),
                            short_number(layer.weight_norm));
}

}  // namespace

std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  return fmt::format("[{}{}]", std::string(full, '#'), std::string(width - full, '.'));
}

std::string short_number(double number) {
  const double size = std::fabs(number);
  const bool plain = size == 0.0 || (size >= 1e-3 && size < 1e5) || !std::isfinite(number);
  return plain ? fmt::format("{:.4f}", number) : fmt::format("{:.2e}", number);
}

std::string progress_line(const Progress& progress, Task task, std::size_t width) {
  const double share =
      static_cast<double>(progress.step) / static_cast<double>(std::max<std::int64_t>(progress.steps, 1));
  const double rate =
      std::isfinite(progress.examples_per_second) ? std::max(0.0, progress.examples_per_second) : 0.0;
  const std::string epoch = fmt::format("epoch {}/{} ", progress.epoch, progress.epochs);
  std::string figures = fmt::format("  loss {}", short_number(progress.loss));
  if (task == Task::classification) figures += fmt::format("  accuracy {}", percent(progress.accuracy));
  const std::string speed = fmt::format("  {} examples/s", grouped(static_cast<std::uint64_t>(rate)));
  const std::string left = fmt::format("  {} left", clock_time(progress.seconds_left));
  constexpr std::size_t kBrackets = 2, kShortestBar = 5;
  std::size_t used = epoch.size() + figures.size() + left.size() + kBrackets;
  if (used + speed.size() + kShortestBar <= width) {
    figures += speed;
    used += speed.size();
  }
  return epoch + bar(share, used < width ? std::min(kBarWidth, width - used) : 0) + figures + left;
}

std::vector<std::string> epoch_headers(const RunShape& shape) {
  std::vector<std::string> headers{"epoch", "loss"};
  const bool classes = shape.task == Task::classification;
  if (classes) headers.emplace_back("train accuracy");
  if (shape.has_test) headers.emplace_back(classes ? "test accuracy" : "test RMSE");
  headers.insert(headers.end(), {"rate", "seconds"});
  return headers;
}

std::vector<std::string> epoch_cells(const EpochReport& report, const RunShape& shape) {
  std::vector<std::string> cells{fmt::format("{}", report.epoch), short_number(report.loss)};
  const bool classes = shape.task == Task::classification;
  if (classes) cells.push_back(percent(report.train_accuracy));
  if (shape.has_test)
    cells.push_back(classes ? percent(report.test_accuracy) : fmt::format("{:.5g}", report.test_rmse));
  cells.push_back(fmt::format("{:.2e}", report.learning_rate));
  cells.push_back(fmt::format("{:.2f}", report.seconds));
  return cells;
}

std::string download_line(const std::string& file, std::uint64_t done, std::uint64_t total) {
  constexpr double kMega = 1e6;
  const double megabytes = static_cast<double>(done) / kMega;
  if (total == 0) return fmt::format("downloading {}  {:.1f} MB", file, megabytes);
  return fmt::format("downloading {} {} {:.1f} of {:.1f} MB", file,
                     bar(static_cast<double>(done) / static_cast<double>(total), kBarWidth), megabytes,
                     static_cast<double>(total) / kMega);
}

Dataset load_with_progress(Console& console, DataOptions& options) {
  options.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
    console.status(download_line(file, done, total));
  };
  Dataset data = load_dataset(options);
  options.progress = nullptr;
  console.clear_status();
  return data;
}

std::string data_line(const std::string& name, std::size_t train, std::size_t test, std::size_t features) {
  return fmt::format("{}: {} training and {} test examples, {} {}", name, grouped(train), grouped(test),
                     grouped(features), features == 1 ? "feature" : "features");
}

std::string data_line(const Dataset& data) {
  return data_line(data.name, data.train.count, data.test.count, data.schema.features());
}

void ProgressView::step(const Progress& progress) {
  if (console_.status_due())
    console_.status(progress_line(progress, shape_.task, console_.notes_terminal().width - 1));
}

void ProgressView::epoch(const EpochReport& report) {
  if (!console_.notes_shown()) return;
  if (!header_shown_) console_.note(table_.header());
  header_shown_ = true;
  console_.note(table_.row(epoch_cells(report, shape_)));
  if (!layers_) return;
  for (const LayerHealth& layer : report.layers) console_.note(layer_line(layer, shape_.health));
}

bool ProgressView::stop_requested() {
  const bool stop = InterruptWatch::requested();
  if (stop && !stop_shown_) console_.note("Interrupted: saving the run. A second interrupt ends it at once.");
  stop_shown_ = stop_shown_ || stop;
  return stop;
}

}  // namespace halfwave::cli
