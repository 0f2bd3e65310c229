#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/taps.h"

namespace halfwave {

/// One direction of a convolution: output position o takes input positions o · stride + tap · dilation -
/// before, tap < kernel, as far as they exist.
struct ConvDirection {
  std::size_t in = 1, kernel = 1, stride = 1, dilation = 1;
  std::size_t before = 0, after = 0;  ///< padding
  std::size_t out = 1;

  std::size_t reach() const { return (kernel - 1) * dilation; }  ///< from the first tap to the last
};

/// One of a convolution's operands, surrounded by zeros, so that a tap is a fixed distance: what the products
/// that go over positions of the other operand read. The zeros behind a row are also those before the next
/// one.
struct PaddedGrid {
  std::size_t height = 1, width = 1;     ///< of the operand
  std::size_t pitch_y = 1, pitch_x = 1;  ///< with zeros
  std::size_t lead = 0;                  ///< zeros before the first row
  std::size_t example() const { return pitch_y * pitch_x; }
  std::size_t rows(std::size_t examples) const { return 2 * lead + examples * example(); }
  std::size_t place(std::size_t ex, std::size_t position) const {
    return lead + ex * example() + position / width * pitch_x + position % width;
  }
};

/// How the positions of one operand find their places in the padded grid of the other.
struct GridPlaces {
  std::vector<std::uint32_t> names;  ///< of one example: each position's place under a tap that takes itself
  std::vector<std::int32_t> offset;  ///< by tap, from there
};

/// Which input positions each output position of a convolution takes: the tables of its kernels. They are
/// made when they are first asked for: a network may be bound, and found too large, without them.
class ConvGeometry {
 public:
  ConvGeometry(const ConvDirection& y, const ConvDirection& x);

  const ConvDirection& y() const { return y_; }
  const ConvDirection& x() const { return x_; }
  std::size_t taps() const { return y_.kernel * x_.kernel; }
  std::size_t inputs() const { return y_.in * x_.in; }     ///< positions
  std::size_t outputs() const { return y_.out * x_.out; }  ///< positions
  /// For y from x.
  TapTable outputs_to_inputs() const;
  /// For dx from dy: the last tap first, so that neighbouring taps have ascending places again.
  TapTable inputs_to_outputs() const;
  /// x, for products over the positions of dy.
  const PaddedGrid& input_grid() const { return input_grid_; }
  const GridPlaces& places_in_input() const { return tables().in_input; }
  /// dy, for products over the positions of x: only where the stride is one in both directions.
  const PaddedGrid& output_grid() const { return output_grid_; }
  const GridPlaces& places_in_output() const { return tables().in_output; }
  bool strided() const { return y_.stride > 1 || x_.stride > 1; }

 private:
  struct Tables {
    std::vector<std::int32_t> inputs, outputs;
    GridPlaces in_input, in_output;
  };
  const Tables& tables() const;
  Tables make_tables() const;

  ConvDirection y_, x_;
  PaddedGrid input_grid_, output_grid_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const Tables> tables_;
};

}  // namespace halfwave
