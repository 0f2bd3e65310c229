#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "operators/moves.h"
#include "operators/shape_family.h"

namespace halfwave {
namespace {

/// An index into an axis of `length`, counted from its end where it is negative.
std::int64_t index_in(std::int64_t index, std::int64_t length) {
  if (index < -length || index >= length)
    throw input_error(fmt::format("index {} lies outside of an axis of {}", index, length));
  return index < 0 ? index + length : index;
}

const ValueInfo& index_argument(Infos inputs, std::size_t i) {
  const ValueInfo& info = argument(inputs, i);
  if (info.type != ElementType::int32 && info.type != ElementType::int64)
    throw input_error(fmt::format("indices must be int32 or int64, not {}", type_name(info.type)));
  return info;
}

// --- Gather

std::vector<ValueInfo> infer_gather(const OperatorNode& node, Infos inputs) {
  const ValueInfo &data = argument(inputs, 0), &indices = index_argument(inputs, 1);
  if (!data.dims || !indices.dims) return one_output(data.type, std::nullopt);
  const std::size_t axis = axis_of(node.integer("axis", 0), data.dims->size());
  const auto at = data.dims->begin() + static_cast<std::ptrdiff_t>(axis);
  Dims dims(data.dims->begin(), at);
  dims.insert(dims.end(), indices.dims->begin(), indices.dims->end());
  dims.insert(dims.end(), at + 1, data.dims->end());
  return one_output(data.type, dims);
}

void compute_gather(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  const std::size_t axis = axis_of(call.node.integer("axis", 0), in.rank());
  std::vector<std::int64_t> chosen = call.inputs[1].integers();
  for (std::int64_t& index : chosen) index = index_in(index, in.dims()[axis]);
  if (call.outputs[0].count() == 0) return;
  const Dims strides = strides_of(in.dims());
  Offsets offsets;
  for (std::size_t i = 0; i < in.rank(); ++i) offsets.push_back(evenly(in.dims()[i], strides[i]));
  for (std::int64_t& index : chosen) index *= strides[axis];
  offsets[axis] = std::move(chosen);
  take_elements(in, offsets, call.outputs[0]);
}

// --- GatherElements, ScatterElements: an index for each element

/// Calls f(i, at) for each element i of a tensor of shape `dims`; at: the place in a tensor of shape `data`
/// that has the same indices, except indices[i] along the axis.
template <class F>
void for_elements(const Dims& dims, const Dims& data, std::size_t axis, std::span<const std::int64_t> indices,
                  F&& f) {
  const Dims strides = strides_of(data);
  Dims at(dims.size(), 0);
  std::int64_t base = 0;  // of the other axes
  for (std::size_t i = 0; i < indices.size(); ++i) {
    f(i, static_cast<std::size_t>(base + index_in(indices[i], data[axis]) * strides[axis]));
    for (std::size_t d = dims.size(); d-- > 0;) {
      const std::int64_t stride = d == axis ? 0 : strides[d];
      base += stride;
      if (++at[d] < dims[d]) break;
      base -= at[d] * stride;
      at[d] = 0;
    }
  }
}

/// The indices' shape must lie within the data's, but for the axis.
void check_within(const Dims& dims, const Dims& data, std::size_t axis) {
  bool fits = dims.size() == data.size();
  for (std::size_t i = 0; fits && i < dims.size(); ++i) fits = i == axis || dims[i] <= data[i];
  if (!fits)
    throw input_error(
        fmt::format("indices of shape {} do not lie within {}", describe(dims), describe(data)));
}

std::vector<ValueInfo> infer_gather_elements(const OperatorNode& node, Infos inputs) {
  const ValueInfo &data = argument(inputs, 0), &indices = index_argument(inputs, 1);
  if (data.dims && indices.dims)
    check_within(*indices.dims, *data.dims, axis_of(node.integer("axis", 0), data.dims->size()));
  return one_output(data.type, indices.dims);
}

void compute_gather_elements(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  const std::size_t axis = axis_of(call.node.integer("axis", 0), in.rank());
  visit_storage(in.type(), [&]<class T>(TypeTag<T>) {
    T* to = storage<T>(call.outputs[0]);
    for_elements(call.inputs[1].dims(), in.dims(), axis, call.inputs[1].integers(),
                 [&](std::size_t i, std::size_t at) { to[i] = storage<T>(in)[at]; });
  });
}

// --- Scatter: what becomes of an element that an update meets

enum class Update { replace, add, mul, min, max };

Update update_of(const OperatorNode& node) {
  const std::string name = node.text("reduction", "none");
  constexpr std::string_view kNames[] = {"none", "add", "mul", "min", "max"};
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<Update>(i);
  throw input_error(fmt::format("reduction '{}' is none of none, add, mul, min, max", name));
}

template <class T>
T updated(const T& old, const T& by, Update update) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool>) {
    if (update != Update::replace) throw input_error("only numbers can be reduced");
    return by;
  } else {
    switch (update) {
      case Update::replace:
        return by;
      case Update::add:
        return T(static_cast<T>(old + by));
      case Update::mul:
        return T(static_cast<T>(old * by));
      case Update::min:
        return by < old ? by : old;
      case Update::max:
        return old < by ? by : old;
    }
    return by;
  }
}

/// The data's copy, where updates are put.
template <class F>
void scatter(const OperatorCall& call, F&& with) {
  const Update update = update_of(call.node);
  visit_type(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    if constexpr (!std::is_void_v<T>) {
      const std::span<const T> data = call.inputs[0].elements<T>(), updates = call.inputs[2].elements<T>();
      const std::span<T> out = call.outputs[0].elements<T>();
      std::copy(data.begin(), data.end(), out.begin());
      with([&](std::size_t from, std::size_t to) { out[to] = updated<T>(out[to], updates[from], update); });
    }
  });
}

std::vector<ValueInfo> infer_scatter_elements(const OperatorNode& node, Infos inputs) {
  const ValueInfo &data = argument(inputs, 0), &indices = index_argument(inputs, 1),
                  &updates = argument(inputs, 2);
  check_same_type(inputs, 0, 2);
  update_of(node);
  if (indices.dims && updates.dims && *indices.dims != *updates.dims)
    throw input_error(fmt::format("indices of shape {} and updates of shape {} do not fit",
                                  describe(*indices.dims), describe(*updates.dims)));
  if (data.dims && indices.dims)
    check_within(*indices.dims, *data.dims, axis_of(node.integer("axis", 0), data.dims->size()));
  return one_output(data.type, data.dims);
}

void compute_scatter_elements(const OperatorCall& call) {
  const std::size_t axis = axis_of(call.node.integer("axis", 0), call.inputs[0].rank());
  const std::vector<std::int64_t> indices = call.inputs[1].integers();
  scatter(call, [&](auto&& put) {
    for_elements(call.inputs[1].dims(), call.inputs[0].dims(), axis, indices, put);
  });
}

// --- GatherND, ScatterND: the last axis of the indices is one place in the first axes of the data

/// Elements of a block that one place tells, after `batch` axes that both have in common.
struct Places {
  std::size_t depth, block;        ///< indices of a place, elements of its block
  std::size_t batches, per_batch;  ///< places come in batches
};

Places places_of(const Dims& data, const Dims& indices, std::int64_t batch_dims) {
  const auto batch = static_cast<std::size_t>(batch_dims);
  if (batch_dims < 0 || batch >= indices.size() || batch >= data.size() ||
      !std::equal(data.begin(), data.begin() + batch_dims, indices.begin()))
    throw input_error(
        fmt::format("{} and {} have no {} axes in common", describe(data), describe(indices), batch_dims));
  const std::int64_t depth = indices.back();
  if (depth > static_cast<std::int64_t>(data.size() - batch))
    throw input_error(fmt::format("a place of {} indices is none in {}", depth, describe(data)));
  const auto last = batch + static_cast<std::size_t>(depth);
  return {static_cast<std::size_t>(depth), static_cast<std::size_t>(product(data, last, data.size())),
          static_cast<std::size_t>(product(data, 0, batch)),
          static_cast<std::size_t>(product(indices, batch, indices.size() - 1))};
}

/// Calls f(n, at) for each place: the n-th block's first element.
template <class F>
void for_places(const Dims& data, const Places& places, std::size_t batch,
                const std::vector<std::int64_t>& indices, F&& f) {
  const Dims strides = strides_of(data);
  const auto batch_size = static_cast<std::size_t>(product(data, batch, data.size()));
  const std::size_t count = places.batches * places.per_batch;
  for (std::size_t n = 0; n < count; ++n) {
    std::size_t at = n / places.per_batch * batch_size;
    for (std::size_t d = 0; d < places.depth; ++d)
      at += static_cast<std::size_t>(index_in(indices[n * places.depth + d], data[batch + d]) *
                                     strides[batch + d]);
    f(n, at);
  }
}

std::vector<ValueInfo> infer_gather_nd(const OperatorNode& node, Infos inputs) {
  const ValueInfo &data = argument(inputs, 0), &indices = index_argument(inputs, 1);
  if (!data.dims || !indices.dims) return one_output(data.type, std::nullopt);
  const std::int64_t batch = node.integer("batch_dims", 0);
  const Places places = places_of(*data.dims, *indices.dims, batch);
  Dims dims(indices.dims->begin(), indices.dims->end() - 1);
  dims.insert(dims.end(), data.dims->begin() + batch + static_cast<std::ptrdiff_t>(places.depth),
              data.dims->end());
  return one_output(data.type, dims);
}

void compute_gather_nd(const OperatorCall& call) {
  const Tensor& in = call.inputs[0];
  if (call.outputs[0].count() == 0) return;
  const std::int64_t batch = call.node.integer("batch_dims", 0);
  const Places places = places_of(in.dims(), call.inputs[1].dims(), batch);
  visit_storage(in.type(), [&]<class T>(TypeTag<T>) {
    for_places(in.dims(), places, static_cast<std::size_t>(batch), call.inputs[1].integers(),
               [&](std::size_t n, std::size_t at) {
                 std::copy_n(storage<T>(in) + at, places.block,
                             storage<T>(call.outputs[0]) + n * places.block);
               });
  });
}

std::vector<ValueInfo> infer_scatter_nd(const OperatorNode& node, Infos inputs) {
  const ValueInfo &data = argument(inputs, 0), &indices = index_argument(inputs, 1),
                  &updates = argument(inputs, 2);
  check_same_type(inputs, 0, 2);
  update_of(node);
  if (data.dims && indices.dims && updates.dims) {
    const Places places = places_of(*data.dims, *indices.dims, 0);
    Dims dims(indices.dims->begin(), indices.dims->end() - 1);
    dims.insert(dims.end(), data.dims->begin() + static_cast<std::ptrdiff_t>(places.depth), data.dims->end());
    if (dims != *updates.dims)
      throw input_error(
          fmt::format("updates must have shape {}, not {}", describe(dims), describe(*updates.dims)));
  }
  return one_output(data.type, data.dims);
}

void compute_scatter_nd(const OperatorCall& call) {
  const Dims& data = call.inputs[0].dims();
  const std::vector<std::int64_t> indices = call.inputs[1].integers();
  const Places places = places_of(data, call.inputs[1].dims(), 0);
  scatter(call, [&](auto&& put) {
    if (call.inputs[2].count() == 0) return;
    for_places(data, places, 0, indices, [&](std::size_t n, std::size_t at) {
      for (std::size_t i = 0; i < places.block; ++i) put(n * places.block + i, at + i);
    });
  });
}

constexpr Operator kOperators[] = {
    {"Gather", 1, infer_gather, compute_gather},
    {"GatherElements", 11, infer_gather_elements, compute_gather_elements},
    {"GatherND", 11, infer_gather_nd, compute_gather_nd},
    {"Scatter", 9, infer_scatter_elements, compute_scatter_elements},
    {"ScatterElements", 11, infer_scatter_elements, compute_scatter_elements},
    {"ScatterND", 11, infer_scatter_nd, compute_scatter_nd},
};

}  // namespace

std::span<const Operator> gathering_operators() { return kOperators; }

}  // namespace halfwave
