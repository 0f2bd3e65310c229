#include "table.h"

#include <algorithm>
#include <numeric>

#include "text.h"

namespace halfwave::cli {
namespace {

constexpr std::size_t kGap = 2;        // spaces between columns
constexpr std::size_t kNarrowest = 8;  // a wrapped column gets no narrower

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t used = display_width(text);
  const std::string spaces(width > used ? width - used : 0, ' ');
  return align == Align::left ? text + spaces : spaces + text;
}

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

}  // namespace

std::vector<std::size_t> TextTable::fitting_widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(display_width(columns_[c].header));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  const std::size_t fixed = indent_.size() + kGap * (columns_.size() - 1);
  while (std::accumulate(widths.begin(), widths.end(), fixed) > width) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

std::string TextTable::text(std::size_t width) const {
  const std::vector<std::size_t> widths = fitting_widths(width);
  std::string text;
  const auto write_row = [&](const std::vector<std::string>& cells) {
    std::vector<std::vector<std::string>> lines;
    std::size_t height = 1;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      lines.push_back(wrapped(cells[c], widths[c]));
      height = std::max(height, lines[c].size());
    }
    for (std::size_t l = 0; l < height; ++l) {
      text += indent_;
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        if (c > 0) text.append(kGap, ' ');
        text += padded(l < lines[c].size() ? lines[c][l] : "", widths[c], columns_[c].align);
      }
      end_line(text);
    }
  };
  std::vector<std::string> headers;
  for (const Column& column : columns_) headers.push_back(column.header);
  if (std::any_of(headers.begin(), headers.end(), [](const auto& h) { return !h.empty(); }))
    write_row(headers);
  for (const auto& row : rows_) write_row(row);
  return text;
}

std::string LiveTable::row(const std::vector<std::string>& cells) const {
  std::string line;
  for (std::size_t c = 0; c < headers_.size(); ++c) {
    if (c > 0) line.append(kGap, ' ');
    line += padded(cells[c], std::max(kNarrowest, display_width(headers_[c])), Align::right);
  }
  return line;
}

}  // namespace halfwave::cli
