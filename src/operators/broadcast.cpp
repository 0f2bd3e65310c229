#include "operators/broadcast.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

#include "operators/arguments.h"

namespace halfwave {

Dims second_dims(const OperatorNode& node, const Dims& first, const Dims& second) {
  if (node.opset >= 7) return second;
  const auto wrong = [&](std::string_view why) {
    return input_error(
        fmt::format("shapes {} and {} do not fit together{}", describe(first), describe(second), why));
  };
  if (node.integer("broadcast", 0) == 0) {
    if (first != second) throw wrong(": the attribute broadcast is not set");
    return second;
  }
  if (second.size() > first.size()) throw wrong("");
  const std::size_t spare = first.size() - second.size();
  std::size_t axis = spare;
  if (node.has("axis") && !second.empty()) axis = axis_of(node.integer("axis", 0), first.size());
  if (std::all_of(second.begin(), second.end(), [](std::int64_t dim) { return dim == 1; })) return {};
  if (axis > spare) throw wrong(fmt::format(" from axis {} on", axis));
  for (std::size_t i = 0; i < second.size(); ++i)
    if (second[i] != 1 && second[i] != first[axis + i]) throw wrong(fmt::format(" from axis {} on", axis));
  Dims aligned = second;
  aligned.insert(aligned.end(), spare - axis, 1);
  return aligned;
}

RowWalk::RowWalk(const Dims& dims, std::initializer_list<const Dims*> others) {
  end_ = static_cast<std::size_t>(element_count(dims));
  Strides whole;  // elements of each array in the dimensions seen so far
  whole.fill(1);
  bool first = true;
  for (std::size_t back = 1; back <= dims.size(); ++back) {
    Axis axis{static_cast<std::size_t>(dims[dims.size() - back]), {}};
    for (std::size_t k = 0; const Dims* other : others) {
      const std::size_t size =
          back <= other->size() ? static_cast<std::size_t>((*other)[other->size() - back]) : 1;
      axis.strides[k] = size == 1 ? 0 : whole[k];
      whole[k++] *= size;
    }
    if (axis.size == 1) continue;
    // A dimension that goes on where the one inside it ends is a part of it.
    std::size_t& inner_size = outer_.empty() ? size_ : outer_.back().size;
    const Strides& inner = outer_.empty() ? steps_ : outer_.back().strides;
    bool goes_on = !first;
    for (std::size_t k = 0; k < kMost; ++k) goes_on = goes_on && axis.strides[k] == inner[k] * inner_size;
    if (goes_on) {
      inner_size *= axis.size;
    } else if (first) {
      size_ = axis.size;
      steps_ = axis.strides;
      first = false;
    } else {
      outer_.push_back(axis);
    }
  }
}

void RowWalk::next() {
  begin_ += size_;
  for (Axis& axis : outer_) {
    for (std::size_t k = 0; k < kMost; ++k) from_[k] += axis.strides[k];
    if (++axis.index < axis.size) return;
    for (std::size_t k = 0; k < kMost; ++k) from_[k] -= axis.strides[k] * axis.size;
    axis.index = 0;
  }
}

}  // namespace halfwave
