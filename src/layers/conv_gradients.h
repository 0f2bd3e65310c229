#pragma once
#include "kernels/conv_skipping.h"
#include "layers/conv_geometry.h"
#include "layers/layer.h"

namespace halfwave {

/// What a convolution is, once its input is known.
struct ConvShape {
  const ConvGeometry& geometry;
  std::size_t in = 0, out = 0;  ///< channels, of one group
  std::size_t groups = 1;

  std::size_t taps() const { return geometry.taps(); }
  Panels panels() const { return {taps() * in, out}; }     ///< of one group's weights
  Panels exchanged() const { return {taps() * out, in}; }  ///< with in and out exchanged
  std::size_t multiply_adds() const { return geometry.outputs() * groups * panels().size(); }
};

/// The backward pass of a convolution: db, dx and dW, each of the two products in the way that is fastest for
/// the zeros of this batch. A batch is worked on in parts of some examples, which stay in the cache
/// meanwhile; sums over the batch are of a fixed number of slices, so that any number of threads gives the
/// same bits.
class ConvGradients {
 public:
  /// Floats of scratch (LayerMemory::scratch).
  static std::size_t scratch(std::size_t batch, const ConvShape& shape, bool skipping);

  ConvGradients(const ConvShape& shape, const StepContext& context, const LayerMemory& memory,
                GradientSink& sink);

  void run();

 private:
  struct Scratch {
    float* exchanged;                         ///< weights with in and out exchanged
    float* sums;                              ///< of dW: [slices, panels]
    std::uint32_t* dy_counts;                 ///< of each channel of dy: numbers that are not zero
    float* bias;                              ///< column sums of dy
    float* dy_rows = nullptr;                 ///< several groups: dy of one of them, in panels
    float *lists = nullptr, *grid = nullptr;  ///< of a part
    float* dots = nullptr;
    std::size_t floats;
    Scratch(float* memory, std::size_t batch, const ConvShape& shape, bool skipping);
  };

  enum class InputWay { dense, by_dy, masked };
  enum class WeightWay { dense, by_x, by_dy };

  InputWay input_way(double dy) const;
  WeightWay weight_way(double dy) const;
  double dy_density() const;

  void bias_gradient();
  void exchange();
  void dx_dense();
  void dx_by_dy();
  void dx_masked();

  void dw_dense();
  void dw_listed(bool by_x);
  /// names_of_one: of one example's positions; pitch: what the next example's are more.
  void list_part(bool by_x, std::span<const std::uint32_t> names_of_one, std::size_t pitch, Range examples,
                 const PositionLists& lists);
  Panels fill_grid(bool by_x, const PaddedGrid& grid, Range examples);
  void hand_on(std::size_t group, bool exchanged);
  void sum_slices(const Panels& panels, std::size_t begin, std::size_t count, float* to) const;

  Range examples_of(std::size_t part) const;
  std::size_t parts() const;

  const ConvShape& shape_;
  const StepContext& context_;
  const LayerMemory& m_;
  GradientSink& sink_;
  const Scratch scratch_;
  const std::size_t work_;
  const int threads_;
};

}  // namespace halfwave
