#pragma once
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace halfwave::cli {

/// What a stream is connected to.
struct Terminal {
  bool present = false;     ///< it is a terminal at all
  bool live = false;        ///< a terminal that can move its cursor
  bool colour = false;      ///< live, and NO_COLOR (no-color.org) is not set
  std::size_t width = 100;  ///< columns to use; at most 100, for people read no longer lines

  static Terminal of(std::FILE* stream);
};

/// Where a command writes. Without JSON the result goes to standard output and the notes (progress, warnings)
/// to standard error; with JSON standard output has the one object and everything for people goes to standard
/// error. Quiet: no notes, and with JSON nothing for people at all.
class Console {
 public:
  explicit Console(bool json = false, bool quiet = false);
  ~Console() { clear_status(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool json() const { return json_; }
  bool notes_shown() const { return !quiet_; }
  const Terminal& notes_terminal() const { return notes_; }
  std::size_t result_width() const { return results_.width; }
  bool result_on_terminal() const { return results_.present; }

  /// Text of one or more lines; the last line's end is added where it is missing.
  void result(std::string_view text);
  void note(std::string_view text);
  void warning(std::string_view text);
  void error(std::string_view text);
  void object(const nlohmann::ordered_json& object);

  /// One line on standard error that replaces itself; shown on a live terminal only, and at most ten times a
  /// second. It stays below all other output until it is cleared.
  void status(std::string_view line);
  /// Whether a status line would be shown now, so that nobody has to make it in vain.
  bool status_due();
  void clear_status();

 private:
  void write(std::FILE* stream, std::string_view text);
  void draw_status(const std::string& line);
  std::string coloured(const char* code, std::string_view text) const;

  bool json_, quiet_;
  Terminal notes_, results_;
  std::string status_;  ///< "": none is shown
  std::chrono::steady_clock::time_point next_status_{};
};

}  // namespace halfwave::cli
