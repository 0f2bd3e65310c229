#include <halfwave/compare.h>
#include <halfwave/error.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "compare/goal.h"
#include "compare/run_json.h"
#include "compare/stored_group.h"
#include "compare/summary.h"

namespace halfwave {
namespace {

/// The runs that a variant has, by seed.
std::vector<ComparedRun> runs_of(const StoredMember& member, const std::string& data,
                                 const std::vector<StoredRun>& runs) {
  std::vector<ComparedRun> found;
  for (const StoredRun& run : runs)
    if (run.key.data == data && run.key.version == member.version && run.key.options == member.row.options)
      found.push_back(compared_run(run));
  std::ranges::sort(found, {}, &ComparedRun::seed);
  return found;
}

Comparison comparison_of(const StoredData& data, const std::vector<StoredComparison>& stored,
                         const std::vector<StoredRun>& runs) {
  const StoredComparison& last = stored.back();
  Comparison comparison;
  comparison.data = data.name;
  comparison.task = data.task == "regression" ? Task::regression : Task::classification;
  comparison.train = static_cast<std::size_t>(data.train);
  comparison.test = static_cast<std::size_t>(data.test);
  comparison.features = static_cast<std::size_t>(data.features);
  comparison.classes = texts_from(data.classes);
  comparison.metric = last.metric;
  comparison.warnings = texts_from(last.warnings);
  if (!last.goal.empty()) comparison.goal = parse_goal(last.goal);
  StoredGroup group = put_together(stored);
  comparison.compared = std::move(group.compared);
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const StoredMember& member = group.members[i];
    ComparedVariant& variant = comparison.variants.emplace_back();
    variant.variant = {group.names[i], options_from(member.row.options, member.row.other_options)};
    variant.search = search_from(member.row.search);
    variant.runs = runs_of(member, data.fingerprint, runs);
    comparison.kept += variant.runs.size();
  }
  return comparison;
}

/// Sets another goal where the data have such a figure; throws Error (usage) where none of them has.
void set_goal(std::vector<Comparison>& comparisons, const Goal& goal) {
  std::exception_ptr wrong;
  bool fits = false;
  for (Comparison& comparison : comparisons) {
    try {
      check_goal(goal, comparison.task, comparison.test > 0);
      comparison.goal = goal;
      fits = true;
    } catch (const Error& error) {
      wrong = std::current_exception();
      comparison.goal.reset();
      comparison.warnings.emplace_back(error.what());
    }
  }
  if (wrong && !fits) std::rethrow_exception(wrong);
}

}  // namespace

std::vector<Comparison> stored_comparisons(const std::string& store, std::string_view until) {
  std::optional<Goal> goal;
  if (!until.empty()) goal = parse_goal(until);
  const RunStore file(store, RunStore::Access::read);
  const RunStore::Contents contents = file.contents();
  std::vector<Comparison> comparisons = file.reading([&] {
    std::vector<Comparison> all;
    for (const StoredData& data : contents.data) {
      std::vector<StoredComparison> of_data;
      std::ranges::copy_if(contents.comparisons, std::back_inserter(of_data),
                           [&](const StoredComparison& comparison) {
                             return comparison.data == data.fingerprint && !comparison.variants.empty();
                           });
      if (!of_data.empty()) all.push_back(comparison_of(data, of_data, contents.runs));
    }
    return all;
  });
  if (goal) set_goal(comparisons, *goal);
  for (Comparison& comparison : comparisons) summarise(comparison);
  return comparisons;
}

}  // namespace halfwave
