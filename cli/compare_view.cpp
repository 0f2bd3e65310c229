#include "compare_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "compare/summary.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"

namespace halfwave::cli {
std::string compare_progress_line(const CompareProgress& progress, std::size_t width) {
  const std::string figures = fmt::format(" {:.0f} %, {} of {} runs, {} left", 100.0 * progress.share,
                                          progress.run, progress.runs, clock_time(progress.seconds_left));
  constexpr std::size_t kLongestBar = 20, kBrackets = 2;
  const std::size_t used = display_width(progress.what) + 1 + kBrackets + display_width(figures);
  return fmt::format("{} {}{}", progress.what,
                     bar(progress.share, used < width ? std::min(kLongestBar, width - used) : 0), figures);
}

void CompareView::progress(const CompareProgress& progress) {
  if (console_.status_due())
    console_.status(compare_progress_line(progress, console_.notes_terminal().width - 1));
}

void CompareView::ran(const Variant& variant, const ComparedRun& run) {
  if (console_.notes_terminal().live) return;
  std::vector<ComparedVariant>& variants = so_far_.variants;
  auto found = std::ranges::find(variants, variant.name, [](const auto& one) { return one.variant.name; });
  if (found == variants.end()) {
    variants.emplace_back().variant = variant;
    found = std::prev(variants.end());
  }
  found->runs.push_back(run);
  found->runs.back().epochs.clear();
  if (found->runs.size() < seeds_) return;
  summarise(so_far_);
  console_.note(variant_line(*found, run.learning_rate, score_words(so_far_.metric)));
}

bool CompareView::stop_requested() {
  const bool stop = InterruptWatch::requested();
  if (stop && !stop_shown_)
    console_.note("Interrupted: stopping the runs. A second interrupt ends it at once.");
  stop_shown_ = stop_shown_ || stop;
  return stop;
}

}  // namespace halfwave::cli
