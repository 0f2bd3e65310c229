#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/activation.h>
#include <halfwave/compare.h>
#include <halfwave/error.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/option_text.h"
#include "core/suggest.h"

namespace halfwave {
namespace {

/// What shapes how a run is done or kept, not what comes of it; the seed has its runs for itself.
constexpr std::array<std::string_view, 6> kNotCompared{"seed",  "threads", "checkpoint",
                                                       "every", "resume",  "log-dir"};

std::vector<std::string> comparable_options() {
  std::vector<std::string> names;
  const TrainOptions defaults;
  TrainOptions::visit(defaults, [&](const OptionInfo& info, const auto&) {
    if (std::ranges::find(kNotCompared, info.name) == kNotCompared.end()) names.push_back(info.name);
  });
  return names;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

/// The parts of a text between the separators that stand in no brackets.
std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) {
      depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
      if (text[i] != separator || depth > 0) continue;
    }
    parts.emplace_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

/// Sets the option; its value as it is written best. A name that is always wrong is refused here.
std::string set_option(TrainOptions& options, const std::string& option, const std::string& value) {
  std::string written;
  TrainOptions::visit(options, [&]<class T>(const OptionInfo& info, T& field) {
    if (info.name != option) return;
    if constexpr (std::is_same_v<T, std::vector<std::string>>) field.clear();
    set_from_text(info, value, field);
    written = text_of(field);
  });
  if (option == "activation") find_activation(std::string_view(value).substr(0, value.find(' ')));
  return written;
}

/// Whether values say what they are of: "relu" does, "0.1" and "on" do not.
bool speaks_for_itself(const std::string& option) {
  bool text = false;
  const TrainOptions defaults;
  TrainOptions::visit(defaults, [&]<class T>(const OptionInfo& info, const T&) {
    if (info.name == option) text = std::is_same_v<T, std::string>;
  });
  return text;
}

/// Whether a value of the option may have commas in it.
bool may_have_commas(const std::string& option) {
  bool may = false;
  const TrainOptions defaults;
  TrainOptions::visit(defaults, [&]<class T>(const OptionInfo& info, const T&) {
    if (info.name == option)
      may = std::is_same_v<T, std::vector<std::int64_t>> ||
            (std::is_same_v<T, std::string> && info.choices.empty());
  });
  return may;
}

void check_variation(const Variation& variation) {
  const std::vector<std::string> names = comparable_options();
  if (std::ranges::find(names, variation.option) == names.end()) {
    const bool known = std::ranges::find(kNotCompared, variation.option) != kNotCompared.end();
    throw usage_error(known ? fmt::format("--over: {} cannot be compared; what is compared is one of {}.",
                                          variation.option, fmt::join(names, ", "))
                            : fmt::format("--over: there is no option '{}'.{} What is compared is one of {}.",
                                          variation.option, did_you_mean(variation.option, names),
                                          fmt::join(names, ", ")));
  }
  if (variation.values.empty()) throw usage_error(fmt::format("--over {}: no values.", variation.option));
  std::vector<std::string> written;
  for (const std::string& value : variation.values) {
    TrainOptions scratch;
    std::string text = set_option(scratch, variation.option, value);
    if (std::ranges::find(written, text) != written.end())
      throw usage_error(fmt::format("--over {}: '{}' is there twice.", variation.option, value));
    written.push_back(std::move(text));
  }
}

}  // namespace

Variation parse_variation(std::string_view text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos)
    throw usage_error(
        fmt::format("--over needs an option and its values, e.g. activation=relu,tanh, not '{}'.", text));
  Variation variation{std::string(trimmed(text.substr(0, sign))), {}};
  std::ranges::replace(variation.option, '_', '-');
  const std::string_view values = text.substr(sign + 1);
  variation.values = split(values, '|');
  const bool bars = variation.values.size() > 1;
  if (!bars) variation.values = split(values, ',');
  if (bars && variation.values.back().empty()) variation.values.pop_back();  // "64,64|" is one value
  if (std::ranges::find(variation.values, "") != variation.values.end())
    throw usage_error(fmt::format("--over {}: a value is empty in '{}'.", variation.option, trimmed(values)));
  try {
    check_variation(variation);
  } catch (const Error& error) {
    if (bars || variation.values.size() == 1 || !may_have_commas(variation.option)) throw;
    throw Error(error.kind(), fmt::format("{} Values that have commas in them need bars between them: "
                                          "hidden=64,64|256,256",
                                          error.what()));
  }
  return variation;
}

std::vector<Variant> variants_over(const TrainOptions& base, std::span<const Variation> variations) {
  if (variations.empty()) return {{"all", base}};
  for (std::size_t i = 0; i < variations.size(); ++i) {
    check_variation(variations[i]);
    for (std::size_t j = 0; j < i; ++j)
      if (variations[j].option == variations[i].option)
        throw usage_error(
            fmt::format("--over {0} is there twice; give all values of {0} at once.", variations[i].option));
  }
  constexpr std::size_t kMost = 1000;
  std::vector<Variant> variants{{"", base}};
  for (const Variation& variation : variations) {
    if (variants.size() * variation.values.size() > kMost)
      throw usage_error(fmt::format("--over: these are more than {} combinations.", kMost));
    std::vector<Variant> more;
    for (const Variant& before : variants)
      for (const std::string& value : variation.values) {
        Variant variant = before;
        set_option(variant.options, variation.option, value);
        if (!variant.name.empty()) variant.name += ", ";
        if (variations.size() > 1 && !speaks_for_itself(variation.option))
          variant.name += variation.option + " ";
        variant.name += value;
        more.push_back(std::move(variant));
      }
    variants = std::move(more);
  }
  return variants;
}

}  // namespace halfwave
