#pragma once
#include <array>
#include <initializer_list>

#include "operators/operator_graph.h"

namespace halfwave {

/// The dimensions of the second input of an elementwise operator that broadcast_dims lines up with the first
/// as the node means it: as they are from opset 7 on; before that by the attributes `broadcast` and `axis`.
/// Throws Error (input) where they do not fit.
Dims second_dims(const OperatorNode& node, const Dims& first, const Dims& second);

/// Walks over the elements of a row-major array in rows as long as possible, together with up to three other
/// arrays that are stretched to its shape:
///   for (RowWalk walk(y.dims(), {&a.dims(), &b.dims()}); walk; walk.next()) …
class RowWalk {
 public:
  static constexpr std::size_t kMost = 3;

  RowWalk(const Dims& dims, std::initializer_list<const Dims*> others);
  explicit operator bool() const { return size_ > 0 && begin_ < end_; }
  void next();

  std::size_t begin() const { return begin_; }  ///< the row's first element
  std::size_t size() const { return size_; }    ///< and how many there are
  /// Where array k is at begin(), and its distance from element to element of the row: 0 or 1.
  std::size_t from(std::size_t k) const { return from_[k]; }
  std::size_t step(std::size_t k) const { return steps_[k]; }

 private:
  using Strides = std::array<std::size_t, kMost>;
  struct Axis {
    std::size_t size;
    Strides strides;
    std::size_t index = 0;
  };
  std::vector<Axis> outer_;  ///< those above the row, the innermost first
  std::size_t size_ = 1, begin_ = 0, end_ = 1;
  Strides from_{}, steps_{};
};

}  // namespace halfwave
