#include <algorithm>
#include <cmath>

#include "operators/elementwise.h"

namespace halfwave {
namespace {

/// The groups that are normalised: element i of group (o, k) is at (o * size + i) * inner + k.
struct Groups {
  std::size_t outer = 1, size = 1, inner = 1;
};

/// From opset 13 on a group lies along the axis (the last); before that everything from the axis (the second)
/// on is one group.
Groups groups_of(const OperatorNode& node, const Dims& dims) {
  const bool along = node.opset >= 13;
  const std::size_t axis = axis_of(node.integer("axis", along ? -1 : 1), dims.size());
  const auto count = [&](std::size_t first, std::size_t last) {
    return static_cast<std::size_t>(product(dims, first, last));
  };
  if (along) return {count(0, axis), count(axis, axis + 1), count(axis + 1, dims.size())};
  return {count(0, axis), count(axis, dims.size()), 1};
}

std::vector<ValueInfo> infer_softmax(const OperatorNode& node, Infos inputs) {
  const ValueInfo& x = argument_among(inputs, 0, kFloating);
  if (x.dims) groups_of(node, *x.dims);
  return one_output(x.type, x.dims);
}

/// A group, read from x and written to y; its elements are `step` apart.
template <class T>
struct Group {
  const T* x;
  T* y;
  std::size_t end, step;

  T largest() const {
    T most = x[0];
    for (std::size_t i = step; i < end; i += step) most = std::max(most, x[i]);
    return most;
  }
};

struct Softmax {
  template <class T>
  void operator()(Group<T> group) const {
    const T most = group.largest();
    double sum = 0;
    for (std::size_t i = 0; i < group.end; i += group.step) sum += group.y[i] = std::exp(group.x[i] - most);
    for (std::size_t i = 0; i < group.end; i += group.step) group.y[i] = static_cast<T>(group.y[i] / sum);
  }
};

struct LogSoftmax {
  template <class T>
  void operator()(Group<T> group) const {
    const T most = group.largest();
    double sum = 0;
    for (std::size_t i = 0; i < group.end; i += group.step) sum += std::exp(group.x[i] - most);
    const double log_sum = std::log(sum);
    for (std::size_t i = 0; i < group.end; i += group.step)
      group.y[i] = static_cast<T>(group.x[i] - most - log_sum);
  }
};

/// 1 at the first of the largest, 0 elsewhere.
struct Hardmax {
  template <class T>
  void operator()(Group<T> group) const {
    std::size_t best = 0;
    for (std::size_t i = 0; i < group.end; i += group.step) {
      if (group.x[i] > group.x[best]) best = i;
      group.y[i] = T{0};
    }
    group.y[best] = T{1};
  }
};

template <class F>
void compute_groups(const OperatorCall& call) {
  const Tensor& x = call.inputs[0];
  if (!kFullPrecision.has(x.type())) return compute_as(call, kFullPrecision, compute_groups<F>);
  if (x.count() == 0) return;
  const Groups groups = groups_of(call.node, x.dims());
  visit_among<kFullPrecision>(x.type(), [&]<class T>(TypeTag<T>) {
    const T* from = x.elements<T>().data();
    T* to = call.outputs[0].elements<T>().data();
    for (std::size_t o = 0; o < groups.outer; ++o)
      for (std::size_t k = 0; k < groups.inner; ++k) {
        const std::size_t begin = o * groups.size * groups.inner + k;
        F{}(Group<T>{from + begin, to + begin, groups.size * groups.inner, groups.inner});
      }
  });
}

}  // namespace

std::span<const Operator> softmax_operators() {
  static const std::vector<Operator> all{
      {"Hardmax", 1, infer_softmax, compute_groups<Hardmax>},
      {"LogSoftmax", 1, infer_softmax, compute_groups<LogSoftmax>},
      {"Softmax", 1, infer_softmax, compute_groups<Softmax>},
  };
  return all;
}

}  // namespace halfwave
