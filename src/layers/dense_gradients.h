#pragma once
#include "kernels/nonzero_lists.h"
#include "layers/layer.h"

namespace halfwave {

/// The backward pass of a dense layer, y = x·W + b: db, dx = dy·Wᵀ and dW = xᵀ·dy, each of the two products
/// in the way that is fastest for the zeros of this batch.
class DenseGradients {
 public:
  /// Floats of scratch (LayerMemory::scratch).
  static std::size_t scratch(std::size_t batch, Panels shape, bool skipping);

  /// shape: of W.
  DenseGradients(Panels shape, const StepContext& context, const LayerMemory& memory, GradientSink& sink);

  void run();

 private:
  struct Scratch {
    float *dy_panels, *dy_transposed;  ///< dy in the layouts of the products
    std::uint32_t* dy_counts;          ///< of each unit of dy: numbers that are not zero
    float* db;                         ///< where the layer has no bias
    float *lists = nullptr, *x_panels = nullptr, *sums = nullptr;
    std::size_t floats;
    Scratch(float* memory, std::size_t batch, Panels shape, bool skipping);
  };

  // The choice.
  bool masks_dx() const;
  double dy_density() const;

  // dx.
  void arrange_dy(bool transposed);
  void dx_dense();
  void dx_masked();

  // dW.
  void dw_dense();
  void dw_by_x();
  void dw_by_dy();
  void dw_rows_by_x(const NonzeroLists& lists, std::size_t panel, Range rows);
  template <class Make>
  void make_dw(std::size_t panel, Range rows, std::size_t together, Make&& make);
  ProductStart rest_start(std::size_t panel, std::size_t input) const;
  NonzeroLists list_units(const float* matrix, std::size_t stride, std::size_t units);

  // Both at once.
  void dx_and_dw_by_x();

  const Panels shape_, dy_shape_;  ///< of W; of dy [batch, out]
  const StepContext& context_;
  const LayerMemory& m_;
  GradientSink& sink_;
  const Scratch scratch_;
  const std::size_t work_;
  const int threads_;
  float* const db_;  ///< Σ dy, by unit
};

}  // namespace halfwave
