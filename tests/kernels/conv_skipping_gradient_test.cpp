// Lost if these fail: the weights of a convolution that skips zeros would get other gradients than they have.
// Lists are compared number by number with the matrix, sums with plain sums in double; the bounds are those
// of any order of the float operations.
#include "kernels/conv_skipping.h"
#include "kernels/exact_sum.h"
#include "kernels/sparse_testing.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Lists of a matrix's channels, with memory of exactly their size, and what the positions are called by.
class OwnedPositions {
 public:
  explicit OwnedPositions(const SparseMatrix& matrix, const std::vector<std::uint32_t>& names)
      : memory_(PositionLists::floats(matrix.rows, matrix.columns) + 2 * kLineFloats, kSentinel),
        lists_(memory_.data() + kLineFloats, matrix.rows, matrix.columns) {
    for (std::size_t block = lists_.blocks(); block-- > 0;) {
      const std::size_t first = block * PositionLists::kRows;
      const std::vector<std::uint32_t> own(
          names.begin() + static_cast<std::ptrdiff_t>(first),
          names.begin() + static_cast<std::ptrdiff_t>(std::min(matrix.rows, first + PositionLists::kRows)));
      list_positions(matrix.data(), matrix.stride, own.data(), block, lists_);
    }
  }
  const PositionLists& operator*() const { return lists_; }
  bool intact() const {
    for (std::size_t i = 0; i < kLineFloats; ++i)
      if (memory_[i] != kSentinel || memory_[memory_.size() - 1 - i] != kSentinel) return false;
    return true;
  }

 private:
  AlignedVector<float> memory_;
  PositionLists lists_;
};

/// Ascending, with gaps as between the rows and the examples of a padded grid.
std::vector<std::uint32_t> random_names(Draw& draw, std::size_t rows, std::size_t first) {
  std::vector<std::uint32_t> names(1, static_cast<std::uint32_t>(first));
  while (names.size() < rows)
    names.push_back(names.back() + static_cast<std::uint32_t>(draw.size(0, 5) ? 1 : draw.size(1, 40)));
  return names;
}

TEST(PositionLists, HoldThePositionsOfEveryNonZeroOfEachChannelInOrder) {
  Draw draw(81);
  std::vector<SparseMatrix> matrices = sparse_matrices(draw);
  matrices[3](5, 7) = matrices[8](32, 128) = kNan;
  matrices[8](0, 64) = -kInfinity;
  for_each_target([&](const char*) {
    for (const SparseMatrix& matrix : matrices) {
      SCOPED_TRACE(testing::Message() << matrix.rows << " x " << matrix.columns);
      const std::vector<std::uint32_t> names = random_names(draw, matrix.rows, draw.size(0, 50));
      const OwnedPositions owned(matrix, names);
      const PositionLists& lists = *owned;
      ASSERT_EQ(lists.blocks(), (matrix.rows + PositionLists::kRows - 1) / PositionLists::kRows);
      for (std::size_t block = 0; block < lists.blocks(); ++block) {
        const std::size_t first = block * PositionLists::kRows,
                          last = std::min(matrix.rows, first + PositionLists::kRows);
        const std::uint32_t* const starts = lists.starts + block * (lists.channels + 1);
        const Nonzero* entry = lists.entries + block * lists.capacity();
        std::uint32_t at = 0;
        for (std::size_t k = 0; k < matrix.columns; ++k) {
          ASSERT_EQ(starts[k], at) << "channel " << k;
          for (std::size_t r = first; r < last; ++r) {
            const float number = matrix(r, k);
            if (number == 0) continue;
            ASSERT_EQ(lists.bases[block] + entry->column, names[r]) << r << ", " << k;
            ASSERT_TRUE(same_bits(&entry->value, &number, 1)) << r << ", " << k;
            ++entry, ++at;
          }
        }
        ASSERT_EQ(starts[matrix.columns], at);
      }
      EXPECT_TRUE(owned.intact());
    }
  });
}

/// Σ value · grid[name + offset[t]] for every tap t and channel, over a grid that holds `unused` where no
/// position of a number that is not zero finds its place.
struct GridProblem {
  SparseMatrix matrix;
  std::size_t width;
  std::vector<std::int32_t> offset;
  std::vector<std::uint32_t> names;
  std::vector<float> grid, before;  // [places, width]; [taps · channels, width]

  GridProblem(Draw& draw, SparseMatrix given, const std::vector<std::int32_t>& offsets, float unused)
      : matrix(std::move(given)),
        width(kLineFloats * draw.size(1, 4)),
        offset(offsets),
        names(random_names(draw, matrix.rows,
                           static_cast<std::size_t>(std::max(0, -*std::ranges::min_element(offset))))),
        before(draw.normals(offset.size() * matrix.columns * width)) {
    const std::int32_t most = std::max(0, *std::ranges::max_element(offset));
    grid.assign((names.back() + static_cast<std::size_t>(most) + 1) * width, unused);
    for (std::size_t r = 0; r < matrix.rows; ++r) {
      bool used = false;
      for (std::size_t k = 0; k < matrix.columns; ++k) used |= matrix(r, k) != 0;
      for (std::size_t t = 0; used && t < offset.size(); ++t)
        for (std::size_t j = 0; j < width; ++j) grid[place(r, t) * width + j] = draw.normal();
    }
  }
  std::size_t place(std::size_t row, std::size_t tap) const {
    return static_cast<std::size_t>(static_cast<std::int64_t>(names[row]) + offset[tap]);
  }
  std::vector<float> sums(const std::vector<std::size_t>& cuts) const {
    const OwnedPositions lists(matrix, names);
    Guarded sums(before);
    for (std::size_t part = 0; part + 1 < cuts.size(); ++part)
      skipping_conv_gradient(*lists, {cuts[part], cuts[part + 1]}, grid.data(), width, offset.size(),
                             offset.data(), sums.data());
    EXPECT_TRUE(sums.intact());
    return sums.values();
  }
};

/// Taps of rows of a kernel, in either direction of a grid; single taps; rows of three, five, seven.
std::vector<std::vector<std::int32_t>> offsets(Draw& draw) {
  std::vector<std::vector<std::int32_t>> list{{0},       {-1, 0, 1},    {3, 0, -3},
                                              {-17, 23}, {2, -5, 7, 8}, {4, 4, 4}};
  for (int i = 0; i < 10; ++i) {
    const std::size_t rows = draw.size(1, 3), columns = draw.size(1, 7);
    const auto pitch = static_cast<std::int32_t>(draw.size(1, 40)),
               step = static_cast<std::int32_t>(draw.size(1, 3)), sign = draw.size(0, 1) ? 1 : -1,
               shift = static_cast<std::int32_t>(draw.size(0, 60)) - 30;
    std::vector<std::int32_t>& taps = list.emplace_back();
    for (std::size_t y = 0; y < rows; ++y)
      for (std::size_t x = 0; x < columns; ++x)
        taps.push_back(shift +
                       sign * (static_cast<std::int32_t>(y) * pitch + static_cast<std::int32_t>(x) * step));
  }
  return list;
}

TEST(SkippingConvGradient, AddsTheProductAndReadsNothingForAZero) {
  Draw draw(82);
  std::vector<GridProblem> problems;
  std::vector<SparseMatrix> matrices = sparse_matrices(draw);
  std::size_t next = 0;
  for (const std::vector<std::int32_t>& offset : offsets(draw))
    for (int i = 0; i < 2; ++i)
      problems.emplace_back(draw, matrices[next++ % matrices.size()], offset,
                            draw.size(0, 1) ? kNan : kInfinity);
  std::vector<std::vector<Exact>> exact;
  for (const GridProblem& p : problems) {
    std::vector<Exact>& sums = exact.emplace_back(p.before.size());
    for (std::size_t n = 0; n < sums.size(); ++n) sums[n].add(p.before[n], 1);
    for (std::size_t r = 0; r < p.matrix.rows; ++r)
      for (std::size_t k = 0; k < p.matrix.columns; ++k)
        for (std::size_t t = 0; p.matrix(r, k) != 0 && t < p.offset.size(); ++t)
          for (std::size_t j = 0; j < p.width; ++j)
            sums[(t * p.matrix.columns + k) * p.width + j].add(p.matrix(r, k),
                                                               p.grid[p.place(r, t) * p.width + j]);
  }
  for_each_target([&](const char*) {
    for (std::size_t i = 0; i < problems.size(); ++i) {
      const GridProblem& p = problems[i];
      SCOPED_TRACE(testing::Message() << p.matrix.rows << " x " << p.matrix.columns << " x " << p.width
                                      << ", taps at " << testing::PrintToString(p.offset));
      const std::size_t blocks = PositionLists::blocks_of(p.matrix.rows);
      const std::vector<float> whole = p.sums({0, blocks});
      EXPECT_EQ(p.sums(draw.cuts(blocks)), whole);
      EXPECT_EQ(p.sums({blocks, blocks}), p.before);
      for (std::size_t n = 0; n < whole.size(); ++n)
        ASSERT_NEAR(whole[n], exact[i][n].sum, exact[i][n].bound()) << "number " << n;
    }
  });
}

TEST(SkippingConvGradient, NanAndInfinityReachExactlyTheChannelsThatUseThem) {
  Draw draw(83);
  const std::vector<std::vector<std::int32_t>> all = offsets(draw);
  for_each_target([&](const char*) {
    for (const std::vector<std::int32_t>& offset : all) {
      GridProblem p(draw, sparse_matrix(draw, draw.size(1, 300), draw.size(1, 150), draw.uniform(0, 0.5)),
                    offset, 0);
      const std::size_t blocks = PositionLists::blocks_of(p.matrix.rows),
                        bad = p.place(draw.size(0, p.matrix.rows - 1), draw.size(0, offset.size() - 1));
      const std::vector<float> good = p.sums({0, blocks});
      std::fill_n(p.grid.begin() + static_cast<std::ptrdiff_t>(bad * p.width), p.width,
                  draw.size(0, 1) ? kNan : -kInfinity);
      const std::vector<float> sums = p.sums({0, blocks});
      for (std::size_t t = 0; t < offset.size(); ++t)
        for (std::size_t k = 0; k < p.matrix.columns; ++k) {
          bool uses = false;
          for (std::size_t r = 0; r < p.matrix.rows; ++r) uses |= p.place(r, t) == bad && p.matrix(r, k) != 0;
          for (std::size_t j = 0; j < p.width; ++j)
            if (const std::size_t at = (t * p.matrix.columns + k) * p.width + j; uses)
              ASSERT_FALSE(std::isfinite(sums[at])) << t << ", " << k << ", " << j;
            else
              ASSERT_EQ(sums[at], good[at]) << t << ", " << k << ", " << j;
        }
    }
  });
}

}  // namespace
}  // namespace halfwave
