#pragma once
#include <halfwave/dataset.h>
#include <halfwave/train.h>

#include <string>
#include <vector>

#include "console.h"
#include "table.h"

namespace halfwave::cli {

/// What a run looks like from outside: decides which figures there are.
struct RunShape {
  Task task = Task::classification;
  bool has_test = true;  ///< there is a test part
  bool health = true;    ///< density and dead units are measured
};

/// A bar of `width` characters and two brackets: "[####......]".
std::string bar(double share, std::size_t width);

/// The line that a terminal shows while an epoch runs; its bar takes what `width` leaves it.
std::string progress_line(const Progress& progress, Task task, std::size_t width);

/// The columns of the table of epochs, and its row for one epoch.
std::vector<std::string> epoch_headers(const RunShape& shape);
std::vector<std::string> epoch_cells(const EpochReport& report, const RunShape& shape);

/// Where a download is, e.g. "downloading t10k.gz  1.2 of 4.4 MB".
std::string download_line(const std::string& file, std::uint64_t done, std::uint64_t total);

/// Loads the data of options; a download is shown while it runs.
Dataset load_with_progress(Console& console, DataOptions& options);

/// What was loaded: "mnist1d: 4,000 training and 1,000 test examples, 40 features".
std::string data_line(const std::string& name, std::size_t train, std::size_t test, std::size_t features);
std::string data_line(const Dataset& data);

/// A loss or norm in few digits: "0.0312", "1.25e-05".
std::string short_number(double number);

/// Shows a run on the console while it goes on, and asks it to stop when the user interrupts it.
class ProgressView : public TrainObserver {
 public:
  ProgressView(Console& console, const RunShape& shape, bool layers)
      : console_(console), shape_(shape), layers_(layers), table_(epoch_headers(shape)) {}

  void step(const Progress& progress) override;
  void epoch(const EpochReport& report) override;
  void warning(const std::string& text) override { console_.warning(text); }
  bool stop_requested() override;

 private:
  Console& console_;
  RunShape shape_;
  bool layers_;
  LiveTable table_;
  bool header_shown_ = false, stop_shown_ = false;
};

}  // namespace halfwave::cli
