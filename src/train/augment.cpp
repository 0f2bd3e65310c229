#include "train/augment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

#include "core/suggest.h"

namespace halfwave {
namespace {

/// Random crop of the example padded by `number` on each side (He et al., "Deep residual learning for image
/// recognition", 2016, section 4.2): a shift by up to `number` positions each way.
void crop(const Shape& grid, std::size_t number, Random& random, PositionMap map, PositionMap scratch) {
  const auto n = static_cast<std::int64_t>(number);
  const auto shift = [&] { return static_cast<std::int64_t>(random.below(2 * number + 1)) - n; };
  const std::int64_t down = grid.rank == 2 ? shift() : 0, right = shift();
  const auto height = static_cast<std::int64_t>(grid.height), width = static_cast<std::int64_t>(grid.width);
  std::ranges::copy(map, scratch.begin());
  std::ranges::fill(map, kMean);
  const std::int64_t first = std::max<std::int64_t>(0, right), last = std::min(width, width + right);
  for (std::int64_t y = std::max<std::int64_t>(0, down); y < std::min(height, height + down); ++y)
    std::copy_n(scratch.begin() + (y - down) * width + (first - right), last - first,
                map.begin() + y * width + first);
}

/// Left becomes right, with probability 1/2.
void flip(const Shape& grid, std::size_t, Random& random, PositionMap map, PositionMap) {
  if (random.below(2) == 0) return;
  for (std::size_t y = 0; y < grid.height; ++y) std::ranges::reverse(map.subspan(y * grid.width, grid.width));
}

/// DeVries & Taylor, "Improved regularization of convolutional neural networks with cutout", 2017: a square
/// of side `number` around a random position, as far as it is inside.
void cutout(const Shape& grid, std::size_t number, Random& random, PositionMap map, PositionMap) {
  struct Interval {
    std::size_t begin, end;
  };
  const auto interval = [&](std::size_t length) {
    const std::size_t end = random.below(length) + number - number / 2;
    return Interval{end - std::min(end, number), std::min(end, length)};
  };
  const Interval rows = grid.rank == 2 ? interval(grid.height) : Interval{0, 1};
  const Interval columns = interval(grid.width);
  for (std::size_t y = rows.begin; y < rows.end; ++y)
    std::ranges::fill(map.subspan(y * grid.width + columns.begin, columns.end - columns.begin), kMean);
}

constexpr std::size_t kMost = 1024;
constexpr std::array kAugmentations{
    Augmentation{"crop", "a random cut-out of its size after padding: a shift",
                 "positions of padding on each side", 1, kMost, crop},
    Augmentation{"flip", "left and right exchanged, for half of the examples", "", 0, 0, flip},
    Augmentation{"cutout", "a square (of a signal: an interval) at a random place is set to the mean",
                 "side of the square", 1, kMost, cutout},
};

/// Positions of the data's examples, or nothing where they have no grid.
std::optional<Shape> grid_of(const Schema& schema) {
  const auto side = [&](std::size_t axis) { return static_cast<std::size_t>(schema.shape[axis]); };
  if (!schema.columns.empty()) return std::nullopt;
  switch (schema.shape.size()) {
    case 1:
      return Shape{1, 1, side(0), 1};
    case 2:
      return Shape{2, side(0), side(1), 1};
    case 3:
      return Shape{2, side(1), side(2), side(0)};
    default:
      return std::nullopt;
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

const Augmentation& find_augmentation(std::string_view name) {
  std::vector<std::string> names, forms;
  for (const Augmentation& kind : kAugmentations) {
    if (kind.name == name) return kind;
    names.emplace_back(kind.name);
    forms.push_back(names.back() + (kind.number.empty() ? "" : " N"));
  }
  throw usage_error(fmt::format("--augment: there is no augmentation '{}'.{} There are {}.", name,
                                did_you_mean(name, names), fmt::join(forms, ", ")));
}

/// The number of an augmentation, from the text behind its name.
std::size_t read_number(const Augmentation& kind, std::string_view text, const Shape& grid) {
  if (kind.number.empty()) {
    if (!text.empty())
      throw usage_error(fmt::format("--augment: {} takes no number ('{}').", kind.name, text));
    return 0;
  }
  const std::size_t side = grid.rank == 2 ? std::min(grid.height, grid.width) : grid.width;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < kind.low || number > kind.high)
    throw usage_error(fmt::format("--augment: {} needs a number from {} to {} ({}), not '{}'.", kind.name,
                                  kind.low, kind.high, kind.number, text));
  if (number >= side)
    throw usage_error(fmt::format("--augment: {} {} is too much for {}.", kind.name, number, describe(grid)));
  return number;
}

}  // namespace

std::span<const Augmentation> augmentations() { return kAugmentations; }

Augment::Augment(std::string_view text, const Schema& schema, std::string_view data) {
  if (trimmed(text).empty()) return;
  const std::optional<Shape> grid = grid_of(schema);
  if (!grid)
    throw usage_error(fmt::format("--augment is for images and signals; the examples of '{}' are {}.", data,
                                  schema.columns.empty() ? "neither" : "rows of a table"));
  grid_ = *grid;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const std::string_view item = trimmed(text.substr(0, comma));
    if (item.empty()) throw usage_error("--augment: an empty place between its commas.");
    const std::size_t space = std::min(item.find_first_of(" \t"), item.size());
    const Augmentation& kind = find_augmentation(item.substr(0, space));
    steps_.push_back({&kind, read_number(kind, trimmed(item.substr(space)), grid_)});
    text.remove_prefix(more ? comma + 1 : text.size());
  }
}

void Augment::draw(std::uint64_t seed, std::uint64_t example, PositionMap map, PositionMap scratch) const {
  Random random(seed, stream_id(Stream::augment, example));
  std::iota(map.begin(), map.end(), 0);
  for (const Step& step : steps_) step.kind->apply(grid_, step.number, random, map, scratch);
}

}  // namespace halfwave
