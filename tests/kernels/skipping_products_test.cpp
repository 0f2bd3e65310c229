// Lost if these fail: a network that skips zeros would compute something else than one that does not, in its
// outputs or in its gradients. The products are compared with the dense kernels (the same chain of
// multiply-adds: equal numbers) and with plain sums in double; the bounds are those of any order of the float
// operations.
#include "kernels/skipping_products.h"

#include <cmath>

#include "kernels/dense_products.h"
#include "kernels/exact_sum.h"
#include "kernels/sparse_testing.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A sparse matrix a, times a panel; and where the result begins.
struct Problem {
  SparseMatrix a;
  std::size_t width, c_stride;
  std::vector<float> panel, row, scale;  // [a.columns, width], [width], [a.rows]

  Problem(Draw& draw, SparseMatrix matrix)
      : a(std::move(matrix)),
        width(kLineFloats * draw.size(1, 4)),
        c_stride(width + draw.size(0, 9)),
        panel(draw.normals(a.columns * width)),
        row(draw.normals(width)),
        scale(draw.normals(a.rows)) {}

  enum class Start { nothing, row, scaled_row };
  static constexpr Start kStarts[] = {Start::nothing, Start::row, Start::scaled_row};
  ProductStart start(Start kind) const {
    return {kind == Start::nothing ? nullptr : row.data(),
            kind == Start::scaled_row ? scale.data() : nullptr};
  }
  /// The dense kernel's result: [a.rows, c_stride].
  std::vector<float> dense(Start kind) const {
    std::vector<float> c(a.rows * c_stride, kSentinel);
    for (std::size_t i = 0; i < a.rows; ++i) {
      std::vector<float> first = row;
      for (float& x : first) x *= kind == Start::nothing ? 0 : kind == Start::scaled_row ? scale[i] : 1;
      dense_forward(a.data(), a.stride, panel.data(), first.data(), {a.columns, width}, c.data(), c_stride,
                    {i, i + 1}, {0, 1});
    }
    return c;
  }
  std::vector<float> skipping(const NonzeroLists& lists, Start kind = Start::row) const {
    Guarded c(a.rows * c_stride);
    skipping_product(lists, {0, lists.groups()}, panel.data(), width, start(kind), c.data(), c_stride);
    EXPECT_TRUE(c.intact());
    return c.values();
  }
  std::vector<float> skipping() const { return skipping(*OwnedLists::of_rows(a)); }
};

std::vector<Problem> problems(std::uint64_t seed) {
  Draw draw(seed);
  std::vector<Problem> list;
  for (SparseMatrix& matrix : sparse_matrices(draw)) list.emplace_back(draw, std::move(matrix));
  return list;
}

TEST(SkippingProduct, IsTheDenseChainOfMultiplyAddsWithoutItsZeros) {
  const std::vector<Problem> list = problems(30);
  for_each_target([&](const char*) {
    for (const Problem& p : list)
      for (const Problem::Start kind : Problem::kStarts) {
        SCOPED_TRACE(testing::Message() << p.a.rows << " x " << p.a.columns << " x " << p.width << ", start "
                                        << static_cast<int>(kind));
        const std::vector<float> dense = p.dense(kind), c = p.skipping(*OwnedLists::of_rows(p.a), kind);
        for (std::size_t i = 0; i < p.a.rows; ++i)
          for (std::size_t j = 0; j < p.c_stride; ++j)  // beyond the width both keep the sentinel
            ASSERT_EQ(c[i * p.c_stride + j], dense[i * p.c_stride + j]) << "at " << i << ", " << j;
      }
  });
}

TEST(SkippingProduct, IsTheProductInDouble) {
  const std::vector<Problem> list = problems(31);
  for_each_target([&](const char*) {
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.a.rows << " x " << p.a.columns << " x " << p.width);
      const std::vector<float> c = p.skipping(*OwnedLists::of_rows(p.a), Problem::Start::scaled_row);
      for (std::size_t i = 0; i < p.a.rows; ++i)
        for (std::size_t j = 0; j < p.width; ++j) {
          Exact exact;
          exact.add(p.row[j], p.scale[i]);
          for (std::size_t k = 0; k < p.a.columns; ++k) exact.add(p.a(i, k), p.panel[k * p.width + j]);
          ASSERT_NEAR(c[i * p.c_stride + j], exact.sum, exact.bound()) << "at " << i << ", " << j;
        }
    }
  });
}

/// The panel's memory, taken row-major, in any cut of its columns; NaN beside it must not matter.
TEST(SkippingFew, GivesTheNumbersOfTheProductByPanels) {
  const std::vector<Problem> list = problems(32);
  for_each_target([&](const char*) {
    Draw draw(33);
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.a.rows << " x " << p.a.columns << " x " << p.width);
      const OwnedLists lists = OwnedLists::of_rows(p.a);
      const std::vector<float> expected = p.skipping(*lists);
      const std::size_t stride = p.width + draw.size(0, 9);
      std::vector<float> weights(p.a.columns * stride, kNan);
      for (std::size_t k = 0; k < p.a.columns; ++k)
        std::copy_n(p.panel.data() + k * p.width, p.width, weights.data() + k * stride);
      Guarded y(p.a.rows * p.c_stride);
      const std::vector<std::size_t> cuts = draw.cuts(p.width, kLineFloats);
      for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
        skipping_few(*lists, {cuts[i], cuts[i + 1]}, weights.data(), stride, p.row.data(), y.data(),
                     p.c_stride);
      EXPECT_TRUE(y.intact());
      EXPECT_EQ(y.values(), expected);
    }
  });
}

/// dW = hᵀ·dy, from the lists of the units over the batch; with what every example adds to it.
TEST(SkippingProduct, OfTheTransposedListsIsTheDenseWeightGradient) {
  Draw draw(32);
  const std::vector<SparseMatrix> matrices = sparse_matrices(draw);
  for_each_target([&](const char*) {
    for (const SparseMatrix& h : matrices) {
      const std::size_t width = kLineFloats * draw.size(1, 4);
      SCOPED_TRACE(testing::Message() << h.columns << " x " << h.rows << " x " << width);
      const std::vector<float> dy = draw.normals(h.rows * width), row = draw.normals(width),
                               scale = draw.normals(h.columns);
      Guarded dense(h.columns * width), skipping(h.columns * width);
      const std::vector<std::size_t> cuts = draw.cuts(h.columns);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
        dense_weight_gradient(h.data(), h.stride, dy.data(), h.rows, {h.columns, width}, 0,
                              {cuts[c], cuts[c + 1]}, {row.data(), scale.data() + cuts[c]},
                              dense.data() + cuts[c] * width);
      const OwnedLists lists = OwnedLists::of_columns(h);
      skipping_product(*lists, {0, lists->groups()}, dy.data(), width, {row.data(), scale.data()},
                       skipping.data(), width);
      EXPECT_EQ(skipping.values(), dense.values());
      EXPECT_TRUE(skipping.intact());
    }
  });
}

/// Threads share the groups: a call writes the rows of its groups, and their numbers do not depend on how
/// many those are.
TEST(SkippingProduct, AnyCutIntoGroupsGivesTheSameBits) {
  const std::vector<Problem> list = problems(33);
  Draw draw(34);
  for_each_target([&](const char*) {
    for (const Problem& p : list) {
      SCOPED_TRACE(testing::Message() << p.a.rows << " x " << p.a.columns << " x " << p.width);
      const OwnedLists lists = OwnedLists::of_rows(p.a);
      const std::vector<float> whole = p.skipping(*lists, Problem::Start::scaled_row);
      Guarded c(whole.size());
      const std::vector<std::size_t> cuts = draw.cuts(lists->groups());
      for (std::size_t part = cuts.size() - 1; part-- > 0;) {
        const std::vector<float> before = c.values();
        const std::size_t first = lists->rows_of(cuts[part]).begin;
        skipping_product(*lists, {cuts[part], cuts[part + 1]}, p.panel.data(), p.width,
                         {p.row.data(), p.scale.data() + first}, c.data() + first * p.c_stride, p.c_stride);
        ASSERT_TRUE(same_bits(c.data(), before.data(), first * p.c_stride)) << "rows of another group";
      }
      EXPECT_TRUE(same_bits(c.values(), whole));
      EXPECT_TRUE(c.intact());
    }
  });
}

/// 0·NaN and 0·∞ are 0 here: such numbers of the panel reach the rows that use them, and no others.
TEST(SkippingProduct, NanAndInfinityOfThePanelReachExactlyTheRowsThatUseThem) {
  Draw draw(35);
  for_each_target([&](const char*) {
    for (const float bad : {kNan, kInfinity, -kInfinity})
      for (const std::size_t count : {1u, 3u, 300u}) {
        const std::size_t columns = draw.size(1, 300);
        Problem p(draw, sparse_matrix(draw, draw.size(1, 80), columns, count == 300 ? 0.0 : 0.3));
        const std::vector<float> good = p.skipping();
        std::vector<bool> poisoned(columns);
        poisoned[0] = poisoned[columns - 1] = true;  // where lists that are filled up would point
        for (std::size_t i = 0; i < count; ++i) poisoned[draw.size(0, columns - 1)] = true;
        for (std::size_t k = 0; k < columns; ++k)
          if (poisoned[k])
            std::fill_n(p.panel.begin() + static_cast<std::ptrdiff_t>(k * p.width), p.width, bad);
        const std::vector<float> c = p.skipping();
        for (std::size_t i = 0; i < p.a.rows; ++i) {
          bool used = false;
          for (std::size_t k = 0; k < columns; ++k) used |= poisoned[k] && p.a(i, k) != 0;
          const float* const mine = c.data() + i * p.c_stride;
          ASSERT_TRUE(used || same_bits(mine, good.data() + i * p.c_stride, p.width)) << "row " << i;
          for (std::size_t j = 0; used && j < p.width; ++j)
            ASSERT_FALSE(std::isfinite(mine[j])) << i << ", " << j;
        }
      }
  });
}

TEST(SkippingProduct, NanAndInfinityOfTheListsAndOfTheStartAreSeen) {
  Draw draw(36);
  for_each_target([&](const char*) {
    for (const float bad : {kNan, kInfinity}) {
      Problem p(draw, sparse_matrix(draw, 70, draw.size(1, 300), 0.2));
      const std::size_t row = draw.size(0, p.a.rows - 1), unit = draw.size(0, p.a.columns - 1),
                        column = draw.size(0, p.width - 1);
      const std::vector<float> good = p.skipping();
      p.a(row, unit) = bad;
      p.row[column] = bad;
      const std::vector<float> c = p.skipping();
      for (std::size_t i = 0; i < p.a.rows; ++i)
        for (std::size_t j = 0; j < p.width; ++j) {
          const float number = c[i * p.c_stride + j];
          if (i == row || j == column)
            ASSERT_FALSE(std::isfinite(number)) << i << ", " << j;
          else
            ASSERT_EQ(number, good[i * p.c_stride + j]) << i << ", " << j;
        }
    }
  });
}

/// dh = (dy·Wᵀ)∘mask, over the panels of any number of outputs.
struct MaskedProblem {
  SparseMatrix h;
  std::size_t outputs, dx_stride;
  Panels dy_shape, w_shape;
  std::vector<float> dy, w, dy_panels, w_panels;  // [h.rows, outputs], [h.columns, outputs]; in panels

  MaskedProblem(Draw& draw, SparseMatrix mask)
      : h(std::move(mask)),
        outputs(draw.size(1, 200)),
        dx_stride(round_up(h.columns, kLineFloats) + draw.size(0, 9)),
        dy_shape{h.rows, outputs},
        w_shape{h.columns, outputs},
        dy(draw.normals(h.rows * outputs)),
        w(draw.normals(h.columns * outputs)) {
    pack();
  }
  void pack() {
    dy_panels.assign(dy_shape.size(), 0.0f);
    w_panels.assign(w_shape.size(), 0.0f);
    pack_panels(dy.data(), outputs, dy_shape, 0, dy_shape.count(), dy_panels.data());
    pack_panels(w.data(), outputs, w_shape, 0, w_shape.count(), w_panels.data());
  }

  /// sums are overwritten by the first panel, whatever they hold.
  void sum(const NonzeroLists& lists, std::size_t block, Range groups, float* sums) const {
    for (std::size_t p = 0; p < w_shape.count(); ++p)
      masked_dots(lists, block, groups, dy_panels.data() + dy_shape.offset(p),
                  w_panels.data() + w_shape.offset(p), w_shape.width(p), p == 0, sums);
  }
  std::vector<float> gradient() const {
    const OwnedLists lists = OwnedLists::of_rows(h);
    Guarded sums(lists->capacity(), kNan), dx(h.rows * dx_stride);
    for (std::size_t block = 0; block < lists->blocks(); ++block) {
      sum(*lists, block, {0, lists->groups()}, sums.data());
      scatter_block(*lists, block, {0, lists->groups()}, sums.data(), dx.data(), dx_stride);
    }
    EXPECT_TRUE(sums.intact() && dx.intact() && lists.intact());
    return dx.values();
  }
};

TEST(MaskedProduct, IsTheDotProductWhereTheMaskIsAndZeroElsewhere) {
  Draw draw(40);
  std::vector<MaskedProblem> list;
  for (SparseMatrix& matrix : sparse_matrices(draw)) list.emplace_back(draw, std::move(matrix));
  for_each_target([&](const char*) {
    for (const MaskedProblem& p : list) {
      SCOPED_TRACE(testing::Message() << p.h.rows << " x " << p.h.columns << " x " << p.outputs);
      const std::vector<float> dx = p.gradient();
      for (std::size_t i = 0; i < p.h.rows; ++i) {
        const float* const row = dx.data() + i * p.dx_stride;
        for (std::size_t k = 0; k < p.h.columns; ++k) {
          if (p.h(i, k) == 0) {
            ASSERT_EQ(row[k], 0.0f) << "at " << i << ", " << k;
            continue;
          }
          Exact exact;
          for (std::size_t o = 0; o < p.outputs; ++o)
            exact.add(p.dy[i * p.outputs + o], p.w[k * p.outputs + o]);
          ASSERT_NEAR(row[k], exact.sum, exact.bound()) << "at " << i << ", " << k;
        }
        for (std::size_t k = p.h.columns; k < p.dx_stride; ++k)
          ASSERT_EQ(row[k], k < round_up(p.h.columns, kLineFloats) ? 0.0f : kSentinel) << "padding " << k;
      }
    }
  });
}

/// Threads share groups and blocks.
TEST(MaskedProduct, AnyCutIntoGroupsAndBlocksGivesTheSameBits) {
  Draw draw(41);
  for_each_target([&](const char*) {
    for (int round = 0; round < 6; ++round) {
      const MaskedProblem p(draw, sparse_matrix(draw, draw.size(33, 160), draw.size(120, 300), 0.4));
      SCOPED_TRACE(testing::Message() << p.h.rows << " x " << p.h.columns << " x " << p.outputs);
      const OwnedLists lists = OwnedLists::of_rows(p.h);
      Guarded sums(lists->capacity()), dx(p.h.rows * p.dx_stride);
      const std::size_t tile = lists->capacity() / (lists->groups() * lists->blocks());
      for (std::size_t block = lists->blocks(); block-- > 0;) {
        const std::vector<std::size_t> cuts = draw.cuts(lists->groups());
        for (std::size_t part = cuts.size() - 1; part-- > 0;) {
          const std::vector<float> before = sums.values(), dx_before = dx.values();
          const Range groups{cuts[part], cuts[part + 1]},
              columns = lists->columns_of(block),
              rows{lists->rows_of(groups.begin).begin, lists->rows_of(groups.end - 1).end};
          p.sum(*lists, block, groups, sums.data());
          const std::size_t begin = lists->offset(groups.begin, block),
                            end = lists->offset(groups.end - 1, block) + tile;
          ASSERT_TRUE(same_bits(sums.data(), before.data(), begin) &&
                      same_bits(sums.data() + end, before.data() + end, before.size() - end))
              << "sums of another tile";
          scatter_block(*lists, block, groups, sums.data(), dx.data(), p.dx_stride);
          for (std::size_t i = 0; i < p.h.rows; ++i)
            for (std::size_t k = 0; k < p.dx_stride; ++k) {
              const bool mine = i >= rows.begin && i < rows.end && k >= columns.begin &&
                                k < round_up(columns.end, kLineFloats);
              const std::size_t at = i * p.dx_stride + k;
              ASSERT_TRUE(mine || dx[at] == dx_before[at]) << "writes " << i << ", " << k;
            }
        }
      }
      EXPECT_TRUE(same_bits(dx.values(), p.gradient()));
      EXPECT_TRUE(sums.intact() && dx.intact());
    }
  });
}

/// What the mask leaves out is 0 even where the dot product would be NaN.
TEST(MaskedProduct, NanAndInfinityReachExactlyTheListedNumbersOfTheirRowAndUnit) {
  Draw draw(42);
  for_each_target([&](const char*) {
    for (const float bad : {kNan, kInfinity}) {
      MaskedProblem p(draw, sparse_matrix(draw, draw.size(1, 80), draw.size(1, 300), 0.3));
      const std::size_t example = draw.size(0, p.h.rows - 1), unit = draw.size(0, p.h.columns - 1),
                        output = draw.size(0, p.outputs - 1);
      const std::vector<float> good = p.gradient();
      p.dy[example * p.outputs + output] = bad;
      p.w[unit * p.outputs + draw.size(0, p.outputs - 1)] = bad;
      p.pack();
      const std::vector<float> dx = p.gradient();
      for (std::size_t i = 0; i < p.h.rows; ++i)
        for (std::size_t k = 0; k < p.h.columns; ++k) {
          const std::size_t at = i * p.dx_stride + k;
          if ((i == example || k == unit) && p.h(i, k) != 0)
            ASSERT_FALSE(std::isfinite(dx[at])) << i << ", " << k;
          else
            ASSERT_EQ(dx[at], good[at]) << i << ", " << k;
        }
    }
  });
}

TEST(SkippingProducts, EmptyPartsWriteNothing) {
  Draw draw(43);
  const Problem p(draw, sparse_matrix(draw, 70, 140, 0.5));
  for_each_target([&](const char*) {
    const OwnedLists lists = OwnedLists::of_rows(p.a);
    Guarded out(std::max(lists->capacity(), p.a.rows * 160));
    const std::vector<float> dy = draw.normals(p.a.rows * p.width);
    for (const std::size_t group : {std::size_t{0}, lists->groups()}) {
      skipping_product(*lists, {group, group}, p.panel.data(), p.width, {}, out.data(), p.c_stride);
      masked_dots(*lists, 1, {group, group}, dy.data(), p.panel.data(), p.width, true, out.data());
      scatter_block(*lists, 1, {group, group}, out.data(), out.data(), 160);
    }
    for (const float value : out.values()) ASSERT_EQ(value, kSentinel);
  });
}

}  // namespace
}  // namespace halfwave
