#pragma once
#include <fmt/format.h>
#include <halfwave/error.h>
#include <halfwave/options.h>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace halfwave {

/// Throws Error (usage) where a number of the options, or of a list of them, is out of its declared range.
template <class Options>
void check_ranges(const Options& options) {
  Options::visit(options, []<class T>(const OptionInfo& info, const T& value) {
    const auto check = [&](double number) {
      if (!(number >= info.low && number <= info.high))
        throw usage_error(
            fmt::format("--{} must be from {} to {}, not {}.", info.name, info.low, info.high, number));
    };
    if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
      for (const std::int64_t item : value) check(static_cast<double>(item));
    } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      check(static_cast<double>(value));
    }
  });
}

}  // namespace halfwave
