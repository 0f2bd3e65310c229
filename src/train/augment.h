#pragma once
#include <halfwave/dataset.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "layers/shape.h"

namespace halfwave {

/// Where each position of an augmented example comes from: a position of the example as it is stored, or
/// kMean, which stands for the training part's mean.
using PositionMap = std::span<std::int32_t>;
inline constexpr std::int32_t kMean = -1;

/// One way to change training examples at random; made from its one declaration.
struct Augmentation {
  std::string_view name, help;
  std::string_view number;  ///< what its number is; "": it takes none
  std::size_t low, high;    ///< range of the number; it must also be less than the grid's smallest side
  /// Changes a map of the grid; `scratch` is as large.
  void (*apply)(const Shape& grid, std::size_t number, Random& random, PositionMap map, PositionMap scratch);
};
std::span<const Augmentation> augmentations();

/// A list of augmentations, e.g. "crop 4, flip, cutout 8": each is applied to the result of those before it.
class Augment {
 public:
  Augment() = default;
  /// text: the option; "": none. Throws Error (usage) with near names, and where the data have no grid.
  Augment(std::string_view text, const Schema& schema, std::string_view data);

  bool empty() const { return steps_.empty(); }
  std::size_t positions() const { return grid_.positions(); }
  /// The map of one example; `example` counts all those that a run has seen. The same numbers give the same
  /// map. map, scratch: [positions()].
  void draw(std::uint64_t seed, std::uint64_t example, PositionMap map, PositionMap scratch) const;

 private:
  struct Step {
    const Augmentation* kind;
    std::size_t number;
  };
  Shape grid_;
  std::vector<Step> steps_;
};

}  // namespace halfwave
