#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// The candidates nearest to a mistyped name (at most three, by edit distance), nearest first.
std::vector<std::string> near_names(std::string_view name, std::span<const std::string> candidates);

/// " Did you mean 'a' or 'b'?", or "" where nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace halfwave
