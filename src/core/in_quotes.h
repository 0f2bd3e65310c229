#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace halfwave {

/// A text from a file as messages show it: on one line, no longer than people read.
inline std::string readable(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  std::string shown(text.substr(0, kLongest));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return text.size() > kLongest ? shown + "…" : shown;
}

/// The same in quotation marks: a name.
inline std::string in_quotes(std::string_view name) { return fmt::format("'{}'", readable(name)); }

}  // namespace halfwave
