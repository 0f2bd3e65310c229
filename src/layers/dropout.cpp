#include <algorithm>
#include <cmath>

#include "core/team.h"
#include "kernels/dropout.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// Sets a random share of the numbers to one value in training, and rescales the others; the identity
/// otherwise.
class RandomDrop : public RowLayer {
 public:
  using RowLayer::RowLayer;

  /// A bit for each number.
  std::size_t workspace(std::size_t batch, bool training) const override {
    return training ? (batch * input().positions() * row_stride(inputs()) + kMaskBits - 1) / kMaskBits : 0;
  }
  bool in_place() const override { return true; }
  bool zeros_gradient(bool training) const override { return training && field(0) > 0.0; }

  void forward_rows(const StepContext& context, const LayerMemory& m, Range rows) const override {
    const std::size_t begin = rows.begin * m.x_stride, n = rows.size() * m.x_stride;
    if (!context.training) {
      if (m.y != m.x) std::copy_n(m.x + begin, n, m.y + begin);
      return;
    }
    const Random random(context.seed, stream_id(Stream::dropout, context.step));
    auto* mask = reinterpret_cast<std::uint32_t*>(m.workspace);
    dropout_forward(rule(), random, (m.layer << 40) + begin, m.x + begin, n, m.y + begin,
                    mask + begin / kMaskBits);
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    if (!m.dx) return;
    const std::size_t n = input_rows(context) * m.x_stride;
    const auto* mask = reinterpret_cast<const std::uint32_t*>(m.workspace);
    run_team(context.team(n), [&](int thread, int all) {
      const Range part = share(n, thread, all, kMaskBits);
      dropout_backward(rule(), mask + part.begin / kMaskBits, m.dy + part.begin, part.size(),
                       m.dx + part.begin);
    });
  }

 private:
  virtual DropoutRule rule() const = 0;
};

/// Srivastava et al., "Dropout", 2014: kept numbers are divided by the share that is kept.
class Dropout final : public RandomDrop {
 public:
  using RandomDrop::RandomDrop;
  /// A number that is kept may be zero as well, so the gradient by a zero is of no use only if it was of none
  /// before.
  Zeros zeros(Zeros input, bool training) const override {
    return {input.many || (training && field(0) > 0.0), input.flat};
  }

 private:
  DropoutRule rule() const override {
    const auto rate = static_cast<float>(field(0));
    return {rate, 1.0f / (1.0f - rate), 0.0f, 0.0f};
  }
};

/// Klambauer et al., "Self-normalizing neural networks", 2017: keeps mean 0 and variance 1 after selu.
class AlphaDropout final : public RandomDrop {
 public:
  using RandomDrop::RandomDrop;

 private:
  DropoutRule rule() const override {
    constexpr double kSaturation = -1.7580993408473766;  // selu's limit at minus infinity: -lambda · alpha
    const double rate = field(0), keep = 1.0 - rate;
    const double scale = 1.0 / std::sqrt(keep * (1.0 + rate * kSaturation * kSaturation));
    const double shift = -scale * rate * kSaturation;
    return {static_cast<float>(rate), static_cast<float>(scale), static_cast<float>(shift),
            static_cast<float>(scale * kSaturation + shift)};
  }
};

}  // namespace

LayerInfo dropout_layer() {
  return {.name = "dropout",
          .help = "in training a random share of the numbers becomes zero, the others grow to keep the mean",
          .onnx = "x",
          .fields = {{"rate", 0.5, 0, 0.999, "share that is dropped"}},
          .make = make_layer<Dropout>};
}

LayerInfo alpha_dropout_layer() {
  return {.name = "alpha_dropout",
          .help = "dropout for selu: keeps mean and variance of self-normalising networks",
          .onnx = "x",
          .fields = {{"rate", 0.1, 0, 0.999, "share that is dropped"}},
          .make = make_layer<AlphaDropout>};
}

}  // namespace halfwave
