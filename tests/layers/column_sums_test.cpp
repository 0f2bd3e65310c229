// Lost if these fail: the gradients and statistics of layers over many rows (batch norm, layer norm, learned
// activations) would leave rows out, count them twice, or depend on the number of threads.
#include "layers/column_sums.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace halfwave {
namespace {

/// Whole numbers, whose sums are exact in any order.
TEST(ColumnSums, EveryRowCountsOnceWithAnyNumberOfThreads) {
  Random random(80, stream_id(Stream::data, 400));
  struct Size {
    std::size_t rows, columns;
  };
  for (const Size size :
       {Size{1, 1}, {511, 3}, {512, 64}, {513, 16}, {5000, 5}, {1300, 100}, {40, 5000}, {7, 40000}})
    for (const int threads : {1, 2, 3}) {
      const std::size_t rows = size.rows, columns = size.columns;
      std::vector<float> x(rows * columns);
      for (float& value : x) value = static_cast<float>(random.below(16));
      AlignedVector<float> memory(ColumnSums(nullptr, rows, columns, 2).floats() + 1, -1.0f);
      const ColumnSums sums(memory.data(), rows, columns, 2);
      ASSERT_EQ(sums.row(), round_up(columns, kLineFloats));
      sums.run(threads, [&](Range part, float* to) {
        for (std::size_t i = part.begin; i < part.end; ++i)
          for (std::size_t j = 0; j < columns; ++j) {
            to[j] += x[i * columns + j];
            to[sums.row() + j] += x[i * columns + j] * static_cast<float>(i % 3);
          }
      });
      for (std::size_t j = 0; j < columns; ++j) {
        double first = 0, second = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          first += static_cast<double>(x[i * columns + j]);
          second += static_cast<double>(x[i * columns + j]) * static_cast<double>(i % 3);
        }
        ASSERT_EQ(sums.total(0, j), first) << rows << " x " << columns << ", column " << j;
        ASSERT_EQ(sums.total(1, j), second) << rows << " x " << columns << ", column " << j;
      }
      EXPECT_EQ(memory.back(), -1.0f);
    }
}

}  // namespace
}  // namespace halfwave
