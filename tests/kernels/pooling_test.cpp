// Lost if these fail: a pooling layer would take the wrong number of a window, or send its gradient to
// another.
#include "kernels/pooling.h"

#include <cmath>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

/// A random grid with windows, and numbers on it.
struct Problem {
  std::size_t batch, stride;
  PoolWindows windows;
  std::vector<float> x, dy;

  explicit Problem(Draw& draw)
      : batch(draw.size(1, 3)),
        stride(16 * draw.size(1, 3)),
        windows{axis(draw), axis(draw)},
        x(draw.normals(batch * windows.positions() * stride)),
        dy(draw.normals(batch * windows.windows() * stride)) {}

  static PoolWindows::Axis axis(Draw& draw) {
    for (;;) {
      const std::size_t size = draw.size(1, 9), kernel = draw.size(1, draw.size(1, 30) == 1 ? 20 : 4),
                        padding = draw.size(0, kernel - 1);
      if (kernel <= size + 2 * padding) return {size, kernel, draw.size(1, 4), padding};
    }
  }
  std::size_t rows_in() const { return batch * windows.positions(); }
  std::size_t rows_out() const { return batch * windows.windows(); }

  /// body(window's row of y, row of x, tap) for all that windows cover, in order.
  template <class Body>
  void for_taps(Body&& body) const {
    const auto inside = [](const PoolWindows::Axis& side, std::size_t window, std::size_t tap) {
      const std::size_t at = window * side.stride + tap;
      return at >= side.padding && at - side.padding < side.size;
    };
    const auto count = [](const PoolWindows::Axis& side) {
      return (side.size + 2 * side.padding - side.kernel) / side.stride + 1;
    };
    const auto& [y, x_axis] = windows;
    std::size_t row = 0;
    for (std::size_t e = 0; e < batch; ++e)
      for (std::size_t wy = 0; wy < count(y); ++wy)
        for (std::size_t wx = 0; wx < count(x_axis); ++wx, ++row)
          for (std::size_t ky = 0; ky < y.kernel; ++ky)
            for (std::size_t kx = 0; kx < x_axis.kernel; ++kx)
              if (inside(y, wy, ky) && inside(x_axis, wx, kx))
                body(row,
                     (e * y.size + wy * y.stride + ky - y.padding) * x_axis.size + wx * x_axis.stride + kx -
                         x_axis.padding,
                     ky * x_axis.kernel + kx);
  }
};

/// Every window's winner by PyTorch's rule: a number that is larger, or NaN, takes over.
std::vector<std::size_t> winners_of(const Problem& p) {
  constexpr std::size_t kNone = ~std::size_t{0};
  std::vector<std::size_t> rows(p.rows_out() * p.stride, kNone);
  p.for_taps([&](std::size_t window, std::size_t row, std::size_t) {
    for (std::size_t j = 0; j < p.stride; ++j) {
      std::size_t& best = rows[window * p.stride + j];
      const float value = p.x[row * p.stride + j];
      if (best == kNone || value > p.x[best * p.stride + j] || std::isnan(value)) best = row;
    }
  });
  return rows;
}

/// kernel(rows, result) on all rows at once, and on parts of them; gives the bits that both must agree on.
template <class Kernel>
std::vector<float> in_parts(Draw& draw, std::size_t rows, std::size_t stride, Kernel&& kernel) {
  Guarded whole(rows * stride), parts(rows * stride);
  kernel(Range{0, rows}, whole.data());
  const std::vector<std::size_t> cuts = draw.cuts(rows);
  for (std::size_t c = 0; c + 1 < cuts.size(); ++c) kernel(Range{cuts[c], cuts[c + 1]}, parts.data());
  EXPECT_TRUE(same_bits(whole.values(), parts.values()));
  EXPECT_TRUE(whole.intact() && parts.intact());
  return whole.values();
}

template <class Body>
void for_each_problem(std::uint64_t seed, Body&& body) {
  for_each_target([&](const char*) {
    Draw draw(seed);
    for (int round = 0; round < 40; ++round) {
      Problem problem(draw);
      if (round % 2 == 1)  // equal numbers, both zeros, NaN and infinities
        for (float& x : problem.x) {
          constexpr float kValues[] = {0.0f, -0.0f, 1.0f, 1.0f, -2.0f, NAN, HUGE_VALF, -HUGE_VALF};
          x = kValues[draw.size(0, round % 4 == 1 ? 4 : 7)];
        }
      body(problem, draw);
    }
  });
}

TEST(MaxPool, GivesTheFirstLargestAndItsGradientToIt) {
  for_each_problem(50, [](const Problem& p, Draw& draw) {
    const std::vector<std::size_t> winners = winners_of(p);
    std::vector<std::byte> taps(p.rows_out() * p.stride * winner_bytes(p.windows.taps()));
    const std::vector<float> y = in_parts(draw, p.rows_out(), p.stride, [&](Range rows, float* to) {
      max_pool(p.x.data(), p.stride, p.windows, rows, to, taps.data());
    });
    const std::vector<float> without = in_parts(draw, p.rows_out(), p.stride, [&](Range rows, float* to) {
      max_pool(p.x.data(), p.stride, p.windows, rows, to, nullptr);
    });
    EXPECT_TRUE(same_bits(y, without));
    std::vector<double> dx(p.x.size());
    for (std::size_t k = 0; k < y.size(); ++k) {
      const std::size_t from = winners[k] * p.stride + k % p.stride;
      ASSERT_TRUE(same_bits(&y[k], &p.x[from], 1)) << y[k] << " not " << p.x[from];
      dx[from] += static_cast<double>(p.dy[k]);
    }
    const std::vector<float> gradient = in_parts(draw, p.rows_in(), p.stride, [&](Range rows, float* to) {
      max_pool_backward(taps.data(), p.dy.data(), p.stride, p.windows, rows, to);
    });
    for (std::size_t k = 0; k < dx.size(); ++k) ASSERT_NEAR(gradient[k], dx[k], 1e-5);
  });
}

TEST(MaxPool, WindowsOfAnySizeRememberTheirWinner) {
  for_each_target([&](const char*) {
    for (const std::size_t side : {16u, 17u, 256u, 257u}) {  // the last tap is 255, 288, 65535, 66048
      const PoolWindows whole{{side, side, 1, 0}, {side, side, 1, 0}};
      std::vector<float> x(side * side * 16), y(16), dy(16), dx(x.size(), NAN);
      std::vector<std::byte> winners(16 * winner_bytes(whole.taps()));
      for (std::size_t j = 0; j < 16; ++j) {
        x[(side * side - 1 - j) * 16 + j] = 2.0f;
        dy[j] = 1.0f + static_cast<float>(j);
      }
      max_pool(x.data(), 16, whole, {0, 1}, y.data(), winners.data());
      max_pool_backward(winners.data(), dy.data(), 16, whole, {0, side * side}, dx.data());
      for (std::size_t k = 0; k < x.size(); ++k) ASSERT_EQ(dx[k], x[k] == 2.0f ? dy[k % 16] : 0.0f) << k;
    }
  });
}

TEST(AveragePool, IsTheMeanOfWhatIsInside) {
  for_each_target([&](const char*) {
    Draw draw(51);
    for (int round = 0; round < 40; ++round) {
      const Problem p(draw);
      std::vector<double> counts(p.rows_out()), y(p.dy.size()), dx(p.x.size());
      p.for_taps([&](std::size_t window, std::size_t, std::size_t) { ++counts[window]; });
      p.for_taps([&](std::size_t window, std::size_t row, std::size_t) {
        for (std::size_t j = 0; j < p.stride; ++j) {
          y[window * p.stride + j] += static_cast<double>(p.x[row * p.stride + j]) / counts[window];
          dx[row * p.stride + j] += static_cast<double>(p.dy[window * p.stride + j]) / counts[window];
        }
      });
      const std::vector<float> mean = in_parts(draw, p.rows_out(), p.stride, [&](Range rows, float* to) {
        average_pool(p.x.data(), p.stride, p.windows, rows, to);
      });
      const std::vector<float> gradient = in_parts(draw, p.rows_in(), p.stride, [&](Range rows, float* to) {
        average_pool_backward(p.dy.data(), p.stride, p.windows, rows, to);
      });
      for (std::size_t k = 0; k < y.size(); ++k) ASSERT_NEAR(mean[k], y[k], 2e-6);
      for (std::size_t k = 0; k < dx.size(); ++k) ASSERT_NEAR(gradient[k], dx[k], 1e-5);
    }
  });
}

}  // namespace
}  // namespace halfwave
