// Lost if these fail: every convolution's outputs and gradients. They are compared with plain sums in double
// along tables made from the definition; the bounds are those of any order of the float operations. What lies
// around the operands must not be read, what lies around the results must not be written.
#include "kernels/conv_products.h"

#include "kernels/conv_testing.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> product(const ConvProblem& p, const std::vector<std::size_t>& cuts) {
  return p.by_parts(cuts, [&](Range rows, const float* panel, std::size_t width, std::size_t columns,
                              const float* start, float* c) {
    conv_product(p.a.data(), p.a.stride, p.k, p.table, rows, panel, width, columns, start, c, p.c_stride);
  });
}

/// [rows, columns]
std::vector<Exact> exact_product(const ConvProblem& p) {
  std::vector<Exact> sums(p.rows() * p.columns);
  for (std::size_t i = 0; i < p.rows(); ++i) {
    Exact* const sum = sums.data() + i * p.columns;
    for (std::size_t j = 0; p.starts && j < p.columns; ++j) sum[j].add(p.row[j], 1);
    p.for_sources(i, [&](std::size_t tap, std::size_t from) {
      for (std::size_t k = 0; k < p.k; ++k)
        for (std::size_t j = 0; p.a(from, k) != 0 && j < p.columns; ++j)
          sum[j].add(p.a(from, k), p.w[(tap * p.k + k) * p.columns + j]);
    });
  }
  return sums;
}

TEST(ConvProduct, IsTheSumOverTheTapsAndWritesNothingElse) {
  ConvProblems problems(50, 12);
  std::vector<std::vector<Exact>> exact;
  for (const ConvProblem& p : problems.all()) exact.push_back(exact_product(p));
  problems.for_each([&](const ConvProblem& p, std::size_t which) {
    const std::vector<float> c = product(p, {0, p.rows()});
    for (std::size_t i = 0; i < p.rows(); ++i)
      for (std::size_t j = 0; j < p.columns; ++j) {
        const Exact& sum = exact[which][i * p.columns + j];
        ASSERT_NEAR(c[i * p.c_stride + j], sum.sum, sum.bound()) << "at " << i << ", " << j;
      }
  });
}

/// Threads share the rows, wherever examples begin.
TEST(ConvProduct, AnyCutOfTheRowsGivesTheSameNumbers) {
  ConvProblems problems(51, 6);
  Draw draw(52);
  problems.for_each([&](const ConvProblem& p, std::size_t) {
    EXPECT_EQ(product(p, draw.cuts(p.rows())), product(p, {0, p.rows()}));
  });
}

TEST(ConvProduct, NanAndInfinityReachExactlyTheResultsThatTakeThem) {
  ConvProblems problems(53, 6);
  Draw draw(54);
  problems.for_each([&](const ConvProblem& good, std::size_t) {
    ConvProblem bad = good;
    const std::size_t row = draw.size(0, bad.a.rows - 1);
    bad.a(row, draw.size(0, bad.k - 1)) = draw.size(0, 1) ? kNan : kInfinity;
    const std::vector<float> expected = product(good, {0, good.rows()}), c = product(bad, {0, bad.rows()});
    for (std::size_t i = 0; i < good.rows(); ++i) {
      bool takes = false;
      good.for_sources(i, [&](std::size_t, std::size_t from) { takes |= from == row; });
      for (std::size_t j = 0; j < good.columns; ++j)
        if (const std::size_t at = i * good.c_stride + j; takes)
          ASSERT_FALSE(std::isfinite(c[at])) << i << ", " << j;
        else
          ASSERT_EQ(c[at], expected[at]) << i << ", " << j;
    }
  });
}

/// dW of a problem's operand, with gradients of its results: [taps · k, width].
struct Gradient {
  const ConvProblem& p;
  std::size_t width, dy_stride;
  std::vector<float> dy, before;

  Gradient(Draw& draw, const ConvProblem& problem)
      : p(problem),
        width(kLineFloats * draw.size(1, 4)),
        dy_stride(width + draw.size(0, 9)),
        dy((p.rows() - 1) * dy_stride + width, kSentinel),
        before(draw.normals(p.table.taps * p.k * width)) {
    for (std::size_t i = 0; i < p.rows(); ++i)
      for (std::size_t j = 0; j < width; ++j) dy[i * dy_stride + j] = draw.normal();
  }
  std::vector<float> sums(const SparseMatrix& x, const std::vector<std::size_t>& cuts) const {
    Guarded dw(before);
    for (std::size_t part = 0; part + 1 < cuts.size(); ++part)
      conv_weight_gradient(x.data(), x.stride, p.k, p.table, {cuts[part], cuts[part + 1]}, dy.data(),
                           dy_stride, width, dw.data());
    EXPECT_TRUE(dw.intact());
    return dw.values();
  }
  std::vector<Exact> exact() const {
    std::vector<Exact> sums(before.size());
    for (std::size_t n = 0; n < before.size(); ++n) sums[n].add(before[n], 1);
    for (std::size_t i = 0; i < p.rows(); ++i)
      p.for_sources(i, [&](std::size_t tap, std::size_t from) {
        for (std::size_t k = 0; k < p.k; ++k)
          for (std::size_t j = 0; p.a(from, k) != 0 && j < width; ++j)
            sums[(tap * p.k + k) * width + j].add(p.a(from, k), dy[i * dy_stride + j]);
      });
    return sums;
  }
};

std::vector<Gradient> gradients(std::uint64_t seed, const ConvProblems& problems) {
  Draw draw(seed);
  std::vector<Gradient> list;
  for (const ConvProblem& p : problems.all()) list.emplace_back(draw, p);
  return list;
}

TEST(ConvWeightGradient, AddsTheProductOverTheExamplesAndWritesNothingElse) {
  ConvProblems problems(55, 12);
  const std::vector<Gradient> list = gradients(56, problems);
  std::vector<std::vector<Exact>> exact;
  for (const Gradient& gradient : list) exact.push_back(gradient.exact());
  Draw draw(57);
  problems.for_each([&](const ConvProblem& p, std::size_t which) {
    const std::vector<float> whole = list[which].sums(p.a, {0, p.examples}),
                             parts = list[which].sums(p.a, draw.cuts(p.examples));
    EXPECT_EQ(whole, parts);
    for (std::size_t n = 0; n < whole.size(); ++n)
      ASSERT_NEAR(whole[n], exact[which][n].sum, exact[which][n].bound()) << "number " << n;
  });
}

TEST(ConvWeightGradient, NanAndInfinityReachExactlyTheirChannelsUnderTheTapsThatTakeThem) {
  ConvProblems problems(58, 6);
  const std::vector<Gradient> list = gradients(59, problems);
  Draw draw(60);
  problems.for_each([&](const ConvProblem& p, std::size_t which) {
    Gradient gradient = list[which];
    const std::vector<float> good = gradient.sums(p.a, {0, p.examples});
    const std::size_t row = draw.size(0, p.a.rows - 1), channel = draw.size(0, p.k - 1),
                      column = draw.size(0, gradient.width - 1);
    SparseMatrix x = p.a;
    x(row, channel) = draw.size(0, 1) ? kNan : kInfinity;
    for (std::size_t i = 0; i < p.rows(); ++i) gradient.dy[i * gradient.dy_stride + column] = kNan;
    const std::vector<float> bad = gradient.sums(x, {0, p.examples});
    for (std::size_t tap = 0; tap < p.table.taps; ++tap) {
      bool any = false, takes = false;
      for (std::size_t i = 0; i < p.rows(); ++i) {
        any |= p.source(tap, i) >= 0;
        takes |= p.source(tap, i) == static_cast<std::ptrdiff_t>(row);
      }
      for (std::size_t k = 0; k < p.k; ++k)
        for (std::size_t j = 0; j < gradient.width; ++j)
          if (const std::size_t at = (tap * p.k + k) * gradient.width + j;
              (takes && k == channel) || (any && j == column))
            ASSERT_FALSE(std::isfinite(bad[at])) << tap << ", " << k << ", " << j;
          else
            ASSERT_EQ(bad[at], good[at]) << tap << ", " << k << ", " << j;
    }
  });
}

TEST(ExchangeChannels, TurnsEveryTapAndTheirOrderInAnyParts) {
  Draw draw(61);
  for_each_target([&](const char*) {
    for (int round = 0; round < 30; ++round) {
      const std::size_t taps = draw.size(1, 9), in = draw.size(1, 200), out = draw.size(1, 200);
      SCOPED_TRACE(testing::Message() << taps << " taps, " << in << " to " << out);
      const Panels from{taps * in, out}, to{taps * out, in};
      const std::vector<float> w = draw.normals(from.rows * out);
      std::vector<float> weights(from.size()), turned(to.rows * in), expected(to.size());
      pack_panels(w.data(), out, from, 0, from.count(), weights.data());
      for (std::size_t t = 0; t < taps; ++t)
        for (std::size_t i = 0; i < in; ++i)
          for (std::size_t o = 0; o < out; ++o)
            turned[((taps - 1 - t) * out + o) * in + i] = w[(t * in + i) * out + o];
      pack_panels(turned.data(), in, to, 0, to.count(), expected.data());
      Guarded exchanged(to.size());
      const std::vector<std::size_t> cuts = draw.cuts(to.count());
      for (std::size_t part = cuts.size() - 1; part-- > 0;) {
        exchange_channels(weights.data(), taps, in, out, {cuts[part], cuts[part + 1]}, exchanged.data());
        for (std::size_t n = 0; n < to.offset(cuts[part]); ++n)
          ASSERT_EQ(exchanged[n], kSentinel) << "a panel of another part";
      }
      EXPECT_EQ(exchanged.values(), expected);
      EXPECT_TRUE(exchanged.intact());
    }
  });
}

/// y and dx come from the same weights: Σ dy ∘ (W x) = Σ (Wᵀ dy) ∘ x.
TEST(ConvProduct, WithExchangedChannelsAlongTheTableBackIsTheTransposedProduct) {
  Draw draw(62);
  for (const ConvCase& c : conv_cases(draw, 12)) {
    SCOPED_TRACE(testing::Message() << c);
    const Taps taps = c.taps();
    ConvProblem forward(draw, c, taps, false), back(draw, c, taps, true);
    forward.starts = back.starts = false;
    for (std::size_t p = 0; p < back.shape.count(); ++p)
      exchange_channels(forward.panels.data(), forward.table.taps, c.in, c.out, {p, p + 1},
                        back.panels.data());
    const std::vector<float> y = product(forward, {0, forward.rows()}), dx = product(back, {0, back.rows()});
    double by_y = 0, by_x = 0, size = 0;
    for (std::size_t i = 0; i < forward.rows(); ++i)
      for (std::size_t j = 0; j < c.out; ++j) {
        const double term = static_cast<double>(y[i * forward.c_stride + j]) * back.a(i, j);
        by_y += term;
        size += std::fabs(term);
      }
    for (std::size_t i = 0; i < back.rows(); ++i)
      for (std::size_t j = 0; j < c.in; ++j)
        by_x += static_cast<double>(dx[i * back.c_stride + j]) * forward.a(i, j);
    EXPECT_NEAR(by_y, by_x, 1e-5 * size);
  }
}

TEST(ConvProducts, EmptyPartsWriteNothing) {
  ConvProblems problems(63, 0);
  const std::vector<Gradient> list = gradients(64, problems);
  problems.for_each([&](const ConvProblem& p, std::size_t which) {
    const std::size_t middle = p.rows() / 2;
    for (const float number : product(p, {middle, middle})) ASSERT_EQ(number, kSentinel);
    EXPECT_EQ(list[which].sums(p.a, {p.examples, p.examples}), list[which].before);
  });
}

}  // namespace
}  // namespace halfwave
