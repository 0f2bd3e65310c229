// Lost if these fail: zero-skipping products would leave numbers out, take numbers twice or multiply with the
// wrong row of the weights. The lists are compared number by number, bit by bit, with the matrix.
#include "kernels/nonzero_lists.h"

#include "kernels/sparse_testing.h"

namespace halfwave {
namespace {

/// The tiles of one group in some blocks are exactly the non-zero numbers of the matrix there, in order.
testing::AssertionResult lists_the(const SparseMatrix& matrix, const NonzeroLists& lists, std::size_t group,
                                   Range blocks) {
  const Range rows = lists.rows_of(group);
  for (std::size_t block = blocks.begin; block < blocks.end; ++block) {
    const Range columns = lists.columns_of(block);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      const std::uint32_t* starts = lists.starts(group, block) + (i - rows.begin);
      if (starts[0] > starts[1] || starts[1] > lists.capacity())
        return testing::AssertionFailure() << "starts of row " << i << ": " << starts[0] << ", " << starts[1];
      const std::span<const Nonzero> entries = row_entries(lists, group, block, i - rows.begin);
      std::size_t next = 0;
      for (std::size_t k = columns.begin; k < columns.end; ++k) {
        const float number = matrix(i, k);
        if (number == 0) continue;
        if (next == entries.size() || entries[next].column != k - columns.begin ||
            !same_bits(&entries[next].value, &number, 1))
          return testing::AssertionFailure() << number << " at " << i << ", " << k << " is not listed";
        ++next;
      }
      if (next != entries.size())
        return testing::AssertionFailure()
               << "row " << i << " of block " << block << " lists " << entries.size() << " of " << next;
    }
  }
  return testing::AssertionSuccess();
}
testing::AssertionResult lists_the(const SparseMatrix& matrix, const NonzeroLists& lists) {
  if (lists.rows() != matrix.rows || lists.columns() != matrix.columns)
    return testing::AssertionFailure() << "lists of " << lists.rows() << " x " << lists.columns();
  for (std::size_t group = 0; group < lists.groups(); ++group)
    if (const auto result = lists_the(matrix, lists, group, {0, lists.blocks()}); !result) return result;
  return testing::AssertionSuccess();
}

TEST(NonzeroLists, HoldEveryNonZeroOfAMatrixAndOfItsTransposeInOrder) {
  Draw draw(20);
  const std::vector<SparseMatrix> matrices = sparse_matrices(draw);
  for_each_target([&](const char*) {
    for (const SparseMatrix& matrix : matrices) {
      SCOPED_TRACE(testing::Message() << matrix.rows << " x " << matrix.columns);
      const OwnedLists rows = OwnedLists::of_rows(matrix), columns = OwnedLists::of_columns(matrix);
      EXPECT_TRUE(lists_the(matrix, *rows));
      EXPECT_TRUE(lists_the(transposed(matrix, 0), *columns)) << "transposed";
      EXPECT_TRUE(rows.intact() && columns.intact());
    }
  });
}

TEST(NonzeroLists, HoldDenormalNumbersNanAndInfinityButNoZeroOfEitherSign) {
  using Limits = std::numeric_limits<float>;
  const float listed[] = {Limits::denorm_min(),
                          -Limits::denorm_min(),
                          std::bit_cast<float>(0x007FFFFFu),
                          Limits::min(),
                          Limits::quiet_NaN(),
                          -Limits::quiet_NaN(),
                          Limits::infinity(),
                          -Limits::infinity(),
                          Limits::max(),
                          -Limits::min(),
                          1e-20f,
                          -1.0f};
  for_each_target([&](const char*) {
    // Every number at every place of a vector, among -0 and among ones.
    for (const float background : {-0.0f, 1.0f}) {
      SparseMatrix matrix(std::size(listed) * 17, 33, 3);
      for (std::size_t i = 0; i < matrix.rows; ++i)
        for (std::size_t j = 0; j < matrix.columns; ++j)
          matrix(i, j) = j % 17 == i % 17 ? listed[i / 17] : background;
      ASSERT_TRUE(lists_the(matrix, *OwnedLists::of_rows(matrix)));
      ASSERT_TRUE(lists_the(transposed(matrix, 0), *OwnedLists::of_columns(matrix)));
      const SparseMatrix flat = transposed(matrix, 5);
      ASSERT_TRUE(lists_the(flat, *OwnedLists::of_rows(flat)));
    }
  });
}

/// Threads list groups (and blocks of the transpose) at the same time, in any order.
TEST(NonzeroLists, EachCallWritesItsOwnTilesOnly) {
  Draw draw(21);
  for_each_target([&](const char*) {
    for (const double density : {0.4, 1.0}) {
      SparseMatrix matrix = sparse_matrix(draw, draw.size(65, 140), draw.size(257, 400), density);
      if (density == 1)  // tiles as full as they can be
        for (float& x : matrix.numbers) x = 1;
      const SparseMatrix turned = transposed(matrix, 0);
      {
        OwnedLists lists(matrix.rows, matrix.columns);
        const std::size_t group = draw.size(0, lists->groups() - 1);
        list_rows(matrix.data(), matrix.stride, group, *lists);
        EXPECT_TRUE(lists_the(matrix, *lists, group, {0, lists->blocks()}));
        EXPECT_TRUE(lists.untouched_outside(group, {0, lists->blocks()})) << "group " << group;
      }
      OwnedLists lists(turned.rows, turned.columns);
      const std::size_t group = draw.size(0, lists->groups() - 1), block = draw.size(0, lists->blocks() - 1);
      list_columns(matrix.data(), matrix.stride, group, block, *lists);
      EXPECT_TRUE(lists_the(turned, *lists, group, {block, block + 1}));
      EXPECT_TRUE(lists.untouched_outside(group, {block, block + 1})) << group << ", " << block;
    }
  });
}

/// A plan allocates lists once, for its largest batch, and uses them for every batch.
TEST(NonzeroLists, ListingAgainLeavesNothingOfWhatWasListedBefore) {
  Draw draw(22);
  for_each_target([&](const char*) {
    const std::size_t rows = draw.size(40, 90), columns = draw.size(130, 280);
    AlignedVector<float> memory(NonzeroLists::floats(rows, columns));
    for (const double density : {1.0, 0.2, 0.0, 0.6}) {
      const SparseMatrix matrix = sparse_matrix(draw, draw.size(1, rows), columns, density);
      ASSERT_LE(NonzeroLists::floats(matrix.rows, columns), memory.size()) << "fewer rows need more memory";
      const NonzeroLists lists(memory.data(), matrix.rows, columns);
      for (std::size_t g = 0; g < lists.groups(); ++g) list_rows(matrix.data(), matrix.stride, g, lists);
      EXPECT_TRUE(lists_the(matrix, lists));
    }
  });
}

}  // namespace
}  // namespace halfwave
