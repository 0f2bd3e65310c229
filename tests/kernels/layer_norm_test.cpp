// Lost if these fail: layer normalisation and its gradients, also of rows far from zero.
#include "kernels/layer_norm.h"

#include <cmath>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

constexpr float kEpsilon = 1e-3f;

/// A random matrix whose rows have a mean of about `offset` and a spread of 1; what it must become in double.
struct Problem {
  std::size_t rows, columns, stride;
  std::vector<float> x, dy, scale, bias;
  std::vector<double> normal, inverse;  ///< x̂ [rows, columns]; 1 / sqrt(variance + epsilon) by row

  Problem(Draw& draw, double offset)
      : rows(draw.size(1, 20)),
        columns(draw.size(1, 150)),
        stride(round_up(columns, 16)),
        x(draw.normals(rows * stride)),
        dy(draw.normals(rows * stride)),
        scale(draw.normals(columns)),
        bias(draw.normals(columns)),
        normal(rows * columns),
        inverse(rows) {
    for (float& value : x) value += static_cast<float>(offset);
    const auto n = static_cast<double>(columns);
    for (std::size_t i = 0; i < rows; ++i) {
      double mean = 0, variance = 0;
      for (std::size_t j = 0; j < columns; ++j) mean += at(x, i, j) / n;
      for (std::size_t j = 0; j < columns; ++j) variance += std::pow(at(x, i, j) - mean, 2) / n;
      inverse[i] = 1 / std::sqrt(variance + static_cast<double>(kEpsilon));
      for (std::size_t j = 0; j < columns; ++j) normal[i * columns + j] = (at(x, i, j) - mean) * inverse[i];
      for (std::size_t j = columns; j < stride; ++j) x[i * stride + j] = dy[i * stride + j] = NAN;
    }
  }
  double at(const std::vector<float>& m, std::size_t i, std::size_t j) const {
    return static_cast<double>(m[i * stride + j]);
  }
  double hat(std::size_t i, std::size_t j) const { return normal[i * columns + j]; }
};

template <class Body>
void for_each_problem(Body&& body) {
  for_each_target([&](const char*) {
    Draw draw(60);
    for (const double offset : {0.0, 1.0, 1000.0})
      for (int round = 0; round < 12; ++round) {
        const Problem problem(draw, offset);
        body(problem, draw, 3e-6 + 3e-7 * offset);
      }
  });
}

TEST(LayerNorm, RowsHaveMeanZeroAndVarianceOneThenScaleAndBias) {
  for_each_problem([](const Problem& p, Draw& draw, double tolerance) {
    Guarded y(p.rows * p.stride);
    std::vector<RowMoments> moments(p.rows);
    const std::vector<std::size_t> cuts = draw.cuts(p.rows);
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
      layer_norm(p.x.data(), p.scale.data(), p.bias.data(), kEpsilon, p.stride, {cuts[c], cuts[c + 1]},
                 p.columns, y.data(), moments.data());
    for (std::size_t i = 0; i < p.rows; ++i) {
      ASSERT_NEAR(moments[i].inverse, p.inverse[i], 1e-4 * p.inverse[i]);
      for (std::size_t j = 0; j < p.stride; ++j) {
        if (j >= p.columns) {
          ASSERT_EQ(y[i * p.stride + j], kSentinel);
          continue;
        }
        const double exact = p.hat(i, j) * static_cast<double>(p.scale[j]) + static_cast<double>(p.bias[j]);
        ASSERT_NEAR(y[i * p.stride + j], exact, tolerance * p.inverse[i] * (1 + std::fabs(exact)) * 3);
      }
    }
    EXPECT_TRUE(y.intact());
  });
}

TEST(LayerNorm, BackwardIsTheDerivative) {
  for_each_problem([](const Problem& p, Draw& draw, double tolerance) {
    std::vector<RowMoments> moments(p.rows);
    std::vector<float> y(p.rows * p.stride);
    layer_norm(p.x.data(), p.scale.data(), p.bias.data(), kEpsilon, p.stride, {0, p.rows}, p.columns,
               y.data(), moments.data());
    Guarded dx(p.rows * p.stride), over_dy(p.dy), sums(2 * p.stride, 1.0f), same(2 * p.stride, 1.0f),
        alone(2 * p.stride, 1.0f);
    const std::vector<std::size_t> cuts = draw.cuts(p.rows);
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
      layer_norm_backward(p.x.data(), moments.data(), p.scale.data(), p.dy.data(), p.stride,
                          {cuts[c], cuts[c + 1]}, p.columns, dx.data(), sums.data());
    layer_norm_backward(p.x.data(), moments.data(), p.scale.data(), over_dy.data(), p.stride, {0, p.rows},
                        p.columns, over_dy.data(), same.data());
    layer_norm_backward(p.x.data(), moments.data(), p.scale.data(), p.dy.data(), p.stride, {0, p.rows},
                        p.columns, nullptr, alone.data());
    EXPECT_TRUE(same_bits(sums.values(), same.values()) && same_bits(sums.values(), alone.values()));
    for (std::size_t j = 0; j < p.columns; ++j) {
      double dbias = 1, dscale = 1;  // added to what was there
      for (std::size_t i = 0; i < p.rows; ++i) {
        dbias += p.at(p.dy, i, j);
        dscale += p.at(p.dy, i, j) * p.hat(i, j);
      }
      ASSERT_NEAR(sums[j], dbias, 1e-5);
      ASSERT_NEAR(sums[p.stride + j], dscale, 30 * tolerance * (1 + *std::ranges::max_element(p.inverse)));
    }
    for (std::size_t i = 0; i < p.rows; ++i) {
      double constant = 0, slope = 0;
      for (std::size_t j = 0; j < p.columns; ++j) {
        const double g = p.at(p.dy, i, j) * static_cast<double>(p.scale[j]) / static_cast<double>(p.columns);
        constant += g;
        slope += g * p.hat(i, j);
      }
      for (std::size_t j = 0; j < p.columns; ++j) {
        const double g = p.at(p.dy, i, j) * static_cast<double>(p.scale[j]);
        const double exact = p.inverse[i] * (g - constant - slope * p.hat(i, j));
        ASSERT_NEAR(dx[i * p.stride + j], exact,
                    10 * tolerance * p.inverse[i] * (1 + p.inverse[i]) * (1 + std::fabs(exact)));
      }
      ASSERT_TRUE(same_bits(dx.data() + i * p.stride, over_dy.data() + i * p.stride, p.columns));
    }
    EXPECT_TRUE(dx.intact() && sums.intact() && over_dy.intact());
  });
}

}  // namespace
}  // namespace halfwave
