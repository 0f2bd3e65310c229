#include "svg.h"

#include <fmt/format.h>

namespace halfwave::cli {
namespace {

constexpr std::string_view kStyle =
    "text{font:13px system-ui,sans-serif;fill:var(--ink)}"
    ".title{font-size:18px;font-weight:600}.heading{font-weight:600}.small{font-size:12px;fill:var(--soft)}"
    ".background{fill:var(--paper)}.grid{stroke:var(--grid);stroke-width:1}"
    ".axis{stroke:var(--soft);stroke-width:1}.reference{stroke:var(--ink);stroke-width:2;stroke-dasharray:6 "
    "4}"
    ".limit{stroke:var(--ink);stroke-width:3}.curve{fill:none;stroke-width:2}";

/// Each colour has a contrast of at least 3 : 1 with its paper.
constexpr std::string_view kLight =
    "svg{--paper:#ffffff;--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;--s0:#0969da;--s1:#bc4c00;--s2:#1a7f37;"
    "--s3:#8250df;--s4:#9a6700;--s5:#6e7781}";
constexpr std::string_view kDark =
    "@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--grid:#30363d;"
    "--s0:#58a6ff;--s1:#f0883e;--s2:#3fb950;--s3:#bc8cff;--s4:#d29922;--s5:#8b949e}}";

/// Text as XML has it; control codes, which XML does not allow, are left out.
std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ') safe += c;
    }
  }
  return safe;
}

const char* anchor_name(Svg::Anchor anchor) {
  switch (anchor) {
    case Svg::Anchor::start:
      return "start";
    case Svg::Anchor::middle:
      return "middle";
    case Svg::Anchor::end:
      return "end";
  }
  return "start";
}

std::string colour(int series) { return fmt::format("var(--s{})", series % Svg::kSeries); }

}  // namespace

Svg::Svg(double width, double height, std::string_view title, std::string_view description) {
  std::string rules;
  for (int i = 0; i < kSeries; ++i)
    rules += fmt::format(".stroke{0}{{stroke:{1}}}.fill{0}{{fill:{1}}}", i, colour(i));
  body_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
      "height=\"{1:g}\" "
      "role=\"img\" aria-labelledby=\"title description\">\n"
      "<title id=\"title\">{2}</title>\n<desc id=\"description\">{3}</desc>\n<style>{4}{5}{6}{7}</style>\n"
      "<rect class=\"background\" width=\"{0:g}\" height=\"{1:g}\"/>\n",
      width, height, escaped(title), escaped(description), kLight, kDark, kStyle, rules);
}

void Svg::text(Point at, std::string_view text, Anchor anchor, std::string_view style) {
  body_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", style,
                       at.x, at.y, anchor_name(anchor), escaped(text));
}

void Svg::upward_text(Point at, std::string_view text) {
  body_ += fmt::format(
      "<text class=\"label\" transform=\"translate({:.1f} {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}"
      "</text>\n",
      at.x, at.y, escaped(text));
}

void Svg::line(Point from, Point to, std::string_view style) {
  body_ += fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                       style, from.x, from.y, to.x, to.y);
}

void Svg::bar(Point corner, double width, double height, int series) {
  body_ +=
      fmt::format("<rect class=\"fill{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                  series % kSeries, corner.x, corner.y, width, height);
}

void Svg::series(std::span<const Point> points, int series) {
  body_ += fmt::format("<polyline class=\"curve stroke{}\" points=\"", series % kSeries);
  for (const Point& point : points) body_ += fmt::format("{:.1f},{:.1f} ", point.x, point.y);
  body_ += "\"/>\n";
  for (const Point& point : points) mark(point, series);
}

void Svg::mark(Point at, int series) {
  constexpr std::string_view kShapes[] = {
      "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z",  // circle
      "M-4-4H4V4H-4Z",                       // square
      "M0-5L5 4H-5Z",                        // triangle
      "M0-5L5 0L0 5L-5 0Z",                  // diamond
      "M0 5L5-4H-5Z",                        // triangle upside down
      "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",   // cross
  };
  const int look = series % kSeries;
  body_ += fmt::format("<path class=\"fill{}\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\"/>\n", look,
                       at.x, at.y, kShapes[look]);
}

}  // namespace halfwave::cli
