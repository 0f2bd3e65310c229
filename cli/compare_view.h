#pragma once
#include <halfwave/compare.h>

#include <string>
#include <string_view>

#include "compare_report.h"
#include "console.h"

namespace halfwave::cli {

/// The line that a terminal shows while runs go on: "relu, seed 3 [####......] 42 %, 18 of 84 runs, 0:35
/// left"; its bar takes what `width` leaves it.
std::string compare_progress_line(const CompareProgress& progress, std::size_t width);

/// Shows a comparison on the console while it goes on: on a terminal one line that replaces itself, else one
/// line for each variant that is through. It asks to stop when the user interrupts it.
class CompareView final : public CompareObserver {
 public:
  CompareView(Console& console, std::string_view metric, std::size_t seeds)
      : console_(console), seeds_(seeds) {
    so_far_.metric = metric;
  }

  void progress(const CompareProgress& progress) override;
  void ran(const Variant& variant, const ComparedRun& run) override;
  void warning(const std::string& text) override { console_.warning(text); }
  bool stop_requested() override;

 private:
  Console& console_;
  std::size_t seeds_;
  Comparison so_far_;  ///< without the runs' epochs
  bool stop_shown_ = false;
};

}  // namespace halfwave::cli
