#include "console.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "text.h"

namespace halfwave::cli {
namespace {

constexpr std::size_t kWidest = 100, kNarrowest = 40;
constexpr auto kStatusInterval = std::chrono::milliseconds(100);
constexpr std::string_view kClearLine = "\r\x1b[K";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Terminal Terminal::of(std::FILE* stream) {
  Terminal terminal;
  const int file = ::fileno(stream);
  terminal.present = ::isatty(file) != 0;
  if (!terminal.present) return terminal;
  winsize size{};
  if (::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.width = std::clamp<std::size_t>(size.ws_col, kNarrowest, kWidest);
  terminal.live = !environment("TERM").empty() && environment("TERM") != "dumb";
  terminal.colour = terminal.live && environment("NO_COLOR").empty();
  return terminal;
}

Console::Console(bool json, bool quiet)
    : json_(json),
      quiet_(quiet),
      notes_(Terminal::of(stderr)),
      results_(json ? notes_ : Terminal::of(stdout)) {}

void Console::write(std::FILE* stream, std::string_view text) {
  const std::string status = status_;
  clear_status();
  std::fwrite(text.data(), 1, text.size(), stream);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stream);
  const bool failed = std::fflush(stream) != 0 || std::ferror(stream) != 0;
  if (!status.empty()) draw_status(status);
  if (failed && stream == stdout)
    throw input_error("standard output cannot be written: " + std::generic_category().message(errno));
}

std::string Console::coloured(const char* code, std::string_view text) const {
  return notes_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void Console::result(std::string_view text) {
  if (!json_) return write(stdout, text);
  note(text);
}

void Console::note(std::string_view text) {
  if (!quiet_) write(stderr, text);
}

void Console::warning(std::string_view text) { note(fmt::format("{} {}", coloured("33", "warning:"), text)); }

void Console::error(std::string_view text) {
  write(stderr, fmt::format("{} {}", coloured("31", "halfwave:"), text));
}

void Console::object(const nlohmann::ordered_json& object) {
  // Names from files may be no UTF-8; JSON must be.
  write(stdout, object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

bool Console::status_due() {
  return notes_.live && !quiet_ && std::chrono::steady_clock::now() >= next_status_;
}

void Console::status(std::string_view line) {
  if (!status_due()) return;
  next_status_ = std::chrono::steady_clock::now() + kStatusInterval;
  draw_status(truncated(line, notes_.width - 1));
}

void Console::draw_status(const std::string& line) {
  status_ = line;
  const std::string text = std::string(kClearLine) + line;
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void Console::clear_status() {
  if (status_.empty()) return;
  draw_status("");
}

}  // namespace halfwave::cli
