#include <fmt/format.h>

#include <algorithm>

#include "recognise/fields.h"
#include "recognise/layer_builder.h"

namespace halfwave {
View LayerBuilder::of_input(const View& view, const Shape& shape) {
  InputStep& input = state.input;
  std::vector<std::uint32_t> order = numbers_of(view.axes);
  View made = view;
  made.raw = false;
  made.step = kInputStep;
  if (!input.fixed) {
    input.fixed = true;
    input.shape = shape;
    input.order = std::move(order);
  } else if (input.shape != shape || input.order != order) {
    // The input is something else already: from row to grid, or from grid to row.
    const Shape& grid = shape.rank > 0 ? shape : input.shape;
    if ((shape.rank > 0) == (input.shape.rank > 0)) fail("the input is wanted in two forms");
    bool by_channel = true, by_position = true;
    const std::vector<std::uint32_t>&of_row = shape.rank > 0 ? input.order : order,
          &of_grid = shape.rank > 0 ? order : input.order;
    for (std::size_t c = 0, i = 0; c < grid.channels; ++c)
      for (std::size_t p = 0; p < grid.positions(); ++p, ++i) {
        by_channel = by_channel && of_row[i] == of_grid[i];
        by_position = by_position && of_row[p * grid.channels + c] == of_grid[i];
      }
    if (!by_channel && !by_position) fail("the input is wanted in two orders");
    made.step = shape.rank > 0 ? add_unflatten(kInputStep, shape, !by_position, view.node)
                               : add_flatten(kInputStep, !by_position, view.node);
  }
  made.axes = channels_first(shape);
  return made;
}

std::size_t LayerBuilder::add_flatten(std::size_t from, bool by_channel, const std::string& name) {
  return add_step("flatten", Fields("flatten").set("channels_first", by_channel ? 1 : 0), {from}, {}, name);
}

std::size_t LayerBuilder::add_unflatten(std::size_t from, const Shape& shape, bool by_channel,
                                        const std::string& name) {
  Fields fields("unflatten");
  fields.set("channels", shape.channels).set("channels_first", by_channel ? 1 : 0);
  if (shape.rank == 2)
    fields.set("height", shape.height).set("width", shape.width);
  else
    fields.set("height", shape.width);
  return add_step("unflatten", fields, {from}, {}, name);
}

View LayerBuilder::as_row(const View& view) {
  const Axis all = view.all();
  if (view.raw) {
    View flat = view;
    flat.axes = {all};
    return of_input(flat, Shape::row(size_of(all)));
  }
  const Shape& shape = shape_of(view);
  const bool by_position = all == in_order(shape.numbers());
  if (!by_position && (shape.rank == 0 || all != by_channel(shape)))
    fail("its input's axes are in an order that no layer makes");
  View row = view;
  if (shape.rank > 0) row.step = add_flatten(view.step, !by_position, view.node);
  row.axes = {in_order(size_of(all))};
  return row;
}

View LayerBuilder::as_grid(const View& view) {
  const Dims dims = view.dims();
  if (dims.size() < 2 || dims.size() > 3)
    fail(fmt::format("its input has {} axes, where a signal has 3 and an image 4", dims.size() + 1));
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(dims[i]); };
  const Shape wanted = dims.size() == 3 ? Shape{2, size(1), size(2), size(0)} : Shape{1, 1, size(1), size(0)};
  if (view.raw) return of_input(view, wanted);
  const Shape& shape = shape_of(view);
  const std::vector<Axis> axes = channels_first(wanted);
  if (shape == wanted && view.axes == axes) return view;

  View grid = view;
  grid.axes = axes;
  const Axis all = view.all();
  const bool by_position = view.axes == axes;
  const bool turned = shape.rank > 0 && !by_position && all != in_order(shape.numbers());
  if (!by_position && all != in_order(shape.numbers()) && !(turned && all == by_channel(shape)))
    fail("its input's axes are in an order that no layer makes");
  if (shape.rank > 0) grid.step = add_flatten(view.step, turned, view.node);
  grid.step = add_unflatten(grid.step, wanted, !by_position, view.node);
  return grid;
}

View LayerBuilder::with_channels(const View& view, std::size_t axis) {
  if (!view.raw && view.axes[axis] == in_order(shape_of(view).channels)) return view;
  bool alone = true;
  for (std::size_t i = 0; i < view.axes.size(); ++i) alone = alone && (i == axis || view.axes[i].empty());
  if (!alone) return channels_back(as_grid(channels_to_front(view, axis)), axis);
  View row = as_row(view);
  const Axis units = row.axes[0];
  row.axes.assign(view.axes.size(), {});
  row.axes[axis] = units;
  return row;
}

View LayerBuilder::settled(const View& view) {
  if (!view.raw) return view;
  const bool grid = state.input.fixed ? state.input.shape.rank > 0 : has_grids_;
  if (grid && (view.axes.size() == 2 || view.axes.size() == 3)) return as_grid(view);
  View row = as_row(view);
  row.axes = reshaped(row.axes, view.dims()).value();
  return row;
}

View LayerBuilder::channels_to_front(View view, std::size_t axis) {
  const auto begin = view.axes.begin();
  std::rotate(begin, begin + static_cast<std::ptrdiff_t>(axis),
              begin + static_cast<std::ptrdiff_t>(axis) + 1);
  return view;
}
View LayerBuilder::channels_back(View view, std::size_t axis) {
  const auto begin = view.axes.begin();
  std::rotate(begin, begin + 1, begin + static_cast<std::ptrdiff_t>(axis) + 1);
  return view;
}

std::vector<Axis> LayerBuilder::seen_from(const View& view, std::size_t channels, const Shape& shape) const {
  const std::vector<Axis> from = channels_first(shape_of(view)), to = channels_first(shape);
  std::vector<Axis> axes(view.axes.size());
  axes[channels] = to[0];
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (i == channels || view.axes[i].empty()) continue;
    const auto found = std::find(from.begin() + 1, from.end(), view.axes[i]);
    if (found == from.end()) fail("its axes are not those of a grid");
    axes[i] = to[static_cast<std::size_t>(found - from.begin())];
  }
  return axes;
}

}  // namespace halfwave
