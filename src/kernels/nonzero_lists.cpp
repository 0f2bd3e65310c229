#include "kernels/nonzero_lists.h"

#include <algorithm>

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nonzero_lists.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/nonzero_pairs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void ListRows(const float* matrix, std::size_t stride, std::size_t group, const NonzeroLists& lists) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto iota = hn::Iota(du, 0);
  const Range rows = lists.rows_of(group);
  for (std::size_t block = 0; block < lists.blocks(); ++block) {
    const Range columns = lists.columns_of(block);
    std::uint32_t* starts = lists.starts(group, block);
    Nonzero* const entries = lists.entries(group, block);
    std::size_t at = 0;
    for (std::size_t r = rows.begin; r < rows.end; ++r) {
      *starts++ = static_cast<std::uint32_t>(at);
      const float* from = matrix + r * stride + columns.begin;
      at += list_numbers(
          from, columns.size(),
          [&](std::size_t j) HWY_ATTR { return hn::Add(iota, hn::Set(du, static_cast<std::uint32_t>(j))); },
          entries + at);
    }
    *starts = static_cast<std::uint32_t>(at);
  }
}

/// Bit i: column i of up to 32 numbers is not zero.
template <class D>
HWY_INLINE std::uint32_t nonzero_bits(D d, const float* from, std::size_t columns) {
  std::uint32_t bits = 0;
  for (std::size_t j = 0; j < columns; j += hn::Lanes(d)) {
    std::uint8_t bytes[8] = {};
    hn::StoreMaskBits(d, nonzeros(d, hn::LoadU(d, from + j), columns - j), bytes);
    bits |= (bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8) << j;
  }
  return bits;
}

void ListColumns(const float* matrix, std::size_t stride, std::size_t group, std::size_t block,
                 const NonzeroLists& lists) {
  const hn::ScalableTag<float> d;
  const Range units = lists.rows_of(group), examples = lists.columns_of(block);
  const float* const from = matrix + examples.begin * stride + units.begin;

  constexpr std::size_t kAhead = 16;

  // How long the lists are, then where they begin; and only then what they hold.
  std::uint32_t bits[NonzeroLists::kColumns] = {};
  std::uint32_t next[NonzeroLists::kRows] = {};
  for (std::size_t b = 0; b < examples.size(); ++b) {
    __builtin_prefetch(from + (b + kAhead) * stride);  // the next rows are on other pages: nobody else would
    __builtin_prefetch(from + (b + kAhead) * stride + kLineFloats);
    bits[b] = nonzero_bits(d, from + b * stride, units.size());
    for (std::size_t u = 0; u < NonzeroLists::kRows; ++u) next[u] += bits[b] >> u & 1u;
  }
  std::uint32_t* const starts = lists.starts(group, block);
  std::uint32_t at = 0;
  for (std::size_t u = 0; u < units.size(); ++u) {
    starts[u] = at;
    at += next[u];
    next[u] = starts[u];
  }
  starts[units.size()] = at;
  Nonzero* const entries = lists.entries(group, block);
  for (std::size_t b = 0; b < examples.size(); ++b)
    for (std::uint32_t left = bits[b]; left != 0; left &= left - 1) {
      const auto u = static_cast<std::size_t>(__builtin_ctz(left));
      entries[next[u]++] = {static_cast<std::uint32_t>(b), from[b * stride + u]};
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfwave
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfwave {

HWY_EXPORT(ListRows);
HWY_EXPORT(ListColumns);

void list_rows(const float* matrix, std::size_t stride, std::size_t group, const NonzeroLists& lists) {
  HWY_DYNAMIC_DISPATCH(ListRows)(matrix, stride, group, lists);
}

void list_columns(const float* matrix, std::size_t stride, std::size_t group, std::size_t block,
                  const NonzeroLists& lists) {
  HWY_DYNAMIC_DISPATCH(ListColumns)(matrix, stride, group, block, lists);
}

}  // namespace halfwave
#endif
