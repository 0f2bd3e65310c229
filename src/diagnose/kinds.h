#pragma once
#include <halfwave/inspect.h>

#include <string>
#include <string_view>

namespace halfwave {

/// What a rule has found: its place and its number. Why and what to do follow from the kind.
struct Found {
  std::string_view kind;
  std::string where = {};
  std::string what = {};
  double number = 0;
  std::string unit = {};
  double weight = 0;
  std::vector<std::size_t> units = {};
};

/// The finding, with the words of its kind; there must be such a kind.
Finding make_finding(Found found);

/// "3 units", "1 unit".
std::string counted(std::size_t count, std::string_view singular);

}  // namespace halfwave
