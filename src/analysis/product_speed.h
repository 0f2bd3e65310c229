#pragma once
#include <halfwave/bench.h>

#include <cstddef>
#include <span>
#include <vector>

#include "core/aligned.h"
#include "core/random.h"
#include "core/team.h"
#include "kernels/nonzero_lists.h"
#include "kernels/panels.h"
#include "layers/skipping.h"

namespace halfwave {

/// A dense layer's memory, and each of its products computed once densely and once by skipping the zeros of
/// its input: the same kernels, layouts and order of work as in the layer (src/layers/dense.cpp).
class ProductBench {
 public:
  /// keep_gradient: the whole weight gradient stays in memory; else it is made and forgotten block by block,
  /// as in training.
  ProductBench(std::size_t batch, std::size_t inputs, std::size_t outputs, int threads, std::uint64_t seed,
               bool keep_gradient = false);

  std::size_t batch() const { return batch_; }
  Panels shape() const { return shape_; }
  int threads() const { return threads_; }  ///< that are worth using

  /// New random inputs, of which that share is not zero, at random places.
  void fill(double density);

  void dense(Product product);
  void skipping(Product product);

  /// Inputs and results of the last call, in the layouts of the layer.
  const float* last_input() const { return inputs_[(turn_ - 1) % inputs_.size()].h.data(); }
  const float* y() const { return y_.data(); }
  const float* weight_gradient() const { return dw_.data(); }
  const float* input_gradient() const { return dx_.data(); }

 private:
  /// The inputs of one pass and their non-zero numbers by example.
  struct Input {
    AlignedVector<float> h, list_memory;
    NonzeroLists lists;
  };

  const Input& next_input() { return inputs_[turn_++ % inputs_.size()]; }
  Panels gradient_shape() const { return {batch_, shape_.columns}; }
  template <class Body>
  void for_panels(std::size_t rows, const Body& body) const;
  template <class Body>
  void for_gradient_blocks(std::size_t together, const Body& body);
  void list_by_example(const Input& input) const;
  void list_by_unit(const Input& input);
  void pack_gradient();
  void dense_input();
  void skip_input(const Input& input);

  std::size_t batch_;
  Panels shape_;
  int threads_;
  bool keep_gradient_;
  Random random_;
  std::size_t x_stride_, y_stride_, turn_ = 0;
  std::vector<Input> inputs_;
  AlignedVector<float> weights_, bias_, dy_, dy_panels_, dy_transposed_, y_, dw_, dx_, sums_,
      unit_list_memory_;
  NonzeroLists unit_lists_;
};

/// The density below which skipping is faster: of time(density) / dense time, fitted as a + b·density, the
/// density where it is 1; between 0 and 1. The fit is the median of the slopes between all pairs of points
/// (Theil 1950, Sen 1968), which one disturbed point does not move. At least two points.
double fitted_crossover(std::span<const ProductSpeed::Point> points);

/// The three products of one layer at these densities, each pair measured for `seconds`.
std::vector<ProductSpeed> measure_layer(ProductBench& bench, std::span<const double> densities,
                                        double seconds);

}  // namespace halfwave
