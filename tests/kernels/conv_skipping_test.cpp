// Lost if these fail: a convolution that skips zeros would compute something else than one that does not, in
// its outputs or in the gradient by its input. The product is compared with the dense kernel (the same chain
// of multiply-adds: equal numbers), the gradient with plain sums in double; the bounds are those of any order
// of the float operations. For the gradient by the weights see conv_skipping_gradient_test.cpp.
#include "kernels/conv_skipping.h"

#include "kernels/conv_products.h"
#include "kernels/conv_testing.h"
#include "kernels/skipping_products.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> dense_product(const ConvProblem& p) {
  return p.by_parts({0, p.rows()}, [&](Range rows, const float* panel, std::size_t width, std::size_t columns,
                                       const float* start, float* c) {
    conv_product(p.a.data(), p.a.stride, p.k, p.table, rows, panel, width, columns, start, c, p.c_stride);
  });
}

/// The table may be another one than the problem's.
std::vector<float> skipping_product(const ConvProblem& p, const TapTable& table,
                                    const std::vector<std::size_t>& cuts) {
  const OwnedLists lists = OwnedLists::of_rows(p.a);
  return p.by_parts(cuts, [&](Range rows, const float* panel, std::size_t width, std::size_t columns,
                              const float* start, float* c) {
    skipping_conv_product(*lists, table, rows, panel, width, columns, start, c, p.c_stride);
  });
}
std::vector<float> skipping_product(const ConvProblem& p, const TapTable& table) {
  return skipping_product(p, table, {0, p.rows()});
}

/// The same sources, without a word on taps in a row.
TapTable tap_by_tap(const TapTable& table) {
  return {.taps = table.taps, .results = table.results, .operands = table.operands, .source = table.source};
}

std::vector<TapTable> both_ways(const TapTable& table) { return {table, tap_by_tap(table)}; }

TEST(SkippingConvProduct, IsTheDenseChainOfMultiplyAddsWithoutItsZeros) {
  ConvProblems problems(70, 14);
  Draw draw(71);
  problems.for_each([&](const ConvProblem& p, std::size_t) {
    const std::vector<float> dense = dense_product(p);
    for (const TapTable& table : both_ways(p.table)) {
      SCOPED_TRACE(testing::Message() << table.in_row << " taps in a row");
      EXPECT_EQ(skipping_product(p, table), dense);
      EXPECT_EQ(skipping_product(p, table, draw.cuts(p.rows(), table.result_columns)), dense);
      EXPECT_EQ(skipping_product(p, table, draw.cuts(p.rows())), dense) << "parts of rows of the grid";
    }
  });
}

/// 0·NaN and 0·∞ are 0 here: such weights reach the rows that use them, and no others.
TEST(SkippingConvProduct, NanAndInfinityOfTheWeightsReachExactlyTheRowsThatUseThem) {
  ConvProblems problems(72, 10);
  Draw draw(73);
  problems.for_each([&](const ConvProblem& good, std::size_t) {
    ConvProblem bad = good;
    const std::size_t taken = draw.size(0, bad.shape.rows - 1);  // channel and tap
    std::fill_n(bad.w.begin() + static_cast<std::ptrdiff_t>(taken * bad.columns), bad.columns,
                draw.size(0, 1) ? kNan : kInfinity);
    bad.pack();
    for (const TapTable& table : both_ways(good.table)) {
      const std::vector<float> expected = skipping_product(good, table), c = skipping_product(bad, table);
      for (std::size_t i = 0; i < good.rows(); ++i) {
        const std::ptrdiff_t from = good.source(taken / good.k, i);
        const bool uses = from >= 0 && good.a(static_cast<std::size_t>(from), taken % good.k) != 0;
        for (std::size_t j = 0; j < good.columns; ++j)
          if (const std::size_t at = i * good.c_stride + j; uses)
            ASSERT_FALSE(std::isfinite(c[at])) << i << ", " << j;
          else
            ASSERT_EQ(c[at], expected[at]) << i << ", " << j;
      }
    }
  });
}

TEST(SkippingConvProduct, NanAndInfinityOfTheListsReachExactlyTheRowsThatTakeThem) {
  ConvProblems problems(74, 10);
  Draw draw(75);
  problems.for_each([&](const ConvProblem& good, std::size_t) {
    ConvProblem bad = good;
    const std::size_t row = draw.size(0, bad.a.rows - 1);
    bad.a(row, draw.size(0, bad.k - 1)) = draw.size(0, 1) ? kNan : kInfinity;
    for (const TapTable& table : both_ways(good.table)) {
      const std::vector<float> expected = skipping_product(good, table), c = skipping_product(bad, table);
      for (std::size_t i = 0; i < good.rows(); ++i) {
        bool takes = false;
        good.for_sources(i, [&](std::size_t, std::size_t from) { takes |= from == row; });
        for (std::size_t j = 0; j < good.columns; ++j)
          if (const std::size_t at = i * good.c_stride + j; takes)
            ASSERT_FALSE(std::isfinite(c[at])) << i << ", " << j;
          else
            ASSERT_EQ(c[at], expected[at]) << i << ", " << j;
      }
    }
  });
}

/// dx ∘ mask for x [examples · inputs, in] and dy [examples · outputs, out] with the weights as forward has
/// them.
struct MaskedProblem {
  ConvProblem forward;  ///< a: the mask
  TapTable back;
  std::size_t dy_stride, dx_stride;
  std::vector<float>
      dy;  ///< padding of a panel's width holds finite numbers, what is behind it must not be read

  MaskedProblem(Draw& draw, const ConvCase& c, const Taps& taps)
      : forward(draw, c, taps, false),
        back(taps.back()),
        dy_stride(round_up(c.out, kLineFloats) + draw.size(0, 9)),
        dx_stride(round_up(c.in, kLineFloats) + draw.size(0, 9)),
        dy((forward.rows() - 1) * dy_stride + round_up(c.out, kLineFloats), kNan) {
    for (std::size_t i = 0; i < forward.rows(); ++i)
      for (std::size_t j = 0; j < round_up(c.out, kLineFloats); ++j) dy[i * dy_stride + j] = draw.normal();
  }

  /// The dots of one part, then into dx.
  void add(const NonzeroLists& lists, std::size_t block, Range groups, float* sums, float* dx) const {
    const Panels& shape = forward.shape;
    for (std::size_t p = 0; p < shape.count(); ++p)
      masked_conv_dots(lists, back, block, groups, dy.data() + p * Panels::kWidth, dy_stride,
                       forward.panels.data() + shape.offset(p), shape.width(p), sums);
    scatter_block(lists, block, groups, sums, dx, dx_stride);
  }
  std::vector<float> gradient() const {
    const OwnedLists lists = OwnedLists::of_rows(forward.a);
    Guarded sums(lists->capacity(), 0.0f), dx(forward.a.rows * dx_stride);
    for (std::size_t block = 0; block < lists->blocks(); ++block)
      add(*lists, block, {0, lists->groups()}, sums.data(), dx.data());
    EXPECT_TRUE(sums.intact() && dx.intact() && lists.intact());
    return dx.values();
  }
  /// [inputs, in], all of them.
  std::vector<Exact> exact() const {
    const ConvProblem& p = forward;
    std::vector<Exact> sums(p.a.rows * p.k);
    for (std::size_t i = 0; i < p.rows(); ++i)
      p.for_sources(i, [&](std::size_t tap, std::size_t from) {
        for (std::size_t k = 0; k < p.k; ++k)
          for (std::size_t j = 0; p.a(from, k) != 0 && j < p.columns; ++j)
            sums[from * p.k + k].add(dy[i * dy_stride + j], p.w[(tap * p.k + k) * p.columns + j]);
      });
    return sums;
  }
};

/// body(problem, its case's number) for every instruction set.
template <class Body>
void for_each_masked(std::uint64_t seed, int random, Body&& body) {
  Draw draw(seed);
  const std::vector<ConvCase> cases = conv_cases(draw, random);
  std::vector<Taps> taps;
  for (const ConvCase& c : cases) taps.push_back(c.taps());
  std::vector<MaskedProblem> problems;
  for (std::size_t i = 0; i < cases.size(); ++i) problems.emplace_back(draw, cases[i], taps[i]);
  std::vector<std::vector<Exact>> exact;
  for (const MaskedProblem& p : problems) exact.push_back(p.exact());
  for_each_target([&](const char*) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(testing::Message() << cases[i]);
      body(problems[i], exact[i]);
    }
  });
}

TEST(MaskedConvDots, AreTheGradientWhereTheMaskIsAndZeroElsewhere) {
  for_each_masked(76, 12, [](const MaskedProblem& p, const std::vector<Exact>& exact) {
    const SparseMatrix& mask = p.forward.a;
    const std::vector<float> dx = p.gradient();
    for (std::size_t i = 0; i < mask.rows; ++i)
      for (std::size_t k = 0; k < p.dx_stride; ++k) {
        const float number = dx[i * p.dx_stride + k];
        if (k >= mask.columns)
          ASSERT_EQ(number, k < round_up(mask.columns, kLineFloats) ? 0.0f : kSentinel) << "padding " << k;
        else if (mask(i, k) == 0)
          ASSERT_EQ(number, 0.0f) << "at " << i << ", " << k;
        else
          ASSERT_NEAR(number, exact[i * mask.columns + k].sum, exact[i * mask.columns + k].bound())
              << "at " << i << ", " << k;
      }
  });
}

/// Threads share groups of rows; an example may begin within one. Sums are added to what there is.
TEST(MaskedConvDots, AnyCutIntoGroupsAndBlocksGivesTheSameBits) {
  Draw draw(77);
  for_each_masked(78, 6, [&](const MaskedProblem& p, const std::vector<Exact>&) {
    const OwnedLists lists = OwnedLists::of_rows(p.forward.a);
    const std::size_t tile = lists->capacity() / (lists->groups() * lists->blocks());
    Guarded sums(lists->capacity(), 0.0f), dx(p.forward.a.rows * p.dx_stride);
    for (std::size_t block = lists->blocks(); block-- > 0;) {
      const std::vector<std::size_t> cuts = draw.cuts(lists->groups());
      for (std::size_t part = cuts.size() - 1; part-- > 0;) {
        const std::vector<float> before = sums.values();
        p.add(*lists, block, {cuts[part], cuts[part + 1]}, sums.data(), dx.data());
        const std::size_t begin = lists->offset(cuts[part], block),
                          end = lists->offset(cuts[part + 1] - 1, block) + tile;
        ASSERT_TRUE(same_bits(sums.data(), before.data(), begin) &&
                    same_bits(sums.data() + end, before.data() + end, before.size() - end))
            << "sums of another tile";
      }
    }
    EXPECT_TRUE(same_bits(dx.values(), p.gradient()));
    EXPECT_TRUE(sums.intact());
  });
}

TEST(MaskedConvDots, NanAndInfinityReachExactlyTheListedNumbersThatTakeThem) {
  Draw draw(79);
  for_each_masked(80, 8, [&](const MaskedProblem& good, const std::vector<Exact>&) {
    MaskedProblem bad = good;
    const ConvProblem& p = good.forward;
    const std::size_t row = draw.size(0, p.rows() - 1), taken = draw.size(0, p.shape.rows - 1);
    const float number = draw.size(0, 1) ? kNan : kInfinity;
    bad.dy[row * bad.dy_stride + draw.size(0, p.columns - 1)] = number;
    bad.forward.w[taken * p.columns + draw.size(0, p.columns - 1)] = number;
    bad.forward.pack();
    std::vector<bool> reached(p.a.rows * p.k);
    for (std::size_t i = 0; i < p.rows(); ++i)
      p.for_sources(i, [&](std::size_t tap, std::size_t from) {
        for (std::size_t k = 0; k < p.k; ++k)
          if (i == row || tap * p.k + k == taken) reached[from * p.k + k] = true;
      });
    const std::vector<float> expected = good.gradient(), dx = bad.gradient();
    for (std::size_t i = 0; i < p.a.rows; ++i)
      for (std::size_t k = 0; k < p.k; ++k)
        if (const std::size_t at = i * good.dx_stride + k; reached[i * p.k + k] && p.a(i, k) != 0)
          ASSERT_FALSE(std::isfinite(dx[at])) << i << ", " << k;
        else
          ASSERT_EQ(dx[at], expected[at]) << i << ", " << k;
  });
}

}  // namespace
}  // namespace halfwave
