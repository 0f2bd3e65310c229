#include "io/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/suggest.h"
#include "halfwave/error.h"

namespace halfwave {
namespace {

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string number_text(double value) {
  constexpr double kExact = 1e15;
  if (value == std::floor(value) && std::abs(value) < kExact)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

bool look_like_classes(const std::set<double>& distinct) {
  constexpr std::size_t kMostClasses = 20;
  return distinct.size() <= kMostClasses &&
         std::all_of(distinct.begin(), distinct.end(), [](double v) { return v == std::floor(v); });
}

void check_classes(const std::string& name, std::size_t classes) {
  constexpr std::size_t kMostClasses = 10000;
  if (classes < 2) {
    throw input_error(
        fmt::format("{}: all examples are of one class: a classification needs two or more", name));
  }
  if (classes > kMostClasses) {
    throw input_error(fmt::format("{}: {} classes: is the target an identifier, or a number for regression?",
                                  name, classes));
  }
}

ClassMap::ClassMap(const std::vector<std::string>& classes) : classes_(classes) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    index_.emplace(classes[i], static_cast<std::int32_t>(i));
    words_ = words_ && !is_number(classes[i]);
  }
}

std::int32_t ClassMap::find(std::string_view text) const {
  if (const auto found = index_.find(text); found != index_.end()) return found->second;
  std::int32_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return words_ && whole && number >= 0 && static_cast<std::size_t>(number) < classes_.size() ? number : -1;
}

std::string ClassMap::why_unknown(std::string_view text) const {
  if (words_ && is_number(text)) return fmt::format("is out of range 0 … {}", classes_.size() - 1);
  std::string list;
  for (std::size_t i = 0; i < classes_.size() && i < 10; ++i) list += (i == 0 ? "" : ", ") + classes_[i];
  if (classes_.size() > 10) list += ", …";
  return fmt::format("is none of the {} classes ({}).{}", classes_.size(), list,
                     did_you_mean(text, classes_));
}

}  // namespace halfwave
