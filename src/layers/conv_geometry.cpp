#include "layers/conv_geometry.h"

#include <algorithm>

namespace halfwave {
namespace {

/// How far taps reach beyond the operand, on the side where that is more.
std::size_t overhang(const ConvDirection& d) {
  const std::size_t end =
      (d.out - 1) * d.stride + d.reach();  // the last tap's place, padding before included
  return std::max(d.before, end > d.before + d.in - 1 ? end - d.before - (d.in - 1) : 0);
}

/// The same of dy, with stride 1: input i takes output i + before - tap · dilation.
std::size_t overhang_back(const ConvDirection& d) {
  const std::size_t last = d.in - 1 + d.before;
  return std::max(d.reach() > d.before ? d.reach() - d.before : 0, last > d.out - 1 ? last - (d.out - 1) : 0);
}

/// span_y, span_x: places of the grid that the other operand's positions are spread over, which is more where
/// they lie in the padding with all their taps. Names then ascend from row to row and from example to
/// example.
PaddedGrid grid_of(std::size_t height, std::size_t width, std::size_t over_y, std::size_t over_x,
                   std::size_t span_y, std::size_t span_x) {
  PaddedGrid grid{.height = height,
                  .width = width,
                  .pitch_y = std::max(height + over_y, span_y),
                  .pitch_x = std::max(width + over_x, span_x),
                  .lead = 0};
  grid.lead = over_y * grid.pitch_x + over_x;
  return grid;
}

std::int32_t distance(std::size_t to, std::size_t from) {
  return static_cast<std::int32_t>(to) - static_cast<std::int32_t>(from);
}

}  // namespace

ConvGeometry::ConvGeometry(const ConvDirection& y, const ConvDirection& x)
    : y_(y),
      x_(x),
      input_grid_(grid_of(y.in, x.in, overhang(y), overhang(x), (y.out - 1) * y.stride + 1,
                          (x.out - 1) * x.stride + 1)),
      output_grid_(strided() ? PaddedGrid()
                             : grid_of(y.out, x.out, overhang_back(y), overhang_back(x), y.in, x.in)) {}

const ConvGeometry::Tables& ConvGeometry::tables() const {
  std::call_once(made_, [&] { tables_ = std::make_unique<const Tables>(make_tables()); });
  return *tables_;
}

ConvGeometry::Tables ConvGeometry::make_tables() const {
  Tables made;
  made.inputs.assign(taps() * outputs(), -1);
  made.outputs.assign(taps() * inputs(), -1);
  std::size_t tap = 0;
  for (std::size_t ky = 0; ky < y_.kernel; ++ky)
    for (std::size_t kx = 0; kx < x_.kernel; ++kx, ++tap) {
      const std::int32_t down = distance(ky * y_.dilation, y_.before),
                         right = distance(kx * x_.dilation, x_.before);
      made.in_input.offset.push_back(down * static_cast<std::int32_t>(input_grid_.pitch_x) + right);
      made.in_output.offset.push_back(-down * static_cast<std::int32_t>(output_grid_.pitch_x) - right);
      for (std::size_t oy = 0; oy < y_.out; ++oy) {
        const std::size_t iy = oy * y_.stride + ky * y_.dilation;  // padding before included
        if (iy < y_.before || iy >= y_.before + y_.in) continue;
        for (std::size_t ox = 0; ox < x_.out; ++ox) {
          const std::size_t ix = ox * x_.stride + kx * x_.dilation;
          if (ix < x_.before || ix >= x_.before + x_.in) continue;
          const std::size_t in = (iy - y_.before) * x_.in + ix - x_.before, out = oy * x_.out + ox;
          made.inputs[tap * outputs() + out] = static_cast<std::int32_t>(in);
          made.outputs[(taps() - 1 - tap) * inputs() + in] = static_cast<std::int32_t>(out);
        }
      }
    }
  const auto name = [](const PaddedGrid& grid, std::size_t y, std::size_t x) {
    return static_cast<std::uint32_t>(grid.lead + y * grid.pitch_x + x);
  };
  for (std::size_t oy = 0; oy < y_.out; ++oy)
    for (std::size_t ox = 0; ox < x_.out; ++ox)
      made.in_input.names.push_back(name(input_grid_, oy * y_.stride, ox * x_.stride));
  for (std::size_t iy = 0; iy < y_.in && !strided(); ++iy)
    for (std::size_t ix = 0; ix < x_.in; ++ix) made.in_output.names.push_back(name(output_grid_, iy, ix));
  return made;
}

TapTable ConvGeometry::outputs_to_inputs() const {
  TapTable table{
      .taps = taps(), .results = outputs(), .operands = inputs(), .source = tables().inputs.data()};
  if (x_.stride == 1 && x_.dilation == 1 && x_.before < x_.kernel) {
    table.in_row = x_.kernel;
    table.before = x_.before;
    table.result_columns = x_.out;
    table.operand_columns = x_.in;
  }
  return table;
}

TapTable ConvGeometry::inputs_to_outputs() const {
  TapTable table{
      .taps = taps(), .results = inputs(), .operands = outputs(), .source = tables().outputs.data()};
  if (x_.stride == 1 && x_.dilation == 1 && x_.before < x_.kernel) {
    table.in_row = x_.kernel;
    table.before = x_.kernel - 1 - x_.before;
    table.result_columns = x_.in;
    table.operand_columns = x_.out;
  }
  return table;
}

}  // namespace halfwave
