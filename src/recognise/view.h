#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/shape.h"
#include "operators/tensor.h"

namespace halfwave {

/// The step that is the network's input.
inline constexpr std::size_t kInputStep = ~std::size_t{0};

/// A walk over `size` numbers of an example, `stride` apart. Numbers of an example are counted position by
/// position, channel by channel, as a layer's matrix holds them; those of the network's input as the file
/// does.
struct Factor {
  std::size_t size, stride;
  bool operator==(const Factor&) const = default;
};
/// An axis of a value: nested walks, the outermost first. Without walks of one step, and with none that could
/// be one with its neighbour: equal axes have equal factors.
using Axis = std::vector<Factor>;

/// A value of the graph as the output of a step (a layer to be) seen through its axes, so that operators that
/// only move numbers (Transpose, Reshape, Flatten, …) need no layer.
struct View {
  std::size_t step = kInputStep;
  std::vector<Axis> axes;  ///< behind the batch
  bool raw = false;        ///< of the input, whose numbers are still counted as the file does
  bool sole = false;       ///< nobody else takes the step's output, nor a value on the way from there
  std::string node;        ///< the last node on the way, for the name of a layer that moves numbers

  Dims dims() const;  ///< behind the batch
  /// All axes as one.
  Axis all() const;
};

Axis normal(Axis axis);
std::size_t size_of(const Axis& axis);

/// The axes of a row-major array: what an example of the network's input is, or a row.
std::vector<Axis> row_major(const Dims& dims);
/// The axes [C, H, W] or [C, L] of a grid; [C] of a row.
std::vector<Axis> channels_first(const Shape& shape);

/// The axes of a grid, all in one: channel by channel. And a row's one axis.
Axis by_channel(const Shape& shape);
Axis in_order(std::size_t numbers);

/// The same numbers in the same order along other axes, or nothing where those cut through a walk.
std::optional<std::vector<Axis>> reshaped(const std::vector<Axis>& axes, const Dims& dims);

/// The number that each element of the value is, the elements in row-major order.
std::vector<std::uint32_t> numbers_of(const std::vector<Axis>& axes);

}  // namespace halfwave
