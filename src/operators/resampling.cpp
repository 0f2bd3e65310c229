#include "operators/resampling.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "operators/moves.h"
#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

/// Where element i of the result lies in the input. In single precision, as other engines compute it: what is
/// nearest may hang on it.
float place_of(const Resampling& r, const ResizedAxis& axis, std::int64_t i) {
  const auto at = static_cast<float>(i), in = static_cast<float>(axis.in);
  const bool crops = r.coordinates == "tf_crop_and_resize";
  if (axis.scale == 1.0f && !crops) return at;  // an axis that stays, whatever is done with the others
  if (r.coordinates == "asymmetric") return at / axis.scale;
  if (r.coordinates == "align_corners") return axis.out == 1 ? 0.0f : at * (in - 1.0f) / (axis.length - 1.0f);
  if (r.coordinates == "tf_half_pixel_for_nn") return (at + 0.5f) / axis.scale;
  if (crops)
    return axis.out > 1
               ? axis.first * (in - 1.0f) + at * (axis.last - axis.first) * (in - 1.0f) / (axis.length - 1.0f)
               : 0.5f * (axis.first + axis.last) * (in - 1.0f);
  if (r.coordinates == "pytorch_half_pixel" && axis.out == 1) return 0.0f;
  const float half_pixel = (at + 0.5f) / axis.scale - 0.5f;
  if (r.coordinates == "half_pixel_symmetric")
    return in / 2.0f * (1.0f - static_cast<float>(axis.out) / axis.length) + half_pixel;
  return half_pixel;
}

/// A place as an index, far outside too.
std::int64_t to_index(float place) {
  constexpr float kFar = 4e9f;
  return place != place ? 0 : static_cast<std::int64_t>(std::clamp(place, -kFar, kFar));
}

std::int64_t nearest_to(const Resampling& r, const ResizedAxis& axis, float place) {
  float index = std::floor(place);
  if (r.nearest == "ceil") index = std::ceil(place);
  if (r.nearest == "round_prefer_floor") index = std::ceil(place - 0.5f);
  if (r.nearest == "round_prefer_ceil") index = std::floor(place + 0.5f);
  if (r.nearest == "simple" && axis.scale < 1.0f) index = std::ceil(place);
  return std::clamp<std::int64_t>(to_index(index), 0, axis.in - 1);
}

/// Whether nothing of the input is there.
bool is_outside(const Resampling& r, const ResizedAxis& axis, float place) {
  return r.coordinates == "tf_crop_and_resize" &&
         !(place >= 0.0f && place <= static_cast<float>(axis.in - 1));
}

/// An element of the result along one axis: a weighted sum of up to four of the input.
struct Blend {
  std::array<std::size_t, 4> index{};
  std::array<float, 4> weight{};
};

/// The weights of the four neighbours at a place `fraction` after the second (Keys, 1981).
std::array<float, 4> cubic_weights(float a, float fraction) {
  const float t = fraction, u = 1.0f - fraction;
  return {((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a, ((a + 2) * t - (a + 3)) * t * t + 1,
          ((a + 2) * u - (a + 3)) * u * u + 1, ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a};
}

Blend blend_at(const Resampling& r, const ResizedAxis& axis, float place) {
  const std::int64_t last = axis.in - 1;
  Blend blend;
  if (r.mode == Resampling::Mode::linear) {
    const float inside = std::clamp(place, 0.0f, static_cast<float>(last));
    const std::int64_t low = std::clamp<std::int64_t>(to_index(inside), 0, last);
    const float fraction = inside - static_cast<float>(low);
    blend.index = {static_cast<std::size_t>(low), static_cast<std::size_t>(std::min(low + 1, last))};
    blend.weight = {1.0f - fraction, fraction};
    return blend;
  }
  const float floor = std::floor(place);
  const std::int64_t low = to_index(floor);
  blend.weight = cubic_weights(r.cubic_a, place - floor);
  float sum = 0.0f;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::int64_t index = low - 1 + static_cast<std::int64_t>(k);
    if (r.exclude_outside && (index < 0 || index > last)) blend.weight[k] = 0.0f;
    blend.index[k] = static_cast<std::size_t>(std::clamp<std::int64_t>(index, 0, last));
    sum += blend.weight[k];
  }
  if (r.exclude_outside && sum != 0.0f)
    for (float& weight : blend.weight) weight /= sum;
  return blend;
}

/// [outer, in, inner] becomes [outer, out, inner].
template <class T>
std::vector<T> blend_axis(const std::vector<T>& x, std::size_t outer, std::size_t inner, std::size_t in,
                          const std::vector<Blend>& blends, std::size_t taps, int threads) {
  std::vector<T> y(outer * blends.size() * inner);
  share_work(threads, outer, static_cast<double>(y.size() * taps), [&](Range mine) {
    for (std::size_t block = mine.begin; block < mine.end; ++block) {
      const T* from = x.data() + block * in * inner;
      T* to = y.data() + block * blends.size() * inner;
      for (const Blend& blend : blends) {
        for (std::size_t k = 0; k < taps; ++k) {
          const T weight = static_cast<T>(blend.weight[k]);
          const T* row = from + blend.index[k] * inner;
          if (weight != T(0))
            for (std::size_t i = 0; i < inner; ++i) to[i] += weight * row[i];
        }
        to += inner;
      }
    }
  });
  return y;
}

template <class T>
void blend_axes(const Resampling& r, const Tensor& x, Tensor& y, int threads) {
  const std::span<const T> elements = x.elements<T>();
  std::vector<T> now(elements.begin(), elements.end());
  // Axes that shrink come first, so that nothing in between is larger than the input or the result.
  std::vector<std::size_t> order;
  for (const bool grows : {false, true})
    for (std::size_t i = r.axes.size(); i-- > 0;)
      if ((r.axes[i].out > r.axes[i].in) == grows) order.push_back(i);
  Dims dims = x.dims();
  for (const std::size_t i : order) {
    const ResizedAxis& axis = r.axes[i];
    std::vector<Blend> blends;
    bool same = axis.in == axis.out;
    for (std::int64_t at = 0; at < axis.out; ++at) {
      const float place = place_of(r, axis, at);
      same = same && place == static_cast<float>(at);
      blends.push_back(blend_at(r, axis, place));
    }
    if (same) continue;
    now = blend_axis(now, static_cast<std::size_t>(product(dims, 0, i)),
                     static_cast<std::size_t>(product(dims, i + 1, dims.size())),
                     static_cast<std::size_t>(axis.in), blends, r.mode == Resampling::Mode::linear ? 2 : 4,
                     threads);
    dims[i] = axis.out;
  }
  std::copy(now.begin(), now.end(), y.elements<T>().begin());
}

/// What stands outside, in the type of y.
Tensor extrapolation_of(const Resampling& r, const Tensor& y) {
  return Tensor::scalar(r.extrapolation).cast(y.type());
}

}  // namespace

void resample(const Resampling& r, const Tensor& x, Tensor& y, int threads) {
  if (y.count() == 0) return;
  const bool nearest = r.mode == Resampling::Mode::nearest;
  const Dims strides = strides_of(nearest ? x.dims() : y.dims());
  Offsets offsets;  // from the input, or into what is blended
  bool outside = false;
  for (std::size_t i = 0; i < r.axes.size(); ++i) {
    std::vector<std::int64_t> axis(static_cast<std::size_t>(r.axes[i].out));
    for (std::size_t at = 0; at < axis.size(); ++at) {
      const float place = place_of(r, r.axes[i], static_cast<std::int64_t>(at));
      const std::int64_t index = nearest ? nearest_to(r, r.axes[i], place) : static_cast<std::int64_t>(at);
      axis[at] = is_outside(r, r.axes[i], place) ? kFill : index * strides[i];
      outside = outside || axis[at] == kFill;
    }
    offsets.push_back(std::move(axis));
  }
  if (nearest) return take_elements(x, offsets, y, extrapolation_of(r, y));
  Tensor blended(y.type(), y.dims());
  if (y.type() == ElementType::float32)
    blend_axes<float>(r, x, blended, threads);
  else
    blend_axes<double>(r, x, blended, threads);
  if (outside)
    take_elements(blended, offsets, y, extrapolation_of(r, y));
  else
    y = blended;
}

}  // namespace halfwave
