#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/grouped.h"

namespace halfwave::cli {

/// A share as "93.4 %".
std::string percent(double share);

/// A length of time as "0:07", "12:34" or "1:02:03"; "?" where it is not known (negative or not finite).
std::string clock_time(double seconds);

/// A length of time as "0.42 s", "12.3 s" or "12:34".
std::string duration(double seconds);

/// Columns that a text takes on a terminal: its UTF-8 characters.
std::size_t display_width(std::string_view text);

/// The first `width` columns of a text.
std::string truncated(std::string_view text, std::size_t width);

/// The text in lines of at most `width` columns, broken at spaces; a longer word is broken where it must be.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// A word of a command line so that a POSIX shell reads it as it is.
std::string shell_quoted(std::string_view word);

/// The words as one command line.
std::string shell_line(std::span<const std::string> words);

}  // namespace halfwave::cli
