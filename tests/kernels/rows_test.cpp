// Lost if these fail: batch statistics, bias gradients, health figures and standardised inputs.
#include "kernels/rows.h"

#include <cmath>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

struct Matrix {
  std::size_t rows, columns, stride;
  std::vector<float> x, y, centre, a, b, c;
  explicit Matrix(Draw& draw)
      : rows(draw.size(1, 90)),
        columns(draw.size(1, 150)),
        stride(columns + draw.size(0, 20)),
        x(draw.normals(rows * stride)),
        y(draw.normals(rows * stride)),
        centre(draw.normals(columns)),
        a(draw.normals(columns)),
        b(draw.normals(columns)),
        c(draw.normals(columns)) {}
  double at(const std::vector<float>& m, std::size_t i, std::size_t j) const {
    return static_cast<double>(m[i * stride + j]);
  }
};

/// Compares one number a column with Σ term(row, column).
template <class Term>
void expect_sums(const Matrix& m, const float* sums, std::size_t rows, Term&& term) {
  for (std::size_t j = 0; j < m.columns; ++j) {
    double sum = 0, size = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      sum += term(i, j);
      size += std::fabs(term(i, j));
    }
    ASSERT_NEAR(sums[j], sum, static_cast<double>(rows + 3) * 2 * kFloatEpsilon * (size + 1))
        << "column " << j;
  }
}

TEST(Rows, ColumnSums) {
  for_each_target([&](const char*) {
    Draw draw(40);
    for (int round = 0; round < 20; ++round) {
      const Matrix m(draw);
      Guarded sums(m.columns), parts(m.columns);
      column_sums(m.x.data(), m.stride, m.rows, {0, m.columns}, sums.data());
      expect_sums(m, sums.data(), m.rows, [&](std::size_t i, std::size_t j) { return m.at(m.x, i, j); });
      const std::vector<std::size_t> cuts = draw.cuts(m.columns);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
        column_sums(m.x.data(), m.stride, m.rows, {cuts[c], cuts[c + 1]}, parts.data());
      EXPECT_TRUE(same_bits(sums.values(), parts.values()));
      EXPECT_TRUE(sums.intact() && parts.intact());
    }
  });
}

TEST(Rows, MomentsAndSlopesAddARangeOfRows) {
  for_each_target([&](const char*) {
    Draw draw(46);
    for (int round = 0; round < 20; ++round) {
      const Matrix m(draw);
      const std::size_t cut = m.rows / 3;
      const auto centred = [&](std::size_t i, std::size_t j) {
        return m.at(m.x, i, j) - static_cast<double>(m.centre[j]);
      };
      const Range all{0, m.columns};
      Guarded sums(m.columns, 0.0f), squares(m.columns, 0.0f), slopes(m.columns, 0.0f),
          products(m.columns, 0.0f);
      for (const Range rows : {Range{0, cut}, Range{cut, m.rows}}) {
        add_moments(m.x.data(), m.centre.data(), m.stride, rows, all, sums.data(), squares.data());
        add_slopes(m.x.data(), m.centre.data(), m.y.data(), m.stride, rows, all, slopes.data(),
                   products.data());
      }
      expect_sums(m, sums.data(), m.rows, centred);
      expect_sums(m, squares.data(), m.rows,
                  [&](std::size_t i, std::size_t j) { return centred(i, j) * centred(i, j); });
      expect_sums(m, slopes.data(), m.rows, [&](std::size_t i, std::size_t j) { return m.at(m.y, i, j); });
      expect_sums(m, products.data(), m.rows,
                  [&](std::size_t i, std::size_t j) { return centred(i, j) * m.at(m.y, i, j); });
      EXPECT_TRUE(sums.intact() && squares.intact() && slopes.intact() && products.intact());
    }
  });
}

TEST(Rows, AddAndMultiplyInAnyPlace) {
  for_each_target([&](const char*) {
    Draw draw(47);
    for (const std::size_t n : {1u, 7u, 16u, 53u}) {
      const std::vector<float> a = draw.normals(n), b = draw.normals(n);
      Guarded sum(n), over_a(a), over_b(b), product(n), product_over_a(a), product_over_b(b);
      add(a.data(), b.data(), n, sum.data());
      add(over_a.data(), b.data(), n, over_a.data());
      add(a.data(), over_b.data(), n, over_b.data());
      multiply(a.data(), b.data(), n, product.data());
      multiply(product_over_a.data(), b.data(), n, product_over_a.data());
      multiply(a.data(), product_over_b.data(), n, product_over_b.data());
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_EQ(sum[i], a[i] + b[i]);
        ASSERT_EQ(product[i], a[i] * b[i]);
      }
      EXPECT_TRUE(same_bits(product.values(), product_over_a.values()));
      EXPECT_TRUE(same_bits(product.values(), product_over_b.values()));
      EXPECT_TRUE(product.intact() && product_over_a.intact() && product_over_b.intact());
      EXPECT_TRUE(same_bits(sum.values(), over_a.values()) && same_bits(sum.values(), over_b.values()));
      EXPECT_TRUE(sum.intact() && over_a.intact() && over_b.intact());
    }
  });
}

TEST(Rows, CountsAddUpAndNanIsNotZero) {
  for_each_target([&](const char*) {
    Draw draw(41);
    for (int round = 0; round < 10; ++round) {
      Matrix m(draw);
      for (float& x : m.x) {
        const double kind = draw.uniform(0, 1);
        if (kind < 0.4) x = 0.0f;
        if (kind > 0.9) x = -0.0f;
        if (kind > 0.4 && kind < 0.45) x = NAN;
        if (kind > 0.45 && kind < 0.5) x = 1e-45f;  // the smallest denormal number is not zero
      }
      std::vector<std::uint32_t> counts(m.columns + 2, 5);
      const std::vector<std::size_t> cuts = draw.cuts(m.columns);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
        count_nonzeros(m.x.data(), m.stride, m.rows, {cuts[c], cuts[c + 1]}, counts.data());
      for (std::size_t j = 0; j < m.columns; ++j) {
        std::uint32_t expected = 5;
        for (std::size_t i = 0; i < m.rows; ++i) expected += m.x[i * m.stride + j] == 0.0f ? 0 : 1;
        ASSERT_EQ(counts[j], expected);
      }
      EXPECT_EQ(counts[m.columns], 5u);
    }
  });
}

TEST(Rows, ScaleAndCombineWriteOnlyTheirRowsAndColumns) {
  for_each_target([&](const char*) {
    Draw draw(42);
    for (int round = 0; round < 20; ++round) {
      const Matrix m(draw);
      const Range rows{m.rows / 3, m.rows};
      Guarded scaled(m.rows * m.stride), combined(m.rows * m.stride);
      column_scale(m.x.data(), m.centre.data(), m.a.data(), m.c.data(), m.stride, rows, m.columns,
                   scaled.data());
      column_combine(m.x.data(), m.centre.data(), m.a.data(), m.y.data(), m.b.data(), m.c.data(), m.stride,
                     rows, m.columns, combined.data());
      for (std::size_t i = 0; i < m.rows; ++i)
        for (std::size_t j = 0; j < m.stride; ++j) {
          const std::size_t at = i * m.stride + j;
          if (i < rows.begin || j >= m.columns) {
            ASSERT_TRUE(scaled[at] == kSentinel && combined[at] == kSentinel) << i << ", " << j;
            continue;
          }
          const double first =
              (m.at(m.x, i, j) - static_cast<double>(m.centre[j])) * static_cast<double>(m.a[j]);
          const double second = m.at(m.y, i, j) * static_cast<double>(m.b[j]),
                       shift = static_cast<double>(m.c[j]);
          const double size = 1 + std::fabs(first) + std::fabs(second) + std::fabs(shift);
          ASSERT_NEAR(scaled[at], first + shift, 4 * kFloatEpsilon * size);
          ASSERT_NEAR(combined[at], first + second + shift, 6 * kFloatEpsilon * size);
        }
      Guarded in_place(m.x), over_y(m.y);
      column_scale(in_place.data(), m.centre.data(), m.a.data(), m.c.data(), m.stride, rows, m.columns,
                   in_place.data());
      column_combine(m.x.data(), m.centre.data(), m.a.data(), over_y.data(), m.b.data(), m.c.data(), m.stride,
                     rows, m.columns, over_y.data());
      for (std::size_t i = rows.begin; i < m.rows; ++i) {
        ASSERT_TRUE(same_bits(in_place.data() + i * m.stride, scaled.data() + i * m.stride, m.columns));
        ASSERT_TRUE(same_bits(over_y.data() + i * m.stride, combined.data() + i * m.stride, m.columns));
      }
      EXPECT_TRUE(scaled.intact() && combined.intact());
    }
  });
}

TEST(Rows, AffineWithAndWithoutEachOfItsNumbers) {
  for_each_target([&](const char*) {
    Draw draw(48);
    for (int round = 0; round < 20; ++round) {
      const Matrix m(draw);
      const Range rows{m.rows / 3, m.rows};
      const float* const factor = round % 3 == 0 ? nullptr : m.a.data();
      const float* const shift = round % 3 == 1 ? nullptr : m.c.data();
      Guarded out(m.rows * m.stride), in_place(m.x);
      column_affine(m.x.data(), factor, shift, m.stride, rows, m.columns, out.data());
      column_affine(in_place.data(), factor, shift, m.stride, rows, m.columns, in_place.data());
      for (std::size_t i = 0; i < m.rows; ++i)
        for (std::size_t j = 0; j < m.stride; ++j) {
          const float value = out[i * m.stride + j];
          if (i < rows.begin || j >= m.columns) {
            ASSERT_EQ(value, kSentinel) << i << ", " << j;
            continue;
          }
          const double product = m.at(m.x, i, j) * (factor ? static_cast<double>(factor[j]) : 1.0),
                       constant = shift ? static_cast<double>(shift[j]) : 0.0;
          ASSERT_NEAR(value, product + constant,
                      2 * kFloatEpsilon * (1 + std::fabs(product) + std::fabs(constant)));
          ASSERT_EQ(in_place[i * m.stride + j], value);
        }
      EXPECT_TRUE(out.intact());
    }
  });
}

TEST(Rows, StandardiseBytesAndFloats) {
  for_each_target([&](const char*) {
    Draw draw(43);
    for (const std::size_t n : {1u, 3u, 8u, 15u, 16u, 17u, 100u, 784u}) {
      std::vector<std::uint8_t> bytes(n);
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(draw.size(0, 255));
      bytes[0] = 255;  // not -1
      const std::vector<float> floats = draw.normals(n), mean = draw.normals(n), scale = draw.normals(n);
      Guarded from_bytes(n), from_floats(n);
      standardise(bytes.data(), mean.data(), scale.data(), n, from_bytes.data());
      standardise(floats.data(), mean.data(), scale.data(), n, from_floats.data());
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_FLOAT_EQ(from_bytes[i], (static_cast<float>(bytes[i]) - mean[i]) * scale[i]);
        ASSERT_FLOAT_EQ(from_floats[i], (floats[i] - mean[i]) * scale[i]);
      }
      EXPECT_TRUE(from_bytes.intact() && from_floats.intact());
    }
  });
}

TEST(Rows, AddSignIsTheSlopeOfTheSumOfSizes) {
  for_each_target([&](const char*) {
    Draw draw(44);
    for (const std::size_t n : {1u, 7u, 16u, 53u}) {
      std::vector<float> h = draw.normals(n);
      if (n > 2) h[1] = 0.0f, h[2] = -0.0f;
      const std::vector<float> before = draw.normals(n);
      Guarded dy(before);
      add_sign(h.data(), 0.25f, n, dy.data());
      for (std::size_t i = 0; i < n; ++i) {
        const float sign = h[i] > 0 ? 1.0f : h[i] < 0 ? -1.0f : 0.0f;
        ASSERT_EQ(dy[i], before[i] + 0.25f * sign) << "at h = " << h[i];
      }
      EXPECT_TRUE(dy.intact());
    }
  });
}

TEST(Rows, SumOfSquares) {
  for_each_target([&](const char*) {
    Draw draw(45);
    for (const std::size_t n : {0u, 1u, 5u, 63u, 64u, 65u, 4095u, 4096u, 4097u, 20000u}) {
      const Guarded x(draw.normals(n));
      double exact = 0;
      for (std::size_t i = 0; i < n; ++i) exact += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      EXPECT_NEAR(sum_of_squares(x.data(), n), exact, 1e-5 * exact);
    }
    const std::vector<float> large(100, 1e25f);  // an exploding gradient still has a norm
    EXPECT_NEAR(sum_of_squares(large.data(), large.size()), 1e52, 1e47);
    const std::vector<float> nan{1.0f, NAN, 2.0f};
    EXPECT_TRUE(std::isnan(sum_of_squares(nan.data(), 3)));
  });
}

TEST(Rows, FirstNotFinite) {
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF})
    for (std::size_t at = 0; at <= 40; ++at) {
      std::vector<float> x(40, 3e38f);
      if (at < 40) x[at] = bad;
      EXPECT_EQ(first_not_finite(x.data(), x.size()), at);
    }
}

}  // namespace
}  // namespace halfwave
