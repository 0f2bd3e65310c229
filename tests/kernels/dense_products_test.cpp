// Lost if these fail: every network's outputs and gradients. They are compared with a plain triple loop in
// double; the bound is that of one chain of K float operations. Sharing the work among threads must not
// change a bit.
#include "kernels/dense_products.h"
#include "kernels/exact_sum.h"

#include <cmath>
#include <functional>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

/// A dense layer's operands, all with padding and strides larger than needed.
struct Problem {
  std::size_t batch, in, out;
  std::size_t x_stride, y_stride, dx_stride, dy_stride;
  std::vector<float> x, w, bias, dy;  // x [batch, x_stride], w [in, out], dy [batch, dy_stride]
  Panels shape;
  AlignedVector<float> weights;

  Problem(Draw& draw, std::size_t b, std::size_t i, std::size_t o) : batch(b), in(i), out(o), shape{i, o} {
    x_stride = in + draw.size(0, 9);
    y_stride = round_up(out, 16) + draw.size(0, 9);
    dx_stride = round_up(in, 16) + draw.size(0, 9);
    dy_stride = out + draw.size(0, 9);
    x = draw.normals(batch * x_stride);
    w = draw.normals(in * out);
    dy = draw.normals(batch * dy_stride);
    bias = draw.normals(out);
    bias.resize(round_up(out, 16), 0.0f);
    pack();
  }
  void pack() {
    weights.assign(shape.size(), 0.0f);
    pack_panels(w.data(), out, shape, 0, shape.count(), weights.data());
  }
  std::vector<float> dy_panels() const {
    const Panels dy_shape{batch, out};
    std::vector<float> panels(dy_shape.size());
    pack_panels(dy.data(), dy_stride, dy_shape, 0, dy_shape.count(), panels.data());
    return panels;
  }
  std::vector<float> dy_transposed() const {
    const Panels dy_shape{out, batch};
    std::vector<float> panels(dy_shape.size());
    transpose_to_panels(dy.data(), dy_stride, batch, out, {0, dy_shape.count()}, panels.data());
    return panels;
  }
};

std::vector<Problem> problems() {
  Draw draw(10);
  std::vector<Problem> list;
  for (const auto& [batch, in, out] : {std::array<std::size_t, 3>{1, 1, 1},
                                       {1, 200, 3},
                                       {2, 3, 65},
                                       {5, 16, 16},
                                       {6, 48, 64},
                                       {64, 64, 64},
                                       {200, 7, 129},
                                       {65, 49, 15}})
    list.emplace_back(draw, batch, in, out);
  for (int i = 0; i < 12; ++i)
    list.emplace_back(draw, draw.size(1, 200), draw.size(1, 200), draw.size(1, 200));
  return list;
}

TEST(DenseProducts, ForwardIsTheProductPlusBiasAndWritesNothingElse) {
  const std::vector<Problem> list = problems();
  for_each_target([&](const char*) {
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.batch << " x " << p.in << " x " << p.out);
      Guarded y(p.batch * p.y_stride);
      dense_forward(p.x.data(), p.x_stride, p.weights.data(), p.bias.data(), p.shape, y.data(), p.y_stride,
                    {0, p.batch}, {0, p.shape.count()});
      for (std::size_t i = 0; i < p.batch; ++i) {
        for (std::size_t j = 0; j < p.out; ++j) {
          Exact exact;
          exact.add(p.bias[j], 1);
          for (std::size_t k = 0; k < p.in; ++k) exact.add(p.x[i * p.x_stride + k], p.w[k * p.out + j]);
          ASSERT_NEAR(y[i * p.y_stride + j], exact.sum, exact.bound()) << "at " << i << ", " << j;
        }
        for (std::size_t j = p.out; j < p.y_stride; ++j)
          ASSERT_EQ(y[i * p.y_stride + j], j < round_up(p.out, 16) ? 0.0f : kSentinel) << "padding " << j;
      }
      EXPECT_TRUE(y.intact());
    }
  });
}

/// Parts of the gradient to where they stand in the weights' layout.
void weight_gradient(const Problem& p, const std::vector<float>& dy_panels, Guarded& dw, Range inputs,
                     Range panels) {
  for (std::size_t panel = panels.begin; panel < panels.end; ++panel)
    dense_weight_gradient(p.x.data(), p.x_stride, dy_panels.data(), p.batch, p.shape, panel, inputs, {},
                          dw.data() + p.shape.offset(panel) + inputs.begin * p.shape.width(panel));
}

TEST(DenseProducts, WeightGradientIsTheProductAndWritesNothingElse) {
  const std::vector<Problem> list = problems();
  for_each_target([&](const char*) {
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.batch << " x " << p.in << " x " << p.out);
      const std::vector<float> panels = p.dy_panels();
      Guarded packed(p.shape.size());
      weight_gradient(p, panels, packed, {0, p.in}, {0, p.shape.count()});
      std::vector<float> dw(p.in * p.out);
      unpack_panels(packed.data(), p.shape, dw.data());
      for (std::size_t i = 0; i < p.in; ++i)
        for (std::size_t j = 0; j < p.out; ++j) {
          Exact exact;
          for (std::size_t k = 0; k < p.batch; ++k)
            exact.add(p.x[k * p.x_stride + i], p.dy[k * p.dy_stride + j]);
          ASSERT_NEAR(dw[i * p.out + j], exact.sum, exact.bound()) << "at " << i << ", " << j;
        }
      std::vector<float> again(p.shape.size());
      pack_panels(dw.data(), p.out, p.shape, 0, p.shape.count(), again.data());
      EXPECT_EQ(packed.values(), again) << "padding is not zero";
      EXPECT_TRUE(packed.intact());
    }
  });
}

TEST(DenseProducts, InputGradientIsTheProductAndLeavesPaddingAlone) {
  const std::vector<Problem> list = problems();
  for_each_target([&](const char*) {
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.batch << " x " << p.in << " x " << p.out);
      const std::vector<float> transposed = p.dy_transposed();
      Guarded dx(p.batch * p.dx_stride);
      dense_input_gradient(transposed.data(), p.weights.data(), p.batch, p.shape, dx.data(), p.dx_stride,
                           {0, p.in});
      for (std::size_t i = 0; i < p.batch; ++i) {
        for (std::size_t j = 0; j < p.in; ++j) {
          Exact exact;
          for (std::size_t k = 0; k < p.out; ++k) exact.add(p.dy[i * p.dy_stride + k], p.w[j * p.out + k]);
          ASSERT_NEAR(dx[i * p.dx_stride + j], exact.sum, exact.bound()) << "at " << i << ", " << j;
        }
        // Beyond the whole lines that the contract grants nothing is written.
        for (std::size_t j = round_up(p.in, 16); j < p.dx_stride; ++j)
          ASSERT_EQ(dx[i * p.dx_stride + j], kSentinel);
      }
      EXPECT_TRUE(dx.intact());
    }
  });
}

TEST(DenseProducts, TransposingIsExactInAnyParts) {
  Draw draw(11);
  for_each_target([&](const char*) {
    for (int round = 0; round < 12; ++round) {
      const std::size_t batch = draw.size(1, 200), out = draw.size(1, 90), stride = out + draw.size(0, 7);
      const std::vector<float> matrix = draw.normals(batch * stride);
      const Panels shape{out, batch};
      Guarded transposed(shape.size());
      const std::vector<std::size_t> cuts = draw.cuts(shape.count());
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
        transpose_to_panels(matrix.data(), stride, batch, out, {cuts[c], cuts[c + 1]}, transposed.data());
      std::vector<float> plain(out * batch), expected(shape.size());
      for (std::size_t i = 0; i < batch; ++i)
        for (std::size_t j = 0; j < out; ++j) plain[j * batch + i] = matrix[i * stride + j];
      pack_panels(plain.data(), batch, shape, 0, shape.count(), expected.data());
      EXPECT_TRUE(same_bits(transposed.values(), expected)) << batch << " x " << out;
      EXPECT_TRUE(transposed.intact());
    }
  });
}

TEST(DenseProducts, AnyCutOfTheWorkGivesTheSameBits) {
  Draw draw(12);
  for_each_target([&](const char*) {
    for (int round = 0; round < 8; ++round) {
      const Problem p(draw, draw.size(1, 200), draw.size(1, 200), draw.size(1, 200));
      const std::size_t panels = p.shape.count();
      const std::vector<float> dy_panels = p.dy_panels(), dy_transposed = p.dy_transposed();
      const auto forward = [&](Guarded& y, Range rows, Range part) {
        dense_forward(p.x.data(), p.x_stride, p.weights.data(), p.bias.data(), p.shape, y.data(), p.y_stride,
                      rows, part);
      };
      const auto gradient = [&](Guarded& dw, Range inputs, Range part) {
        weight_gradient(p, dy_panels, dw, inputs, part);
      };
      const auto same_in_parts = [&](const auto& product, std::size_t floats, std::size_t rows) {
        Guarded whole(floats), parts(floats);
        product(whole, {0, rows}, {0, panels});
        for (std::size_t panel = 0; panel < panels; ++panel) {
          const std::vector<std::size_t> cuts = draw.cuts(rows);
          for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
            product(parts, {cuts[c], cuts[c + 1]}, {panel, panel + 1});
        }
        return same_bits(whole.values(), parts.values()) && parts.intact();
      };
      EXPECT_TRUE(same_in_parts(forward, p.batch * p.y_stride, p.batch)) << "forward";
      EXPECT_TRUE(same_in_parts(gradient, p.shape.size(), p.in)) << "weight gradient";

      Guarded whole(p.batch * p.dx_stride), parts(p.batch * p.dx_stride);
      const auto backward = [&](Guarded& dx, Range inputs) {
        dense_input_gradient(dy_transposed.data(), p.weights.data(), p.batch, p.shape, dx.data(), p.dx_stride,
                             inputs);
      };
      backward(whole, {0, p.in});
      const std::vector<std::size_t> cuts = draw.cuts(p.in, 16);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c) backward(parts, {cuts[c], cuts[c + 1]});
      EXPECT_TRUE(same_bits(whole.values(), parts.values())) << "input gradient";
    }
  });
}

TEST(DenseProducts, EmptyPartsWriteNothing) {
  Draw draw(13);
  const Problem p(draw, 5, 40, 70);
  const std::vector<float> dy_panels = p.dy_panels(), dy_transposed = p.dy_transposed();
  Guarded out(5 * 200);
  for_each_target([&](const char*) {
    dense_forward(p.x.data(), p.x_stride, p.weights.data(), p.bias.data(), p.shape, out.data(), p.y_stride,
                  {3, 3}, {0, 2});
    dense_forward(p.x.data(), p.x_stride, p.weights.data(), p.bias.data(), p.shape, out.data(), p.y_stride,
                  {0, 5}, {1, 1});
    weight_gradient(p, dy_panels, out, {7, 7}, {0, 2});
    dense_input_gradient(dy_transposed.data(), p.weights.data(), p.batch, p.shape, out.data(), p.dx_stride,
                         {16, 16});
    for (const float value : out.values()) EXPECT_EQ(value, kSentinel);
  });
}

/// A zero times infinity is NaN: zeros must not be skipped in a way that hides a diverged network.
TEST(DenseProducts, NanAndInfinityReachExactlyTheirOutputs) {
  Draw draw(14);
  for_each_target([&](const char*) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Problem p(draw, 9, 21, 70);
      const std::size_t row = 4, unit = 13, column = 66;
      p.x[row * p.x_stride + unit] = bad;
      Guarded y(p.batch * p.y_stride);
      dense_forward(p.x.data(), p.x_stride, p.weights.data(), p.bias.data(), p.shape, y.data(), p.y_stride,
                    {0, p.batch}, {0, p.shape.count()});
      for (std::size_t i = 0; i < p.batch; ++i)
        for (std::size_t j = 0; j < p.out; ++j)
          ASSERT_EQ(std::isfinite(y[i * p.y_stride + j]), i != row) << i << ", " << j;

      p.dy[row * p.dy_stride + column] = bad;
      Guarded dx(p.batch * p.dx_stride), dw(p.shape.size());
      dense_input_gradient(p.dy_transposed().data(), p.weights.data(), p.batch, p.shape, dx.data(),
                           p.dx_stride, {0, p.in});
      for (std::size_t i = 0; i < p.batch; ++i)
        for (std::size_t j = 0; j < p.in; ++j) ASSERT_EQ(std::isfinite(dx[i * p.dx_stride + j]), i != row);
      weight_gradient(p, p.dy_panels(), dw, {0, p.in}, {0, p.shape.count()});
      std::vector<float> plain(p.in * p.out);
      unpack_panels(dw.data(), p.shape, plain.data());
      for (std::size_t i = 0; i < p.in; ++i)
        for (std::size_t j = 0; j < p.out; ++j)
          ASSERT_EQ(std::isfinite(plain[i * p.out + j]), i != unit && j != column) << i << ", " << j;
    }
  });
}

}  // namespace
}  // namespace halfwave
