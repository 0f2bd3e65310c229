#include "operators/windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfwave {
namespace {

/// An attribute with one number an axis, each from `least` on; all `otherwise` where there is none.
Dims numbers_of(const OperatorNode& node, std::string_view attribute, std::size_t count, std::int64_t least,
                std::int64_t otherwise) {
  const Dims numbers = node.integers(attribute, Dims(count, otherwise));
  if (numbers.size() != count)
    throw input_error(fmt::format("{} must be {} numbers, not {}", attribute, count, describe(numbers)));
  for (const std::int64_t number : numbers)
    if (number < least || number > kLargestTensor)
      throw input_error(fmt::format("{} cannot be {}", attribute, describe(numbers)));
  return numbers;
}

std::int64_t round_up_quotient(std::int64_t a, std::int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }

}  // namespace

Range Window::reach(std::int64_t tap) const {
  const std::int64_t at = place(tap);
  if (at >= in) return {};
  const std::int64_t first = std::min(round_up_quotient(-at, stride), out);
  const std::int64_t last = std::min((in - 1 - at) / stride + 1, out);
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(std::max(first, last))};
}

std::string auto_pad_of(const OperatorNode& node) {
  const std::string name = node.text("auto_pad", "NOTSET");
  if (name != "NOTSET" && name != "VALID" && name != "SAME_UPPER" && name != "SAME_LOWER")
    throw input_error(fmt::format("auto_pad '{}' is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER", name));
  return name.empty() ? "NOTSET" : name;
}

Dims spatial_dims(const Dims& dims) {
  if (dims.size() < 3)
    throw input_error(fmt::format("{} is not a shape of batch, channels and places", describe(dims)));
  return {dims.begin() + 2, dims.end()};
}

std::vector<Window> windows_of(const OperatorNode& node, const Dims& spatial, const Dims& kernel) {
  const std::size_t axes = spatial.size();
  const Dims kernels = node.has("kernel_shape") ? numbers_of(node, "kernel_shape", axes, 1, 1) : kernel;
  const Dims strides = numbers_of(node, "strides", axes, 1, 1),
             dilations = numbers_of(node, "dilations", axes, 1, 1);
  if (kernels.size() != axes || !std::all_of(kernels.begin(), kernels.end(), [](auto k) { return k >= 1; }))
    throw input_error(fmt::format("{} is no kernel for {} axes", describe(kernels), axes));
  std::vector<Window> windows(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    windows[i].in = spatial[i];
    windows[i].kernel = kernels[i];
    windows[i].stride = strides[i];
    windows[i].dilation = dilations[i];
  }
  return windows;
}

void place_windows(const OperatorNode& node, std::vector<Window>& windows, bool ceil) {
  const std::string automatic = auto_pad_of(node);
  const Dims pads = automatic == "NOTSET" ? numbers_of(node, "pads", 2 * windows.size(), 0, 0)
                                          : Dims(2 * windows.size(), 0);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    Window& w = windows[i];
    if (automatic.starts_with("SAME")) {
      w.out = round_up_quotient(w.in, w.stride);
      const std::int64_t missing = std::max<std::int64_t>((w.out - 1) * w.stride + w.extent() - w.in, 0);
      w.before = automatic == "SAME_UPPER" ? missing / 2 : missing - missing / 2;
      w.after = missing - w.before;
      continue;
    }
    w.before = pads[i];
    w.after = pads[windows.size() + i];
    const std::int64_t room = w.in + w.before + w.after - w.extent();
    // Rounded up also where there is no room: the only window may end outside.
    w.out = (room > 0 && ceil ? (room - 1) / w.stride + 1 : room / w.stride) + 1;
    if (w.out < 1 || (room < 0 && !ceil))
      throw input_error(fmt::format("a window of {} does not fit into the {} of axis {}, padded by {} and {}",
                                    w.extent(), w.in, i + 2, w.before, w.after));
    // A window that would begin in the padding at the end is none.
    if (ceil && (w.out - 1) * w.stride >= w.in + w.before) --w.out;
  }
}

}  // namespace halfwave
