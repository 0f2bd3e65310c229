#include "compare/stored_group.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <type_traits>

#include "compare/run_json.h"
#include "core/option_text.h"
#include "train/options_json.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

bool searched(const StoredVariant& variant) { return variant.search != "[]"; }

/// Its options but the learning rate, which is not known before it is searched for.
Json without_rate(const StoredVariant& variant) {
  Json options = Json::parse(variant.options);
  options.erase("learning_rate");
  return options;
}

bool same_but_rate(const StoredVariant& a, const StoredVariant& b) {
  return a.name == b.name && without_rate(a) == without_rate(b);
}

bool knows_rate(const StoredVariant& variant) {
  return Json::parse(variant.options).value("learning_rate", 0.0) > 0.0;
}

/// Whether one is the other, begun once more.
bool same_comparison(const StoredComparison& a, const StoredComparison& b) {
  return a.version == b.version && a.compared == b.compared &&
         std::ranges::equal(a.variants, b.variants, same_but_rate);
}

/// The variant itself or, where its rate is not known, that of a comparison that knows it.
const StoredVariant& with_rate(const StoredVariant& variant, const std::string& version,
                               const std::vector<StoredComparison>& comparisons) {
  if (knows_rate(variant)) return variant;
  for (const StoredComparison& comparison : comparisons)
    for (const StoredVariant& other : comparison.variants)
      if (comparison.version == version && knows_rate(other) && same_but_rate(variant, other)) return other;
  return variant;
}

/// An option with its value, as a name has it: "relu", but "bias-init 0.1".
struct Trait {
  std::string option, text;
};

std::vector<Trait> traits_of(const StoredMember& member) {
  std::vector<Trait> traits;
  const Json own = Json::parse(member.row.options);
  const TrainOptions options = options_from(member.row.options, member.row.other_options);
  TrainOptions::visit(options, [&]<class T>(const OptionInfo& info, const T& value) {
    if (!own.contains(json_key(info.name))) return;
    const std::string text = text_of(value);
    const bool speaks = std::is_same_v<T, std::string> && !text.empty();
    traits.push_back({info.name, speaks ? text : text.empty() ? "no " + info.name : info.name + " " + text});
  });
  traits.push_back({"", "halfwave " + member.version});
  return traits;
}

bool all_differ(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

/// Names from the traits that differ; learning rates that were searched for count only where nothing else
/// does.
void set_names(StoredGroup& group) {
  std::vector<std::vector<Trait>> traits;
  for (const StoredMember& member : group.members) traits.push_back(traits_of(member));
  const bool rates_searched =
      std::ranges::any_of(group.members, [](const StoredMember& member) { return searched(member.row); });
  const auto take = [&](bool with_rates) {
    std::vector<std::vector<std::string>> parts(traits.size());
    group.compared.clear();
    for (std::size_t i = 0; i < traits.front().size(); ++i) {
      const Trait& first = traits.front()[i];
      if ((first.option == "learning-rate" && !with_rates) ||
          std::ranges::all_of(traits, [&](const auto& of) { return of[i].text == first.text; }))
        continue;
      if (!first.option.empty()) group.compared.push_back(first.option);
      for (std::size_t m = 0; m < traits.size(); ++m) parts[m].push_back(traits[m][i].text);
    }
    group.names.clear();
    for (const auto& part : parts) group.names.push_back(fmt::format("{}", fmt::join(part, ", ")));
  };
  take(!rates_searched);
  if (!all_differ(group.names)) take(true);
}

}  // namespace

StoredGroup put_together(const std::vector<StoredComparison>& comparisons) {
  StoredGroup group;
  for (const StoredComparison& comparison : comparisons)
    for (const StoredVariant& variant : comparison.variants) {
      StoredMember member{comparison.version, with_rate(variant, comparison.version, comparisons)};
      if (std::ranges::find(group.members, member) != group.members.end()) continue;
      group.names.push_back(member.row.name);
      group.members.push_back(std::move(member));
    }
  const bool one = std::ranges::all_of(comparisons, [&](const StoredComparison& comparison) {
    return same_comparison(comparison, comparisons.front());
  });
  if (one && all_differ(group.names))
    group.compared = texts_from(comparisons.front().compared);
  else
    set_names(group);
  return group;
}

}  // namespace halfwave
