#pragma once
// Every registered kind of layer on inputs of all ranks that it takes, with its own and with other fields.
#include <fmt/format.h>
#include <halfwave/error.h>

#include "layers/layer_testing.h"

namespace halfwave {

struct Case {
  const LayerInfo* info;
  std::vector<double> fields;
  std::vector<Shape> inputs;
  std::string name;

  std::unique_ptr<Layer> layer() const { return make_bound(*info, fields, inputs); }
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.layer()->line() << " on " << describe(c.inputs[0]);
  }
};

inline constexpr std::size_t kUnits = 37;

inline const Shape kRow = Shape::row(21), kSignal{1, 1, 9, 5}, kImage{2, 4, 5, 3}, kWideImage{2, 3, 2, 16};

inline std::unique_ptr<Layer> unbound(const LayerInfo& info) {
  return info.make(info, default_fields(info, kUnits));
}

/// What a kind is tried on: it refuses some of them.
inline std::vector<std::vector<Shape>> inputs_for(const LayerInfo& info) {
  if (!unbound(info)->joins()) return {{kRow}, {kSignal}, {kImage}, {kWideImage}};
  std::vector<std::vector<Shape>> lists;
  for (const Shape& shape : {kRow, kSignal, kImage})
    for (const std::size_t branches : {1u, 2u, 3u}) {
      std::vector<Shape>& list = lists.emplace_back(branches, shape);
      for (std::size_t i = 0; i < branches && info.name == "concat"; ++i) list[i].channels += 14 * i;
    }
  // Branches of one position; a kind that does not spread them refuses.
  const Shape row = Shape::row(kImage.channels), dot{2, 1, 1, kImage.channels};
  for (const std::vector<Shape>& list :
       {std::vector{kImage, row}, {row, kImage, kImage}, {dot, kImage, row}, {row, dot}, {dot, dot}})
    lists.push_back(list);
  lists.push_back({Shape::row(kSignal.channels), kSignal});
  return lists;
}

inline void add_if_it_fits(std::vector<Case>& list, Case each) {
  try {
    each.layer();
  } catch (const Error&) {
    return;
  }
  each.name += fmt::format("_{}", std::ranges::count(list, each.info, &Case::info));
  list.push_back(std::move(each));
}

/// Fields of a kind that works on a grid, for a random window; may not fit the input.
inline std::vector<double> random_window(Random& random, const LayerInfo& info, const Shape& input) {
  std::vector<double> fields = default_fields(info, 0);
  const auto draw = [&](double low, double high) {
    return low + static_cast<double>(random.below(static_cast<std::uint64_t>(high - low) + 1));
  };
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const LayerField& field = info.fields[i];
    if (field.second && input.rank == 1) continue;  // a signal has one number for each pair
    if (field.name.starts_with("kernel")) fields[i] = draw(1, 4);
    if (field.name.starts_with("stride")) fields[i] = draw(field.low, 3);
    if (field.name.starts_with("factor")) fields[i] = draw(field.low, 3);
    if (field.name.starts_with("output_padding")) fields[i] = draw(field.low, 2);
    if (info.name == "pad" && (input.rank == 2 || i % 2 == 1 || field.name == "value"))
      fields[i] = draw(-1, 3);
    if (field.name.starts_with("padding")) fields[i] = draw(field.low, 2);
    if (field.name.starts_with("dilation")) fields[i] = draw(field.low, 2);
    if (field.name == "groups") {
      fields[i] = draw(0, 1) == 1 ? static_cast<double>(input.channels) : 1;
      fields[0] = fields[i] * draw(1, 3);  // filters
    }
    if (field.name == "bias") fields[i] = draw(0, 1);
  }
  return fields;
}

/// Forms of a row of 21 numbers.
inline void add_unflatten(std::vector<Case>& list) {
  const LayerInfo& info = *find_layer_kind("unflatten");
  for (const std::vector<double>& fields : {std::vector<double>{3, 0, 0, 0},
                                            {3, 7, 0, 1},
                                            {1, 3, 7, 0},
                                            {7, 3, 1, 0},
                                            {7, 1, 3, 1},
                                            {21, 1, 1, 1}})
    add_if_it_fits(list, {&info, fields, {kRow}, "unflatten"});
}

inline std::vector<Case> cases() {
  Random random(10, stream_id(Stream::data, 199));
  std::vector<Case> list;
  for (const LayerInfo& info : layer_kinds()) {
    const std::string name(info.name);
    const bool windows = !info.fields.empty() && unbound(info)->needs_grid();
    for (const std::vector<Shape>& inputs : inputs_for(info)) {
      add_if_it_fits(list, {&info, default_fields(info, windows ? 2 : kUnits), inputs, name});
      for (int i = 0; i < 8 && windows; ++i)
        add_if_it_fits(list, {&info, random_window(random, info, inputs[0]), inputs, name});
    }
    if (!info.fields.empty() && !info.fields[0].inferred && !windows)
      add_if_it_fits(
          list,
          {&info, default_fields(info, kUnits, 1.7), {kImage}, fmt::format("{}_with_other_fields", name)});
  }
  add_unflatten(list);
  // Fields that are one or the other.
  for (const char* name : {"flatten", "scale"})
    for (const Shape& shape : {kSignal, kImage, kWideImage}) {
      const LayerInfo& info = *find_layer_kind(name);
      std::vector<double> fields = default_fields(info, 0);
      for (double& field : fields) {
        field = 1 - field;
        add_if_it_fits(list, {&info, fields, {shape}, fmt::format("{}_otherwise", name)});
        field = 1 - field;
      }
      if (info.name == "scale") {  // without gradients, and without one of the tensors as well
        fields = {1, 0, 1};
        add_if_it_fits(list, {&info, fields, {shape}, "scale_fixed_factor"});
        fields = {0, 1, 1};
        add_if_it_fits(list, {&info, fields, {shape}, "scale_fixed_shift"});
      }
    }
  return list;
}

template <class Condition>
std::vector<Case> cases_where(Condition&& condition) {
  std::vector<Case> list = cases();
  std::erase_if(list, [&](const Case& c) { return !condition(*c.layer()); });
  return list;
}

inline std::string case_name(const testing::TestParamInfo<Case>& test) { return test.param.name; }

/// Large enough that every kind uses its threads; few channels, so that rows are what is shared, or many.
inline std::vector<Case> large_cases() {
  std::vector<Case> list;
  for (const LayerInfo& info : layer_kinds()) {
    const bool joins = unbound(info)->joins();
    for (const Shape& shape : {Shape::row(1001), Shape{2, 24, 23, 13}}) {
      // A convolution's tensors are known only once it is bound.
      const bool on_grids = joins || unbound(info)->needs_grid() || !unbound(info)->tensors().empty();
      if (shape.rank == 2 && !on_grids) continue;
      add_if_it_fits(list, {&info, default_fields(info, 70), std::vector<Shape>(joins ? 2 : 1, shape),
                            std::string(info.name)});
    }
  }
  return list;
}

}  // namespace halfwave
