#include <fmt/format.h>
#include <halfwave/bench.h>
#include <halfwave/error.h>

#include <optional>

#include "bench_picture.h"
#include "bench_report.h"
#include "command.h"
#include "core/file.h"
#include "data_options.h"
#include "progress.h"
#include "svg.h"

namespace halfwave::cli {
namespace {

class BenchCommand : public Command {
 public:
  BenchCommand()
      : Command("bench",
                "Speed of this machine and of the products, dense and zero-skipping; or of a model, layer by "
                "layer.") {
    line.argument("MODEL", report_.model, "an ONNX file; else the products are measured", false);
    line.argument("DATA", report_.data,
                  "as of run: what the model is measured with; else standard normal numbers", false);
    line.group("Data");
    visit_reading_options(data_, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    line.group("Measuring");
    BenchOptions::visit(report_.options,
                        [this](const OptionInfo& info, auto& field) { line.option(info, field); });
    line.option(OptionInfo{"calibrate",
                           "measure at which densities this machine's zero-skipping products are faster than "
                           "its dense ones, and keep it for this user; training and running go by it"},
                calibrate_);
    line.group("Output");
    line.option(OptionInfo{"details", "of products: a line for each density, with times"}, details_);
    line.option(OptionInfo{"svg", "a picture: speed over density, or the time of each layer"},
                report_.picture);
    declare_common();
  }

  int run(Console& console, std::span<const std::string> words) override;

 private:
  void check_early() const;
  std::vector<std::string> own_warnings() const;
  void measure(Console& console);

  BenchReport report_;
  DataOptions data_;
  bool calibrate_ = false, details_ = false;
};

/// What is wrong whatever is measured.
void BenchCommand::check_early() const {
  if (calibrate_ && !report_.model.empty())
    throw usage_error("--calibrate measures the machine, not a model: leave out one of them.");
  if (line.given("svg") && report_.picture.empty()) throw usage_error("--svg needs the name of a file.");
  if (calibrate_ && line.given("svg"))
    throw usage_error("--calibrate has no picture; 'halfwave bench --svg FILE' shows the products.");
  if (report_.options.train && report_.model.empty())
    throw usage_error("--train needs a MODEL to measure as in training.");
  if (line.given("width") && report_.options.width.empty()) throw usage_error("--width needs numbers.");
  if (!report_.picture.empty() && report_.options.batch.size() > Svg::kSeries)
    throw usage_error(fmt::format("--svg can tell {} batches apart: name fewer with --batch.", Svg::kSeries));
  if (!report_.picture.empty()) check_writable(report_.picture, "svg");
}

std::vector<std::string> BenchCommand::own_warnings() const {
  std::vector<std::string> warnings;
  const auto without_effect = [&](const char* name, const char* reason) {
    if (line.given(name)) warnings.push_back(fmt::format("--{} has no effect: {}.", name, reason));
  };
  const char* of_model = "a model has its own layers";
  const char* of_calibration = "a calibration covers all of them";
  if (!report_.model.empty()) {
    without_effect("width", of_model);
    without_effect("details", of_model);
  }
  if (calibrate_) {
    without_effect("width", of_calibration);
    without_effect("batch", of_calibration);
    without_effect("threads", "a calibration is about one thread");
    without_effect("details", "a calibration has one table");
  }
  return warnings;
}

void BenchCommand::measure(Console& console) {
  const BenchProgress progress = [&](const std::string& what, double share) {
    console.status(fmt::format("{:3.0f} %  {}", 100.0 * share, what));
  };
  if (calibrate_) {
    calibrate(report_.options, progress);
  } else if (report_.model.empty()) {
    report_.machine = measure_machine(report_.options);
    report_.products = measure_products(report_.options, progress);
  } else {
    const Model model = Model::load(report_.model);
    std::optional<Examples> examples;
    if (!report_.data.empty()) {
      data_.source = report_.data;
      data_.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
        console.status(download_line(file, done, total));
      };
      examples = load_examples(data_, model.schema(), &report_.warnings);
    }
    report_.network = model.network();
    report_.machine = measure_machine(report_.options);
    report_.runs = measure_model(model, examples ? &*examples : nullptr, report_.options, progress);
  }
  console.clear_status();
}

int BenchCommand::run(Console& console, std::span<const std::string>) {
  check_early();
  report_.warnings = own_warnings();
  if (!calibrate_ && !calibration().warning.empty()) report_.warnings.push_back(calibration().warning);
  const std::size_t told = report_.warnings.size();
  for (const std::string& warning : own_warnings()) console.warning(warning);
  measure(console);
  for (std::size_t i = told; i < report_.warnings.size(); ++i) console.warning(report_.warnings[i]);
  if (!report_.picture.empty())
    write_file_atomically(report_.picture,
                          report_.runs.empty()
                              ? products_picture(*report_.machine, report_.products)
                              : model_picture(*report_.machine, report_.network, report_.runs));
  const std::size_t width = console.result_width();
  console.result(calibrate_ ? crossovers_text(width) : bench_text(report_, details_, width));
  if (console.json()) console.object(bench_json(report_));
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_bench_command() { return std::make_unique<BenchCommand>(); }

}  // namespace halfwave::cli
