#include "kernels/rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Four vectors of columns a time, so that the additions of one row do not wait for those of the row before.
template <class Term>
HWY_INLINE void sum_columns(std::size_t rows, Range columns, float* sums, Term&& term) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t j = columns.begin;
  for (; j + 4 * lanes <= columns.end; j += 4 * lanes) {
    V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::size_t row = 0; row < rows; ++row) {
      s0 = term(d, row, j, s0);
      s1 = term(d, row, j + lanes, s1);
      s2 = term(d, row, j + 2 * lanes, s2);
      s3 = term(d, row, j + 3 * lanes, s3);
    }
    hn::StoreU(s0, d, sums + j);
    hn::StoreU(s1, d, sums + j + lanes);
    hn::StoreU(s2, d, sums + j + 2 * lanes);
    hn::StoreU(s3, d, sums + j + 3 * lanes);
  }
  for_columns({j, columns.end}, [&](auto tag, std::size_t column) HWY_ATTR {
    auto sum = hn::Zero(tag);
    for (std::size_t row = 0; row < rows; ++row) sum = term(tag, row, column, sum);
    hn::StoreU(sum, tag, sums + column);
  });
}

void ColumnSums(const float* x, std::size_t stride, std::size_t rows, Range columns, float* sums) {
  sum_columns(rows, columns, sums, [&](auto d, std::size_t row, std::size_t j, auto sum) HWY_ATTR {
    return hn::Add(sum, hn::LoadU(d, x + row * stride + j));
  });
}

/// Adds two sums a column over the rows: add(tag, row, column, first, second) adds one row to both. In groups
/// of rows that stay in the L1 cache, while the sums of four vectors of columns are in registers.
template <class Add>
HWY_INLINE void add_two_sums(Range rows, Range columns, float* first, float* second, Add&& add) {
  constexpr std::size_t kGroup = 32;
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t begin = rows.begin, end; begin < rows.end; begin = end) {
    end = std::min(rows.end, begin + kGroup);
    std::size_t j = columns.begin;
    for (; j + 4 * lanes <= columns.end; j += 4 * lanes) {
      const std::size_t j1 = j + lanes, j2 = j1 + lanes, j3 = j2 + lanes;
      V a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      for (std::size_t row = begin; row < end; ++row) {
        add(d, row, j, a0, b0);
        add(d, row, j1, a1, b1);
        add(d, row, j2, a2, b2);
        add(d, row, j3, a3, b3);
      }
      const auto finish = [&](std::size_t column, V a, V b) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, first + column), a), d, first + column);
        hn::StoreU(hn::Add(hn::LoadU(d, second + column), b), d, second + column);
      };
      finish(j, a0, b0);
      finish(j1, a1, b1);
      finish(j2, a2, b2);
      finish(j3, a3, b3);
    }
    for_columns({j, columns.end}, [&](auto tag, std::size_t column) HWY_ATTR {
      auto a = hn::Zero(tag), b = a;
      for (std::size_t row = begin; row < end; ++row) add(tag, row, column, a, b);
      hn::StoreU(hn::Add(hn::LoadU(tag, first + column), a), tag, first + column);
      hn::StoreU(hn::Add(hn::LoadU(tag, second + column), b), tag, second + column);
    });
  }
}

void AddMoments(const float* x, const float* shift, std::size_t stride, Range rows, Range columns,
                float* sums, float* squares) {
  add_two_sums(rows, columns, sums, squares,
               [&](auto d, std::size_t row, std::size_t j, auto& sum, auto& square) HWY_ATTR {
                 const auto difference = hn::Sub(hn::LoadU(d, x + row * stride + j), hn::LoadU(d, shift + j));
                 sum = hn::Add(sum, difference);
                 square = hn::MulAdd(difference, difference, square);
               });
}

void AddSlopes(const float* x, const float* centre, const float* dy, std::size_t stride, Range rows,
               Range columns, float* sums, float* products) {
  add_two_sums(rows, columns, sums, products,
               [&](auto d, std::size_t row, std::size_t j, auto& sum, auto& product) HWY_ATTR {
                 const auto difference =
                     hn::Sub(hn::LoadU(d, x + row * stride + j), hn::LoadU(d, centre + j));
                 const auto gradient = hn::LoadU(d, dy + row * stride + j);
                 sum = hn::Add(sum, gradient);
                 product = hn::MulAdd(gradient, difference, product);
               });
}

void CountNonzeros(const float* x, std::size_t stride, std::size_t rows, Range columns,
                   std::uint32_t* counts) {
  for_columns(columns, [&](auto d, std::size_t j) HWY_ATTR {
    const hn::Rebind<std::int32_t, decltype(d)> di;
    auto zeros = hn::Zero(di);  // a true mask is -1 as an integer
    for (std::size_t row = 0; row < rows; ++row)
      zeros = hn::Add(
          zeros,
          hn::BitCast(di, hn::VecFromMask(d, hn::Eq(hn::LoadU(d, x + row * stride + j), hn::Zero(d)))));
    auto* to = reinterpret_cast<std::int32_t*>(counts + j);
    const auto all = hn::Set(di, static_cast<std::int32_t>(rows));
    hn::StoreU(hn::Add(hn::LoadU(di, to), hn::Add(all, zeros)), di, to);
  });
}

void ColumnScale(const float* x, const float* centre, const float* a, const float* c, std::size_t stride,
                 Range rows, std::size_t columns, float* out) {
  for (std::size_t row = rows.begin; row < rows.end; ++row)
    for_columns({0, columns}, [&](auto d, std::size_t j) HWY_ATTR {
      const auto v = hn::Sub(hn::LoadU(d, x + row * stride + j), hn::LoadU(d, centre + j));
      hn::StoreU(hn::MulAdd(v, hn::LoadU(d, a + j), hn::LoadU(d, c + j)), d, out + row * stride + j);
    });
}

void ColumnCombine(const float* x, const float* centre, const float* a, const float* y, const float* b,
                   const float* c, std::size_t stride, Range rows, std::size_t columns, float* out) {
  for (std::size_t row = rows.begin; row < rows.end; ++row)
    for_columns({0, columns}, [&](auto d, std::size_t j) HWY_ATTR {
      const auto scaled =
          hn::MulAdd(hn::LoadU(d, y + row * stride + j), hn::LoadU(d, b + j), hn::LoadU(d, c + j));
      const auto v = hn::Sub(hn::LoadU(d, x + row * stride + j), hn::LoadU(d, centre + j));
      hn::StoreU(hn::MulAdd(v, hn::LoadU(d, a + j), scaled), d, out + row * stride + j);
    });
}

void ColumnAffine(const float* x, const float* factor, const float* shift, std::size_t stride, Range rows,
                  std::size_t columns, float* out) {
  for (std::size_t row = rows.begin; row < rows.end; ++row)
    for_columns({0, columns}, [&](auto d, std::size_t j) HWY_ATTR {
      const auto value = hn::LoadU(d, x + row * stride + j);
      const auto constant = shift ? hn::LoadU(d, shift + j) : hn::Zero(d);
      const auto result =
          factor ? hn::MulAdd(value, hn::LoadU(d, factor + j), constant) : hn::Add(value, constant);
      hn::StoreU(result, d, out + row * stride + j);
    });
}

void StandardiseBytes(const std::uint8_t* x, const float* mean, const float* scale, std::size_t n,
                      float* out) {
  for_columns({0, n}, [&](auto d, std::size_t j) HWY_ATTR {
    const hn::Rebind<std::int32_t, decltype(d)> di;
    const hn::Rebind<std::uint8_t, decltype(d)> du;
    const auto value = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(du, x + j)));
    hn::StoreU(hn::Mul(hn::Sub(value, hn::LoadU(d, mean + j)), hn::LoadU(d, scale + j)), d, out + j);
  });
}

void StandardiseFloats(const float* x, const float* mean, const float* scale, std::size_t n, float* out) {
  for_columns({0, n}, [&](auto d, std::size_t j) HWY_ATTR {
    const auto value = hn::LoadU(d, x + j);
    hn::StoreU(hn::Mul(hn::Sub(value, hn::LoadU(d, mean + j)), hn::LoadU(d, scale + j)), d, out + j);
  });
}

void Add(const float* a, const float* b, std::size_t n, float* sum) {
  for_columns({0, n}, [&](auto d, std::size_t j) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, a + j), hn::LoadU(d, b + j)), d, sum + j);
  });
}

void Multiply(const float* a, const float* b, std::size_t n, float* product) {
  for_columns({0, n}, [&](auto d, std::size_t j) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + j), hn::LoadU(d, b + j)), d, product + j);
  });
}

void AddSign(const float* h, float factor, std::size_t n, float* dy) {
  for_columns({0, n}, [&](auto d, std::size_t j) HWY_ATTR {
    const auto value = hn::LoadU(d, h + j);
    const auto step = hn::CopySign(hn::Set(d, factor), value);
    const auto sum = hn::Add(hn::LoadU(d, dy + j), hn::IfThenZeroElse(hn::Eq(value, hn::Zero(d)), step));
    hn::StoreU(sum, d, dy + j);
  });
}

/// Σ x² of one block, short enough for float sums.
float SquaresOfBlock(const float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const V a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes), c = hn::LoadU(d, x + i + 2 * lanes),
            e = hn::LoadU(d, x + i + 3 * lanes);
    s0 = hn::MulAdd(a, a, s0);
    s1 = hn::MulAdd(b, b, s1);
    s2 = hn::MulAdd(c, c, s2);
    s3 = hn::MulAdd(e, e, s3);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(ColumnSums);
HWY_EXPORT(AddMoments);
HWY_EXPORT(AddSlopes);
HWY_EXPORT(CountNonzeros);
HWY_EXPORT(ColumnScale);
HWY_EXPORT(ColumnCombine);
HWY_EXPORT(ColumnAffine);
HWY_EXPORT(StandardiseBytes);
HWY_EXPORT(StandardiseFloats);
HWY_EXPORT(Add);
HWY_EXPORT(Multiply);
HWY_EXPORT(AddSign);
HWY_EXPORT(SquaresOfBlock);

void column_sums(const float* x, std::size_t stride, std::size_t rows, Range columns, float* sums) {
  HWY_DYNAMIC_DISPATCH(ColumnSums)(x, stride, rows, columns, sums);
}
void add_moments(const float* x, const float* shift, std::size_t stride, Range rows, Range columns,
                 float* sums, float* squares) {
  HWY_DYNAMIC_DISPATCH(AddMoments)(x, shift, stride, rows, columns, sums, squares);
}
void add_slopes(const float* x, const float* centre, const float* dy, std::size_t stride, Range rows,
                Range columns, float* sums, float* products) {
  HWY_DYNAMIC_DISPATCH(AddSlopes)(x, centre, dy, stride, rows, columns, sums, products);
}
void count_nonzeros(const float* x, std::size_t stride, std::size_t rows, Range columns,
                    std::uint32_t* counts) {
  HWY_DYNAMIC_DISPATCH(CountNonzeros)(x, stride, rows, columns, counts);
}
void column_scale(const float* x, const float* centre, const float* a, const float* c, std::size_t stride,
                  Range rows, std::size_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(ColumnScale)(x, centre, a, c, stride, rows, columns, out);
}
void column_combine(const float* x, const float* centre, const float* a, const float* y, const float* b,
                    const float* c, std::size_t stride, Range rows, std::size_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(ColumnCombine)(x, centre, a, y, b, c, stride, rows, columns, out);
}
void column_affine(const float* x, const float* factor, const float* shift, std::size_t stride, Range rows,
                   std::size_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(ColumnAffine)(x, factor, shift, stride, rows, columns, out);
}
void standardise(const std::uint8_t* x, const float* mean, const float* scale, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(StandardiseBytes)(x, mean, scale, n, out);
}
void standardise(const float* x, const float* mean, const float* scale, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(StandardiseFloats)(x, mean, scale, n, out);
}
void add(const float* a, const float* b, std::size_t n, float* sum) {
  HWY_DYNAMIC_DISPATCH(Add)(a, b, n, sum);
}
void multiply(const float* a, const float* b, std::size_t n, float* product) {
  HWY_DYNAMIC_DISPATCH(Multiply)(a, b, n, product);
}
void add_sign(const float* h, float factor, std::size_t n, float* dy) {
  HWY_DYNAMIC_DISPATCH(AddSign)(h, factor, n, dy);
}

double sum_of_squares(const float* x, std::size_t n) {
  constexpr std::size_t kBlock = 4096;
  double sum = 0;
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t count = std::min(kBlock, n - i);
    const float block = HWY_DYNAMIC_DISPATCH(SquaresOfBlock)(x + i, count);
    if (std::isfinite(block))
      sum += static_cast<double>(block);
    else  // an exploding gradient still has a norm, which clipping needs
      for (std::size_t k = i; k < i + count; ++k)
        sum += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  }
  return sum;
}

std::size_t first_not_finite(const float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isfinite(x[i])) return i;
  return n;
}

}  // namespace halfwave
#endif
