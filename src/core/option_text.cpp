#include "core/option_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/suggest.h"

namespace halfwave {
namespace {

constexpr double kUnlimited = 1e15;  // declared bounds from here on are there for safety, not for people

Error wrong_value(const OptionInfo& info, const std::string& text, const std::string& expected) {
  return usage_error(fmt::format("--{} needs {}, not '{}'.", info.name, expected, text));
}

/// The whole text as a number in the option's range.
template <class Number>
Number number_from(const OptionInfo& info, const std::string& text, const char* kind) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const std::string range = range_text(info);
  const std::string expected = range.empty() ? kind : fmt::format("{} {}", kind, range);
  if (error != std::errc() || stop != end) throw wrong_value(info, text, expected);
  const auto real = static_cast<double>(value);
  if (!std::isfinite(real) || real < info.low) throw wrong_value(info, text, expected);
  if (real > info.high) throw wrong_value(info, text, fmt::format("{} of at most {}", kind, info.high));
  return value;
}

}  // namespace

std::string range_text(const OptionInfo& info) {
  const bool low = info.low > -kUnlimited, high = info.high < kUnlimited;
  if (low && high) return fmt::format("from {} to {}", info.low, info.high);
  if (low) return fmt::format("of at least {}", info.low);
  return high ? fmt::format("of at most {}", info.high) : "";
}

void set_from_text(const OptionInfo& info, const std::string& text, std::string& field) {
  const auto& choices = info.choices;
  const std::string name = text.substr(0, text.find(' '));  // numbers may follow: "constant 0.1"
  if (!choices.empty() && std::find(choices.begin(), choices.end(), name) == choices.end()) {
    throw usage_error(fmt::format("--{} cannot be '{}'.{} It is one of {}.", info.name, text,
                                  did_you_mean(name, choices), fmt::join(choices, ", ")));
  }
  field = text;
}

void set_from_text(const OptionInfo& info, const std::string& text, bool& field) {
  if (text != "on" && text != "off" && text != "true" && text != "false")
    throw wrong_value(info, text, "on or off");
  field = text == "on" || text == "true";
}

void set_from_text(const OptionInfo& info, const std::string& text, double& field) {
  field = number_from<double>(info, text, "a number");
}

void set_from_text(const OptionInfo& info, const std::string& text, std::int64_t& field) {
  field = number_from<std::int64_t>(info, text, "a whole number");
}

void set_from_text(const OptionInfo& info, const std::string& text, std::uint64_t& field) {
  OptionInfo positive = info;
  positive.low = std::max(positive.low, 0.0);
  field = number_from<std::uint64_t>(positive, text, "a whole number");
}

void set_from_text(const OptionInfo& info, const std::string& text, std::vector<std::int64_t>& field) {
  std::vector<std::int64_t> numbers;
  if (!text.empty() && text != "none") {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      numbers.push_back(number_from<std::int64_t>(info, text.substr(begin, end - begin), "whole numbers"));
      begin = end + 1;
    }
  }
  field = std::move(numbers);
}

void set_from_text(const OptionInfo& info, const std::string& text, std::vector<std::string>& field) {
  set_from_text(info, text, field.emplace_back());
}

std::string text_of(const std::string& field) { return field; }
std::string text_of(bool field) { return field ? "on" : "off"; }
std::string text_of(double field) { return fmt::format("{}", field); }
std::string text_of(std::int64_t field) { return fmt::format("{}", field); }
std::string text_of(std::uint64_t field) { return fmt::format("{}", field); }
std::string text_of(const std::vector<std::int64_t>& field) {
  return field.empty() ? "none" : fmt::format("{}", fmt::join(field, ","));
}
std::string text_of(const std::vector<std::string>& field) {
  return fmt::format("{}", fmt::join(field, " "));
}

}  // namespace halfwave
