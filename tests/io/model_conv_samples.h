#pragma once
// Networks of convolutions for the tests of the model files: every kind of layer on images and on signals,
// every field of the layers that work on a grid, and random networks.
#include <array>
#include <utility>

#include "core/random.h"
#include "io/model_schemas.h"
#include "layers/registry.h"

namespace halfwave::test {

/// What a kind of layer asks of a network line.
struct KindTraits {
  bool needs_units, needs_grid, joins;
};

inline KindTraits traits_of(const LayerInfo& kind) {
  std::vector<double> fields;
  for (const LayerField& field : kind.fields) fields.push_back(field.value);
  const bool needs_units = !fields.empty() && kind.fields[0].inferred;
  const std::unique_ptr<Layer> layer = kind.make(kind, std::move(fields));
  return {needs_units, layer->needs_grid(), layer->joins()};
}

/// Every kind of layer that a grid can go through, on an image (of several channels, or one) or a signal.
inline void add_kinds_on_grids(std::vector<ModelSample>& samples) {
  for (const LayerInfo& kind : layer_kinds()) {
    const KindTraits traits = traits_of(kind);
    if ((traits.needs_units && !traits.needs_grid) || kind.name == "unflatten") continue;  // they take rows
    std::string layer(kind.name);
    if (traits.joins) layer += "(conv 6 3, relu | conv 6 1)";
    if (traits.needs_units) layer += " 5";
    const std::string line = fmt::format("conv 6 3, {}, flatten, dense", layer);
    samples.push_back({fmt::format("{}-image", kind.name), line, array_schema({3, 6, 5}, 4)});
    samples.push_back({fmt::format("{}-signal", kind.name), line, array_schema({14}, 4)});
  }
}

/// Fields of the layers that work on a grid, each given in some way that it can be.
inline void add_fields_on_grids(std::vector<ModelSample>& samples) {
  const Schema image = array_schema({4, 11, 14}, 3), plain = array_schema({11, 14}, 3),
               signal = array_schema({29}, 3);
  const std::pair<const char*, const Schema*> layers[] = {
      {"conv 5 3x5", &image},
      {"conv 5 4", &image},
      {"conv 5 2x4 stride=2x3", &image},
      {"conv 5 3 stride=2 padding=0", &image},
      {"conv 5 3x1 padding=1x0", &image},
      {"conv 5 3 padding=2", &image},
      {"conv 5 3 dilation=2x3", &image},
      {"conv 5 2 dilation=3 stride=2", &image},
      {"conv 6 3 groups=2", &image},
      {"conv 4 3 groups=4", &image},
      {"conv 8 5 groups=4 stride=2", &image},
      {"conv 5 1 bias=0", &image},
      {"conv 4 3 groups=4 bias=0", &image},
      {"conv 5 11x14 padding=0", &image},
      {"conv 5 3", &plain},
      {"conv 5 4 stride=3", &signal},
      {"conv 5 5 padding=0 dilation=2", &signal},
      {"conv 6 3, conv 6 4 groups=3 stride=2", &signal},
      {"conv 6 3, conv 6 5 groups=6", &signal},
      {"pool 3 stride=2 padding=1", &image},
      {"pool 2x3", &image},
      {"pool 3x2 stride=1x3 padding=1x0", &image},
      {"average_pool 3 stride=2 padding=1", &image},
      {"average_pool 2x3", &image},
      {"conv_transpose 5 3x4", &image},
      {"conv_transpose 5 4x3 stride=2x3 padding=1x0 output_padding=1x2", &image},
      {"conv_transpose 6 3 stride=2 dilation=2 padding=2 groups=2 bias=0", &image},
      {"conv_transpose 5 4 stride=2 padding=1", &signal},
      {"pad 1 2 3 4 value=1.5", &image},
      {"pad 1 -2 0 -3", &image},
      {"pad left=2 right=-1", &signal},
      {"upsample 2x3", &image},
      {"upsample 3", &signal},
      {"scale factor=0", &image},
      {"scale shift=0", &image},
      {"scale", &signal},
      {"flatten channels_first=1", &image},
      {"flatten channels_first=1, unflatten 7 11 8", &image},
      {"flatten, unflatten 7 11 8 channels_first=1, conv 3 3", &image},
      {"flatten, unflatten 7 88, conv 3 3", &image},
      {"flatten, unflatten 7 channels_first=1, conv 3 3", &image},
      {"conv 4 3, multiply(global_average_pool, dense 4, sigmoid)", &image},
      {"conv 4 3, multiply(input | global_max_pool | average_pool 11x14)", &image},
      {"conv 4 3, multiply(global_average_pool, sigmoid | relu)", &signal},
      {"multiply(input | input | relu)", &image},
      {"pool 3 stride=2 padding=1", &signal},
      {"average_pool 3 stride=2 padding=1", &signal},
  };
  for (const auto& [line, schema] : layers)
    samples.push_back(
        {fmt::format("grid-{}", samples.size()), fmt::format("{}, flatten, dense", line), *schema});
}

inline void add_conv_networks(std::vector<ModelSample>& samples) {
  const Schema image = array_schema({3, 13, 12}, 10);
  samples.push_back({"conv-lenet",
                     "conv 6 5, relu, pool 2, conv 16 5 padding=0, relu, flatten, dense 12, relu, dense",
                     array_schema({14, 13}, 10)});
  samples.push_back(
      {"conv-residual",
       "conv 8 3 bias=0, batch_norm, relu, residual(conv 8 3 bias=0, batch_norm, relu, conv 8 3 "
       "bias=0, batch_norm), relu, residual(conv 16 3 stride=2, batch_norm, relu, conv 16 3 | conv 16 "
       "1 stride=2), relu, global_average_pool, dense",
       image});
  samples.push_back(
      {"conv-three-branches",
       "conv 4 3, residual(conv 4 3 | input | conv 4 1, relu), concat(conv 3 1 | conv 5 3, relu | pool "
       "3 stride=1 padding=1), prelu, global_max_pool, dense",
       image});
  samples.push_back({"conv-nested",
                     "conv 4 3, residual(conv 4 3, concat(conv 2 1 | dropout, conv 2 3)), crelu, "
                     "residual(dropout), flatten, dense",
                     image});
  samples.push_back({"conv-all", "conv 8 3 stride=2, relu, conv 10 1, global_average_pool, softmax", image});
  samples.push_back({"conv-one-position", "conv 6 13x12 padding=0, relu, dense", image});
  samples.push_back({"conv-last", "conv 6 3, relu, conv 10 13x12 padding=0", image});
  samples.push_back({"conv-softmax", "conv 10 13x12 padding=0, softmax", image});
  samples.push_back({"conv-columns", "conv 6 3, prelu, flatten, dense", table_schema(mixed_columns(), 3)});
  samples.push_back({"conv-regression", "conv 6 3, relu, global_max_pool, dense", regression(image, 2)});
  samples.push_back({"conv-by-pixel", "conv 6 3, relu, flatten, dense", array_schema({2, 5, 4}, 3), true});
  samples.push_back({"residual-rows",
                     "dense 9, residual(dense 9, relu, dense 9), layer_norm, concat(dense 3 | input), "
                     "dense",
                     array_schema({7}, 3)});
  samples.push_back({"residual-input", "concat(residual(dense 7) | input), dense", array_schema({7}, 3)});
}

/// A few layers one after the other, none of which makes a grid of nine positions a side too small.
inline std::string random_conv_line(Random& random, bool image) {
  std::string line;
  const auto add = [&](auto... choices) {
    const std::array<std::string, sizeof...(choices)> list{choices...};
    line += list[random.below(list.size())];
  };
  const auto units = [](int n) { return fmt::format("{}", n); };
  int channels = 8;  // always a multiple of 4
  bool halved = false;
  line = "conv 8 ";
  add("3", "1", "4", image ? "5x3" : "5");
  for (std::uint64_t blocks = 2 + random.below(4); blocks-- > 0;) {
    switch (random.below(6)) {
      case 0:
        channels = 4 * static_cast<int>(1 + random.below(3));
        line += ", conv " + units(channels);
        add(" 3", " 1", image ? " 2x5" : " 5");
        add("", " dilation=2", " dilation=3");
        add("", " groups=2", " groups=4");
        if (!halved) line += image ? " stride=1x2" : " stride=2";
        halved = true;
        add("", " bias=0");
        break;
      case 1:
        line += fmt::format(", conv {0} 3 groups={0}", channels);
        break;
      case 2:
        line += fmt::format(", residual(conv {} 3, batch_norm", channels);
        add(", relu", ", prelu");
        line += ", conv " + units(channels);
        add(" 1)", " 3 groups=4)");
        break;
      case 3:
        add(", concat(conv 4 3", ", concat(conv 4 1", ", concat(conv 4 5");
        line += " | input | conv 8 1, relu)";
        channels += 12;
        break;
      case 4:
        if (!halved) add(", pool 2", ", average_pool 3 stride=2 padding=1", ", pool 3 stride=2");
        halved = true;
        break;
      default:
        line += ", layer_norm";
    }
    add(", relu", ", prelu", ", brelu", ", batch_norm, relu", ", softmax", ", gelu");
  }
  add(", flatten, dense", ", global_average_pool, dense", ", global_max_pool, dense",
      ", crelu, flatten, dense");
  return line;
}

inline void add_random_conv_networks(std::vector<ModelSample>& samples) {
  Random random(12, stream_id(Stream::data));
  for (int i = 0; i < 24; ++i) {
    const Schema schema = i % 3 == 0   ? array_schema({31}, 4)
                          : i % 3 == 1 ? array_schema({12, 9}, 4)
                                       : array_schema({3, 9, 12}, 4);
    samples.push_back({fmt::format("conv-random-{}", i), random_conv_line(random, i % 3 != 0), schema});
  }
}

}  // namespace halfwave::test
