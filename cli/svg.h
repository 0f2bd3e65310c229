#pragma once
#include <span>
#include <string>
#include <string_view>

namespace halfwave::cli {

/// A picture in SVG 1.1, readable on light and on dark screens (it follows prefers-color-scheme) and by
/// screen readers. Lengths are in pixels, from the upper left corner.
class Svg {
 public:
  struct Point {
    double x, y;
  };
  enum class Anchor { start, middle, end };
  /// Series that can be told apart, by their colour and by the shape of their marks.
  static constexpr int kSeries = 6;

  /// title: what is shown, in a few words; description: what it says, for who cannot see it.
  Svg(double width, double height, std::string_view title, std::string_view description);

  void text(Point at, std::string_view text, Anchor anchor = Anchor::start, std::string_view style = "label");
  /// The same, read upwards.
  void upward_text(Point at, std::string_view text);
  void line(Point from, Point to, std::string_view style);
  void bar(Point corner, double width, double height, int series);
  /// A line through the points with a mark on each.
  void series(std::span<const Point> points, int series);
  void mark(Point at, int series);

  /// The whole file.
  std::string file() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

}  // namespace halfwave::cli
