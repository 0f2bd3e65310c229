#include "operators/moves.h"

#include <algorithm>

namespace halfwave {
namespace {

/// One axis of the loops.
struct Axis {
  const std::int64_t* offsets;
  std::size_t count;
  std::size_t block;  ///< elements of the output from one index to the next
};

template <class T>
struct Taker {
  const T* in;
  T fill;
  std::vector<Axis> axes;
  std::size_t run;  ///< elements that are taken one after the other at each place

  void take(std::size_t axis, std::int64_t from, T* out) const {
    if (axis == axes.size()) {
      std::copy_n(in + from, run, out);
      return;
    }
    const auto [offsets, count, block] = axes[axis];
    if (block == 1) {
      for (std::size_t i = 0; i < count; ++i) out[i] = offsets[i] < 0 ? fill : in[from + offsets[i]];
      return;
    }
    for (std::size_t i = 0; i < count; ++i, out += block) {
      if (offsets[i] < 0)
        std::fill_n(out, block, fill);
      else
        take(axis + 1, from + offsets[i], out);
    }
  }
};

/// Elements before an axis and after it; before it all are blocks of length · inner.
struct Blocks {
  std::size_t outer, inner;
  Blocks(const Dims& dims, std::size_t axis)
      : outer(static_cast<std::size_t>(product(dims, 0, axis))),
        inner(static_cast<std::size_t>(product(dims, axis + 1, dims.size()))) {}
};

}  // namespace

std::vector<std::int64_t> evenly(std::int64_t count, std::int64_t step, std::int64_t first) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) offsets[static_cast<std::size_t>(i)] = first + i * step;
  return offsets;
}

void take_elements(const Tensor& in, const Offsets& offsets, Tensor& out, const Tensor& fill) {
  if (out.count() == 0) return;
  visit_storage(in.type(), [&]<class T>(TypeTag<T>) {
    Taker<T> taker{storage<T>(in), fill ? *storage<T>(fill) : T{}, {}, 1};
    std::size_t axes = offsets.size();
    const auto is_run = [&](const std::vector<std::int64_t>& axis) {
      for (std::size_t i = 0; i < axis.size(); ++i)
        if (axis[i] != static_cast<std::int64_t>(i * taker.run)) return false;
      return true;
    };
    // The last axes are one run where they are taken as they lie in the input.
    while (axes > 0 && is_run(offsets[axes - 1])) taker.run *= offsets[--axes].size();
    std::size_t block = taker.run;
    std::int64_t first = 0;
    for (std::size_t i = axes; i-- > 0;) {
      if (offsets[i].size() == 1) {  // adds to the place of all
        if (offsets[i][0] < 0) {
          std::fill_n(storage<T>(out), out.count(), taker.fill);
          return;
        }
        first += offsets[i][0];
        continue;
      }
      taker.axes.push_back({offsets[i].data(), offsets[i].size(), block});
      block *= offsets[i].size();
    }
    std::reverse(taker.axes.begin(), taker.axes.end());
    taker.take(0, first, storage<T>(out));
  });
}

void join_elements(std::span<const Tensor> parts, std::size_t axis, Tensor& out) {
  const Blocks blocks(out.dims(), axis);
  const std::size_t out_block = static_cast<std::size_t>(out.dims()[axis]) * blocks.inner;
  visit_storage(out.type(), [&]<class T>(TypeTag<T>) {
    T* to = storage<T>(out);
    for (const Tensor& part : parts) {
      const std::size_t block = static_cast<std::size_t>(part.dims()[axis]) * blocks.inner;
      if (part.count() == 0) continue;
      for (std::size_t i = 0; i < blocks.outer; ++i)
        std::copy_n(storage<T>(part) + i * block, block, to + i * out_block);
      to += block;
    }
  });
}

void split_elements(const Tensor& in, std::size_t axis, std::span<const std::int64_t> lengths,
                    std::span<Tensor> parts) {
  const Blocks blocks(in.dims(), axis);
  const std::size_t in_block = static_cast<std::size_t>(in.dims()[axis]) * blocks.inner;
  visit_storage(in.type(), [&]<class T>(TypeTag<T>) {
    const T* from = storage<T>(in);
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::size_t block = static_cast<std::size_t>(lengths[part]) * blocks.inner;
      if (parts[part])
        for (std::size_t i = 0; i < blocks.outer; ++i)
          std::copy_n(from + i * in_block, block, storage<T>(parts[part]) + i * block);
      from += block;
    }
  });
}

void stretch_elements(const Tensor& in, Tensor& out) {
  if (out.count() == 0) return;
  const Dims strides = strides_of(in.dims());
  const std::size_t added = out.rank() - in.rank();
  Offsets offsets;
  for (std::size_t i = 0; i < out.rank(); ++i) {
    const bool repeats = i < added || in.dims()[i - added] == 1;
    offsets.push_back(evenly(out.dims()[i], repeats ? 0 : strides[i - added]));
  }
  take_elements(in, offsets, out);
}

}  // namespace halfwave
