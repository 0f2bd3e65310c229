#include "io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "halfwave/error.h"
#include "io/byte_source.h"

namespace halfwave {
namespace {

bool equal_folded(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

bool is_missing(std::string_view field) {
  if (field.empty() || field == "?") return true;
  if (field.size() > 4 || (field[0] != 'n' && field[0] != 'N')) return false;
  return equal_folded(field, "na") || equal_folded(field, "n/a") || equal_folded(field, "nan") ||
         equal_folded(field, "null");
}

/// The candidate that occurs in the first lines most often outside of quotes, preferably equally often in
/// each.
char find_separator(std::string_view text) {
  constexpr std::size_t kLines = 20;
  constexpr std::array<char, 3> kCandidates{',', ';', '\t'};
  std::vector<std::array<std::size_t, kCandidates.size()>> lines(1);
  bool quoted = false, blank = true;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    const auto found = std::find(kCandidates.begin(), kCandidates.end(), c);
    if (found != kCandidates.end()) ++lines.back()[static_cast<std::size_t>(found - kCandidates.begin())];
    const bool line_end = c == '\n' || c == '\r';
    blank = blank && (line_end || c == ' ');
    if (!line_end || blank) continue;
    if (lines.size() == kLines) break;
    lines.emplace_back();
    blank = true;
  }
  if (blank && lines.size() > 1) lines.pop_back();
  std::size_t best = 0;
  const auto rank = [&](std::size_t candidate) {
    const std::size_t n = lines[0][candidate];
    const bool even =
        std::all_of(lines.begin(), lines.end(), [&](const auto& line) { return line[candidate] == n; });
    return std::pair(n > 0 && even, n);
  };
  for (std::size_t candidate = 1; candidate < kCandidates.size(); ++candidate) {
    if (rank(candidate) > rank(best)) best = candidate;
  }
  return kCandidates[best];
}

void name_by_position(Table& table, std::size_t columns) {
  table.names.resize(columns);
  for (std::size_t i = 0; i < columns; ++i) table.names[i] = fmt::format("column_{}", i);
}

void read_header(Table& table) {
  RowReader reader(table);
  if (!reader.next()) throw input_error(fmt::format("{}: holds no rows", table.path));
  name_by_position(table, reader.fields().size());
  if (!table.header) return;
  for (std::size_t i = 0; i < table.names.size(); ++i) {
    if (!reader.fields()[i].empty()) table.names[i] = reader.fields()[i];
  }
  table.begin = reader.position();
  table.line = reader.next_line();
}

}  // namespace

RowReader::RowReader(const std::string& path, std::string_view text, char separator, std::size_t begin,
                     std::size_t line)
    : path_(path), text_(text), separator_(separator), position_(begin), next_line_(line) {
  for (const char c : {separator, '\n', '\r'}) stops_[static_cast<unsigned char>(c)] = true;
}

bool RowReader::next() {
  while (position_ < text_.size()) {
    fields_.clear();
    unescaped_.clear();
    line_ = next_line_;
    bool more = true, quoted = false;
    while (more) {
      while (position_ < text_.size() &&
             (text_[position_] == ' ' || (text_[position_] == '\t' && separator_ != '\t'))) {
        ++position_;
      }
      quoted = position_ < text_.size() && text_[position_] == '"';
      fields_.push_back(quoted ? quoted_field() : plain_field());
      more = end_of_field();
    }
    if (fields_.size() > 1 || !fields_[0].empty() || quoted) return true;
  }
  fields_.clear();
  return false;
}

std::string_view RowReader::plain_field() {
  // Local copies: through members, every step would store the position.
  const char *const begin = text_.data() + position_, *const stop = text_.data() + text_.size(), *end = begin;
  const bool* const stops = stops_;
  while (end != stop && !stops[static_cast<unsigned char>(*end)]) ++end;
  position_ += static_cast<std::size_t>(end - begin);
  while (end != begin && (end[-1] == ' ' || end[-1] == '\t')) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::string_view RowReader::quoted_field() {
  std::size_t begin = ++position_;
  std::string* joined = nullptr;
  for (;; ++position_) {
    if (position_ >= text_.size())
      throw input_error(fmt::format("{}, line {}: a quote (\") is never closed", path_, line_));
    if (text_[position_] == '\n') ++next_line_;
    if (text_[position_] != '"') continue;
    const std::string_view piece = text_.substr(begin, position_ - begin);
    const bool doubled = position_ + 1 < text_.size() && text_[position_ + 1] == '"';
    if (!doubled && joined == nullptr) {
      ++position_;
      return piece;
    }
    if (joined == nullptr) joined = &unescaped_.emplace_back();
    *joined += piece;
    ++position_;
    if (!doubled) return *joined;
    *joined += '"';
    begin = position_ + 1;
  }
}

/// Passes the separator or the line's end; true where another field follows in the row.
bool RowReader::end_of_field() {
  while (position_ < text_.size() && !stops_[static_cast<unsigned char>(text_[position_])]) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t') {
      throw input_error(
          fmt::format("{}, line {}: text follows a closing quote (write a quote inside a field twice)", path_,
                      next_line_));
    }
    ++position_;
  }
  if (position_ >= text_.size()) return false;
  const char stop = text_[position_++];
  if (stop == separator_) return true;
  if (stop == '\r' && position_ < text_.size() && text_[position_] == '\n') ++position_;
  ++next_line_;
  return false;
}

bool TableReader::next() {
  if (!RowReader::next()) return false;
  if (fields().size() != table_.names.size()) {
    throw input_error(fmt::format("{}, line {}: {} field{} where the table has {} columns", table_.path,
                                  line(), fields().size(), fields().size() == 1 ? "" : "s",
                                  table_.names.size()));
  }
  return true;
}

Table open_table(const std::filesystem::path& path, bool header) {
  Table table;
  table.path = path.string();
  table.bytes = read_contents(path);
  table.header = header;
  if (std::find(table.bytes.begin(), table.bytes.end(), std::uint8_t{0}) != table.bytes.end()) {
    throw input_error(
        fmt::format("{}: is not a text table: it holds zero bytes (save it as UTF-8 text)", table.path));
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (table.text().substr(0, 3) == kByteOrderMark) table.begin = kByteOrderMark.size();
  table.separator = find_separator(table.text().substr(table.begin));
  read_header(table);
  return table;
}

void forget_header(Table& table) {
  table.header = false;
  table.begin = table.text().substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;
  table.line = 1;
  name_by_position(table, table.names.size());
}

Field classify(std::string_view field, double& value) {
  if (is_missing(field)) return Field::missing;
  if (field[0] == '+') field.remove_prefix(1);
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return Field::text;
  if (error == std::errc::result_out_of_range) {
    // Too small becomes zero; from_chars does not say which of the two it was.
    const std::size_t exponent = field.find_first_of("eE");
    value = exponent != std::string_view::npos && field.substr(exponent + 1, 1) == "-" ? 0.0 : HUGE_VAL;
  }
  return std::abs(value) <= std::numeric_limits<float>::max() ? Field::number : Field::infinite;
}

}  // namespace halfwave
