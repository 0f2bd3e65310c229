#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

// A window is a box, so that a pool is one pool along each axis after the other.

/// The places that a window covers along an axis: from `first` on, `count`, a dilation apart.
struct Cover {
  std::size_t first, count;
};

/// What each window covers of the places low … high-1.
std::vector<Cover> covers_of(const Window& w, std::int64_t low, std::int64_t high) {
  std::vector<Cover> covers;
  for (std::int64_t o = 0; o < w.out; ++o) {
    const std::int64_t start = o * w.stride - w.before;
    const std::int64_t first = start >= low ? 0 : (low - start - 1) / w.dilation + 1;
    const std::int64_t last = start >= high ? 0 : std::min(w.kernel, (high - 1 - start) / w.dilation + 1);
    const std::int64_t count = std::max<std::int64_t>(last - first, 0);
    covers.push_back({count > 0 ? static_cast<std::size_t>(start + first * w.dilation - low) : 0,
                      static_cast<std::size_t>(count)});
  }
  return covers;
}

/// Pools along the axes of planes, one after the other: calls begin(size of the next result), then
/// f(to, from) for every element of it and every element of the last that its window covers, and end().
template <class Begin, class F, class End>
void for_axes(std::span<const Window> windows, std::size_t planes, Begin&& begin, F&& f, End&& end) {
  // Axes that shrink come first, so that nothing in between is larger than the input or the result.
  std::vector<std::size_t> order(windows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_partition(order.rbegin(), order.rend(),
                        [&](std::size_t i) { return windows[i].out > windows[i].in; });
  std::vector<std::size_t> sizes;
  for (const Window& w : windows) sizes.push_back(static_cast<std::size_t>(w.in));
  for (const std::size_t axis : order) {
    const Window& w = windows[axis];
    std::size_t outer = planes, inner = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= sizes[i];
    for (std::size_t i = axis + 1; i < sizes.size(); ++i) inner *= sizes[i];
    const auto in = static_cast<std::size_t>(w.in), out = static_cast<std::size_t>(w.out),
               step = static_cast<std::size_t>(w.dilation) * inner;
    sizes[axis] = out;
    begin(outer * out * inner);
    const std::vector<Cover> covers = covers_of(w, 0, w.in);
    std::size_t to = 0;
    for (std::size_t block = 0; block < outer; ++block)
      for (const auto [first, count] : covers) {
        std::size_t from = (block * in + first) * inner;
        for (std::size_t t = 0; t < count; ++t, from += step)
          for (std::size_t i = 0; i < inner; ++i) f(to + i, from + i);
        to += inner;
      }
    end();
  }
}

/// Pools planes of x into y with f(result, element), from `start` on.
template <class T, class F>
void pool(std::span<const Window> windows, std::size_t planes, const T* x, T start, std::span<T> y, F&& f) {
  std::vector<T> from, to;
  const T* source = x;
  T* target = nullptr;
  for_axes(
      windows, planes,
      [&](std::size_t size) {
        to.assign(size, start);
        target = to.data();
      },
      [&](std::size_t i, std::size_t j) { target[i] = f(target[i], source[j]); },
      [&] {
        std::swap(from, to);
        source = from.data();
      });
  std::copy(from.begin(), from.end(), y.begin());
}

// --- The node's windows

/// Type and shape of a pool that takes elements of `types`.
std::vector<ValueInfo> infer_pool(const OperatorNode& node, Infos inputs, TypeSet types,
                                  std::vector<Window> (*windows)(const OperatorNode&, const Dims&)) {
  const ValueInfo& data = argument_among(inputs, 0, types);
  if (!data.dims) return one_output(data.type, std::nullopt);
  Dims dims = {(*data.dims).begin(),
               (*data.dims).begin() + std::min<std::ptrdiff_t>(2, std::ssize(*data.dims))};
  for (const Window& w : windows(node, *data.dims)) dims.push_back(w.out);
  return one_output(data.type, dims);
}

std::vector<Window> pool_windows(const OperatorNode& node, const Dims& dims) {
  const Dims spatial = spatial_dims(dims);
  if (!node.has("kernel_shape")) throw input_error("kernel_shape is missing");
  std::vector<Window> windows = windows_of(node, spatial, {});
  place_windows(node, windows, node.opset >= 10 && node.integer("ceil_mode", 0) != 0);
  for (const Window& w : windows)
    if (w.before >= w.extent() || (w.after >= w.extent() && auto_pad_of(node) == "NOTSET"))
      throw input_error(fmt::format("pads {} and {} leave windows of {} without an element", w.before,
                                    w.after, w.extent()));
  return windows;
}

/// One window over everything.
std::vector<Window> global_windows(const OperatorNode& /*node*/, const Dims& dims) {
  std::vector<Window> windows;
  for (const std::int64_t places : spatial_dims(dims)) {
    if (places == 0) throw input_error(fmt::format("{} has no places to pool", describe(dims)));
    windows.push_back({places, 1, places});
  }
  return windows;
}

std::size_t planes_of(const Dims& dims) { return static_cast<std::size_t>(product(dims, 0, 2)); }

/// Runs body(x, y, planes) on parts of the planes.
template <class T, class Body>
void share_planes(const OperatorCall& call, std::span<const Window> windows, Body&& body) {
  const std::size_t planes = planes_of(call.inputs[0].dims());
  if (planes == 0 || call.outputs[0].count() == 0) return;
  const std::span<const T> x = call.inputs[0].elements<T>();
  const std::span<T> y = call.outputs[0].elements<T>();
  const std::size_t in = x.size() / planes, out = y.size() / planes;
  double work = static_cast<double>(x.size());
  for (const Window& w : windows) work += static_cast<double>(y.size()) * static_cast<double>(w.kernel);
  const std::size_t at_once = std::max<std::size_t>(1, 16384 / std::max<std::size_t>(in, 1));
  share_work(call.threads, planes, work, [&](Range mine) {
    for (std::size_t first = mine.begin; first < mine.end; first += at_once) {
      const std::size_t count = std::min(at_once, mine.end - first);
      body(x.data() + first * in, y.subspan(first * out, count * out), count);
    }
  });
}

// --- MaxPool

template <class T>
bool is_nan(T x) {
  return x != x;
}

/// The larger; NaN is larger than any number.
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return b > a || is_nan(b) ? b : a;
  }
};

template <class T>
constexpr T kLeast = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                          : std::numeric_limits<T>::lowest();

constexpr TypeSet kPooled = kFullPrecision | TypeSet{ElementType::int8, ElementType::uint8};

std::vector<ValueInfo> infer_max_pool(const OperatorNode& node, Infos inputs) {
  std::vector<ValueInfo> outputs =
      infer_pool(node, inputs, kFloating | TypeSet{ElementType::int8, ElementType::uint8}, pool_windows);
  outputs.push_back({ElementType::int64, outputs[0].dims, {}});
  return outputs;
}

/// The places of the largest elements, in the order of x; with storage_order 1 columns are counted first.
template <class T>
void largest_places(std::span<const Window> windows, std::size_t planes, const T* x, bool columns_first,
                    std::span<std::int64_t> places) {
  std::size_t size = 1;
  for (const Window& w : windows) size *= static_cast<std::size_t>(w.in);
  std::vector<std::int64_t> from(planes * size), to;
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::int64_t>(i);
  const auto wins = [&](std::int64_t place, std::int64_t over) {  // of equal elements the first
    if (x[place] == x[over] || (is_nan(x[place]) && is_nan(x[over]))) return place < over;
    return is_nan(x[place]) || x[place] > x[over];
  };
  for_axes(
      windows, planes, [&](std::size_t count) { to.assign(count, -1); },
      [&](std::size_t i, std::size_t j) {
        if (from[j] >= 0 && (to[i] < 0 || wins(from[j], to[i]))) to[i] = from[j];
      },
      [&] { std::swap(from, to); });
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::int64_t place = from[i], rest = place % static_cast<std::int64_t>(size), turned = 0, stride = 1;
    if (columns_first && place >= 0) {
      place -= rest;
      std::vector<std::int64_t> index;
      for (std::size_t d = windows.size(); d-- > 0; rest /= windows[d].in)
        index.push_back(rest % windows[d].in);
      for (std::size_t d = 0; d < windows.size(); stride *= windows[d++].in)
        turned += index[windows.size() - 1 - d] * stride;
      place += turned;
    }
    places[i] = place;
  }
}

void compute_max_pool(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kPooled.has(type)) return compute_as(call, kPooled, compute_max_pool);
  const std::vector<Window> windows = pool_windows(call.node, call.inputs[0].dims());
  visit_among<kPooled>(type, [&]<class T>(TypeTag<T>) {
    if (call.outputs[0])
      share_planes<T>(call, windows, [&](const T* x, std::span<T> y, std::size_t planes) {
        pool(windows, planes, x, kLeast<T>, y, Larger());
      });
    if (call.outputs.size() > 1 && call.outputs[1])
      largest_places(windows, planes_of(call.inputs[0].dims()), call.inputs[0].elements<T>().data(),
                     call.node.integer("storage_order", 0) != 0, call.outputs[1].elements<std::int64_t>());
  });
}

std::vector<ValueInfo> infer_global_pool(const OperatorNode& node, Infos inputs) {
  return infer_pool(node, inputs, kFloating, global_windows);
}

void compute_global_max_pool(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_global_max_pool);
  const std::vector<Window> windows = global_windows(call.node, call.inputs[0].dims());
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    share_planes<T>(call, windows, [&](const T* x, std::span<T> y, std::size_t planes) {
      pool(windows, planes, x, kLeast<T>, y, Larger());
    });
  });
}

// --- AveragePool

template <class T>
void average(std::span<const Window> windows, bool with_padding, std::size_t planes, const T* x,
             std::span<T> y) {
  pool(windows, planes, x, T(0), y, [](T sum, T element) { return sum + element; });
  std::vector<double> counts = {1.0};  // of each window of a plane
  for (const Window& w : windows) {
    std::vector<double> more;
    for (const double outer : counts)
      for (const Cover& cover :
           covers_of(w, with_padding ? -w.before : 0, with_padding ? w.in + w.after : w.in))
        more.push_back(outer * static_cast<double>(std::max<std::size_t>(cover.count, 1)));
    counts = std::move(more);
  }
  for (std::size_t i = 0; i < y.size();)
    for (const double count : counts) y[i++] /= static_cast<T>(count);
}

std::vector<ValueInfo> infer_average_pool(const OperatorNode& node, Infos inputs) {
  return infer_pool(node, inputs, kFloating, pool_windows);
}

void compute_averages(const OperatorCall& call, std::span<const Window> windows, bool with_padding) {
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    share_planes<T>(call, windows, [&](const T* x, std::span<T> y, std::size_t planes) {
      average(windows, with_padding, planes, x, y);
    });
  });
}

void compute_average_pool(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_average_pool);
  compute_averages(call, pool_windows(call.node, call.inputs[0].dims()),
                   call.node.integer("count_include_pad", 0) != 0);
}

void compute_global_average_pool(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_global_average_pool);
  compute_averages(call, global_windows(call.node, call.inputs[0].dims()), false);
}

// --- LpPool: (Σ |x|^p)^(1/p)

/// A float in opset 1, 2 where it is not given.
double power_of(const OperatorNode& node) {
  const double p = node.opset < 2 ? static_cast<double>(node.number("p", 2.0f))
                                  : static_cast<double>(node.integer("p", 2));
  if (!(p > 0)) throw input_error(fmt::format("p cannot be {}", p));
  return p;
}

std::vector<ValueInfo> infer_lp_pool(const OperatorNode& node, Infos inputs) {
  power_of(node);
  return infer_pool(node, inputs, kFloating, pool_windows);
}
std::vector<ValueInfo> infer_global_lp_pool(const OperatorNode& node, Infos inputs) {
  power_of(node);
  return infer_pool(node, inputs, kFloating, global_windows);
}

void compute_norms(const OperatorCall& call, std::span<const Window> windows) {
  const double p = power_of(call.node);
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    share_planes<T>(call, windows, [&](const T* x, std::span<T> y, std::size_t planes) {
      const auto exponent = static_cast<T>(p);
      std::vector<T> powers(call.inputs[0].count() / planes_of(call.inputs[0].dims()) * planes);
      for (std::size_t i = 0; i < powers.size(); ++i) powers[i] = std::pow(std::abs(x[i]), exponent);
      pool(windows, planes, powers.data(), T(0), y, [](T sum, T element) { return sum + element; });
      for (T& sum : y) sum = std::pow(sum, T(1) / exponent);
    });
  });
}

void compute_lp_pool(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type())) return compute_as(call, kFullPrecision, compute_lp_pool);
  compute_norms(call, pool_windows(call.node, call.inputs[0].dims()));
}
void compute_global_lp_pool(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_global_lp_pool);
  compute_norms(call, global_windows(call.node, call.inputs[0].dims()));
}

/// The places of a window.
double pool_work(const OperatorNode& node, Infos /*inputs*/) {
  double places = 1.0;
  for (const std::int64_t size : node.integers("kernel_shape")) places *= static_cast<double>(size);
  return places;
}

constexpr Operator kOperators[] = {
    {"AveragePool", 1, infer_average_pool, compute_average_pool, pool_work},
    {"GlobalAveragePool", 1, infer_global_pool, compute_global_average_pool},
    {"GlobalLpPool", 1, infer_global_lp_pool, compute_global_lp_pool},
    {"GlobalMaxPool", 1, infer_global_pool, compute_global_max_pool},
    {"LpPool", 1, infer_lp_pool, compute_lp_pool, pool_work},
    {"MaxPool", 1, infer_max_pool, compute_max_pool, pool_work},
};

}  // namespace

std::span<const Operator> pooling_operators() { return kOperators; }

}  // namespace halfwave
