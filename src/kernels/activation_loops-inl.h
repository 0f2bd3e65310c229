// The loops around the functors of src/kernels/activations/, included once per instruction set.
#if defined(HALFWAVE_KERNELS_ACTIVATION_LOOPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFWAVE_KERNELS_ACTIVATION_LOOPS_INL_H
#undef HALFWAVE_KERNELS_ACTIVATION_LOOPS_INL_H
#else
#define HALFWAVE_KERNELS_ACTIVATION_LOOPS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "kernels/activation_declaration.h"
#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace halfwave::HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;

/// A copy of the parameters that no store to y can alias, so that they stay in registers.
template <class F>
struct LocalParameters {
  float values[F::info.parameters.size() + 1];
  explicit LocalParameters(const float* parameters) {
    for (std::size_t i = 0; i < F::info.parameters.size(); ++i) values[i] = parameters[i];
  }
};

/// n is a multiple of the vector's lanes.
template <class F>
HWY_NOINLINE void forward_vectors(const float* x, float* y, std::size_t n, const float* parameters) {
  const Floats d;
  const LocalParameters<F> p(parameters);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::StoreU(F::forward(d, hn::LoadU(d, x + i), p.values), d, y + i);
  }
}

/// Where a result of this many floats begins to push everything else out of the cache, itself included: it is
/// then written past the cache, which saves reading what is about to be overwritten.
constexpr std::size_t kPastCache = std::size_t{1} << 23;

HWY_INLINE bool writes_past_cache(const float* saved, const float* dy, const float* dx, std::size_t n) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(dx) % (hn::MaxLanes(Floats{}) * sizeof(float)) == 0;
  return n >= kPastCache && aligned && dx != saved && dx != dy;
}

template <class F>
HWY_NOINLINE void backward_vectors(const float* saved, const float* dy, float* dx, std::size_t n,
                                   const float* parameters) {
  const Floats d;
  const LocalParameters<F> p(parameters);
  if (writes_past_cache(saved, dy, dx, n)) {
    for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
      hn::Stream(F::backward(d, hn::LoadU(d, saved + i), hn::LoadU(d, dy + i), p.values), d, dx + i);
    }
    hwy::FlushStream();
    return;
  }
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::StoreU(F::backward(d, hn::LoadU(d, saved + i), hn::LoadU(d, dy + i), p.values), d, dx + i);
  }
}

/// The numbers that do not fill a vector, in one that is filled up with zeros.
struct Rest {
  HWY_ALIGN float values[hn::MaxLanes(Floats{})];
  Rest(const float* from, std::size_t n) {
    for (std::size_t i = 0; i < hn::MaxLanes(Floats{}); ++i) values[i] = i < n ? from[i] : 0.0f;
  }
  void store(float* to, std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) to[i] = values[i];
  }
};

template <class F>
void forward(const float* x, float* y, std::size_t n, const float* parameters) {
  const std::size_t lanes = hn::Lanes(Floats{}), rest = n % lanes, whole = n - rest;
  forward_vectors<F>(x, y, whole, parameters);
  if (rest > 0) {
    Rest last(x + whole, rest);
    forward_vectors<F>(last.values, last.values, lanes, parameters);
    last.store(y + whole, rest);
  }
}

template <class F>
void backward(const float* saved, const float* dy, float* dx, std::size_t n, const float* parameters) {
  const std::size_t lanes = hn::Lanes(Floats{}), rest = n % lanes, whole = n - rest;
  backward_vectors<F>(saved, dy, dx, whole, parameters);
  if (rest > 0) {
    const Rest last_saved(saved + whole, rest);
    Rest last(dy + whole, rest);
    backward_vectors<F>(last_saved.values, last.values, last.values, lanes, parameters);
    last.store(dx + whole, rest);
  }
}

template <class F>
constexpr ActivationKernels kernels_of() {
  if constexpr (requires { F::kernels(); }) {
    return F::kernels();
  } else {
    return {.pointwise = {&forward<F>, &backward<F>}};
  }
}

template <class... F>
std::span<const ActivationKernels> kernels_of(ActivationList<F...>) {
  static constexpr ActivationKernels made[] = {kernels_of<F>()...};
  return made;
}

}  // namespace halfwave::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
