#include "layers/layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace halfwave {

std::size_t TensorSpec::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

namespace {

/// Taps of a convolution's kernel.
std::size_t taps_of(const TensorSpec& spec) {
  return std::accumulate(spec.shape.begin() + 2, spec.shape.end(), std::size_t{1}, std::multiplies<>());
}

/// The panels of one group.
Panels panels_of(const TensorSpec& spec) {
  if (spec.storage == TensorSpec::Storage::panels) return {spec.shape[0], spec.shape[1]};
  return {taps_of(spec) * spec.shape[1], spec.shape[0] / spec.groups};
}

/// Calls pair(a, b) for the places of each number of one group in [out, in, taps] and in [taps, in, out].
template <class Pair>
void for_taps(const TensorSpec& spec, Pair&& pair) {
  const std::size_t taps = taps_of(spec), in = spec.shape[1], out = spec.shape[0] / spec.groups;
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t t = 0; t < taps; ++t) pair((o * in + i) * taps + t, (t * in + i) * out + o);
}

}  // namespace

std::size_t TensorSpec::floats() const {
  switch (storage) {
    case Storage::plain:
      break;
    case Storage::panels:
    case Storage::taps:
      return groups * panels_of(*this).size();
  }
  return round_up(count(), kLineFloats);
}

std::size_t TensorSpec::fan_in() const { return storage == Storage::panels ? shape[0] : count() / shape[0]; }
std::size_t TensorSpec::fan_out() const {
  return storage == Storage::panels ? shape[1] : count() / shape[1] / groups;
}

void TensorSpec::store(std::span<const float> numbers, float* memory) const {
  std::fill_n(memory, floats(), 0.0f);
  if (storage == Storage::plain) {
    std::copy(numbers.begin(), numbers.end(), memory);
  } else {
    const Panels panels = panels_of(*this);
    const std::size_t each = numbers.size() / groups;
    std::vector<float> turned(storage == Storage::taps ? each : 0);
    for (std::size_t g = 0; g < groups; ++g) {
      const float* from = numbers.data() + g * each;
      if (storage == Storage::taps) {
        for_taps(*this, [&](std::size_t a, std::size_t b) { turned[b] = from[a]; });
        from = turned.data();
      }
      pack_panels(from, panels.columns, panels, 0, panels.count(), memory + g * panels.size());
    }
  }
}

std::vector<float> TensorSpec::load(const float* memory) const {
  std::vector<float> numbers(count());
  if (storage == Storage::plain) {
    std::copy_n(memory, numbers.size(), numbers.data());
  } else {
    const Panels panels = panels_of(*this);
    const std::size_t each = numbers.size() / groups;
    std::vector<float> turned(storage == Storage::taps ? each : 0);
    for (std::size_t g = 0; g < groups; ++g) {
      float* const to = numbers.data() + g * each;
      unpack_panels(memory + g * panels.size(), panels, storage == Storage::taps ? turned.data() : to);
      if (storage == Storage::taps) for_taps(*this, [&](std::size_t a, std::size_t b) { to[a] = turned[b]; });
    }
  }
  return numbers;
}

std::string Layer::line() const {
  std::string text(info_.name);
  // Without their name only the first two fields are written, while none was left out: more are a riddle, and
  // so is what is on or off.
  bool by_place = true;
  int written = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const LayerField& field = info_.fields[i];
    if (field.second) continue;
    if (fields_[i] == field.value && (!field.pair || fields_[i + 1] == info_.fields[i + 1].value)) {
      by_place = false;
      continue;
    }
    const auto word = [&](double value) {
      return !field.lowest.empty() && value == field.low ? std::string(field.lowest)
                                                         : fmt::format("{}", value);
    };
    const bool is_switch = field.whole && field.low == 0 && field.high == 1;
    by_place = by_place && !is_switch && written++ < 2;
    text += by_place ? " " : fmt::format(" {}=", field.name);
    text += word(fields_[i]);
    if (field.pair && has_second(i)) text.append("x").append(word(fields_[i + 1]));
  }
  return text;
}

std::size_t rows_together(const Shape& shape, std::size_t rows) {
  constexpr std::size_t kMost = 512, kLargestWhole = 1024, kTellings = 16;
  std::size_t whole = std::lcm(shape.width, NonzeroLists::kRows);
  if (whole > kLargestWhole) whole = NonzeroLists::kRows;
  return std::max<std::size_t>(std::min(kMost, rows / kTellings) / whole, 1) * whole;
}

double StepContext::or_told(double below) const {
  return skipping == Skipping::always ? 2.0 : skipping == Skipping::never ? 0.0 : below;
}
double StepContext::skips_below(Product product, std::size_t width) const {
  return or_told(skipping == Skipping::automatic ? crossovers().density(product, batch, width) : 0.0);
}
double StepContext::conv_skips_below(Product product, std::size_t width) const {
  return or_told(conv_crossover(product, width));
}

void RowLayer::forward(const StepContext& context, const LayerMemory& m) const {
  const std::size_t count = output_rows(context);
  make_rows(
      count, context.team(count * m.x_stride * kWork), m.y, m.y_stride, m.y_nonzeros,
      [&](Range rows) { forward_rows(context, m, rows); }, m.row_sink, rows_together(output(), count));
}

}  // namespace halfwave
