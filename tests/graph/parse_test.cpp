// Lost if these fail: a network line would make another network than it says, a typing error would train
// something else than was meant, or its message would not help.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <halfwave/error.h>

#include <cmath>
#include <optional>

#include "core/random.h"
#include "graph/network.h"
#include "layers/layer_testing.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string message_of(const std::string& line, std::vector<std::int64_t> shape = {10},
                       std::size_t outputs = 3) {
  try {
    parse_network(line, shape, outputs);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage) << line;
    return error.what();
  }
  return "no error";
}

TEST(ParseNetwork, UnderstandsTheFieldsWords) {
  const Network network = parse_network(
      "dense 512, relu,dropout 0.25 ,\n batch_norm epsilon=1e-3; leaky_relu 0.2 , dense", 10, 3);
  ASSERT_EQ(network.size(), 6u);
  EXPECT_EQ(network.inputs(), 10u);
  EXPECT_EQ(network.outputs(), 3u);
  EXPECT_EQ(network.line(),
            "dense 512, relu, dropout 0.25, batch_norm epsilon=0.001, leaky_relu 0.2, dense 3");
  EXPECT_EQ(network.layer_name(0), "dense_1");
  EXPECT_EQ(network.layer_name(5), "dense_2");
  EXPECT_EQ(network.parameters(), 10u * 512 + 512 + 2 * 512 + 512 * 3 + 3);
}

TEST(ParseNetwork, UnitsOfTheLastDenseLayerFollowFromTheDataEvenBeforeOtherLayers) {
  EXPECT_EQ(parse_network("dense 4, relu, dense, softmax", 2, 7).line(), "dense 4, relu, dense 7, softmax");
  EXPECT_EQ(parse_network("dense", 2, 7).line(), "dense 7");
  EXPECT_EQ(parse_network("dense units=7", 2, 7).line(), "dense 7");
  EXPECT_EQ(parse_network("crelu", 2, 4).outputs(), 4u);
}

/// A network with this one layer, for images of 3 channels and of 12 x 9 positions.
std::string around(const LayerInfo& info, const std::string& words) {
  if (info.name == "unflatten") return "flatten, " + words + ", flatten, dense 3";
  return info.make(info, default_fields(info, 6))->joins() ? words + "(input | input), flatten, dense 3"
                                                           : "conv 6 3x3, " + words + ", flatten, dense 3";
}
constexpr std::int64_t kImage[] = {3, 12, 9};

TEST(ParseNetwork, LineRoundTripsForEveryKindAndRandomFields) {
  Random random(1, 1);
  for (const LayerInfo& info : layer_kinds())
    for (int round = 0; round < 8; ++round) {
      if (info.name == "dense") continue;  // takes no image
      std::string words(info.name);
      for (const LayerField& field : info.fields) {
        if (field.inferred) {
          words += " 6";
        } else if (!field.second && random.uniform() < 0.6f) {
          const double low = std::max(field.low, -10.0), high = std::min(field.high, field.pair ? 2.0 : 10.0);
          const double x = low + (high - low) * random.uniform_double();
          words += fmt::format(" {}={}", field.name, field.pair || info.name == "conv" ? std::ceil(x) : x);
          if (field.pair && random.uniform() < 0.5f) words += fmt::format("x{}", std::max(1.0, std::ceil(x)));
        }
      }
      const std::string line = around(info, words);
      SCOPED_TRACE(line);
      std::optional<Network> network;
      try {
        network.emplace(parse_network(line, kImage, 3));
      } catch (const Error& error) {  // such numbers need not fit each other or the image
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_FALSE(info.fields.empty());
        continue;
      }
      const Network again = parse_network(network->line(), kImage, 3);
      EXPECT_EQ(again.line(), network->line());
      for (std::size_t i = 0; i < network->size(); ++i)
        EXPECT_TRUE(std::ranges::equal(again.layer(i).fields(), network->layer(i).fields()));
    }
}

TEST(ParseNetwork, WritingOutADefaultChangesNothing) {
  for (const LayerInfo& info : layer_kinds())
    for (const LayerField& field : info.fields) {
      if (field.inferred || field.second || info.name == "dense") continue;
      const std::string first = info.fields[0].inferred ? " 6" : "", begin = std::string(info.name) + first;
      const std::string value = field.lowest.empty() || field.value != field.low
                                    ? fmt::format("{}", field.value)
                                    : std::string(field.lowest);
      const std::string line = around(info, fmt::format("{} {}={}", begin, field.name, value));
      EXPECT_EQ(parse_network(line, kImage, 3).line(), parse_network(around(info, begin), kImage, 3).line())
          << line;
    }
  // As people write them: 0.01 is leaky_relu's slope although the float nearest to it is not 0.01.
  EXPECT_EQ(parse_network("leaky_relu 0.01, dense", 6, 3).layer(0).line(), "leaky_relu");
  EXPECT_EQ(parse_network("dropout 0.5, dense", 6, 3).layer(0).line(), "dropout");
}

TEST(ParseNetwork, PairsAreHeightTimesWidth) {
  const auto line_of = [](const std::string& layer) {
    return parse_network(layer + ", flatten, dense", kImage, 3).layer(0).line();
  };
  EXPECT_EQ(line_of("conv 4 3x5"), "conv 4 3x5");
  EXPECT_EQ(line_of("conv 4 5x1 2 padding=1x2"), "conv 4 5x1 stride=2 padding=1x2");
  EXPECT_EQ(line_of("conv 4 3"), "conv 4");
  EXPECT_EQ(line_of("conv 4 3 stride=2x1 padding=same"), "conv 4 stride=2x1");
  EXPECT_EQ(line_of("conv 4 padding=0 groups=1"), "conv 4 padding=0");
  EXPECT_EQ(line_of("pool 3x2 1"), "pool 3x2 1");
  const Network network = parse_network("conv 4 3x5 padding=0, flatten, dense", kImage, 3);
  EXPECT_EQ(network.layer(0).output(), (Shape{2, 10, 5, 4}));
}

TEST(ParseNetwork, BranchesAndRepeats) {
  const auto line_of = [](const std::string& line) { return parse_network(line, 6, 6).line(); };
  EXPECT_EQ(line_of("residual(dense 6,relu)"), "residual(dense 6, relu)");
  EXPECT_EQ(line_of("residual( dense 6 | input )"), "residual(dense 6)");
  EXPECT_EQ(line_of("residual(input|dense 6)"), "residual(input | dense 6)");
  EXPECT_EQ(line_of("residual (input)"), "residual(input | input)");
  EXPECT_EQ(line_of("concat(dense 2, | ;dense 4\n)"), "concat(dense 2 | dense 4)");
  EXPECT_EQ(line_of("2 * dense 6"), "dense 6, dense 6");
  EXPECT_EQ(line_of("2*(dense 6, relu), dense"), "dense 6, relu, dense 6, relu, dense 6");
  EXPECT_EQ(line_of("2 * 2 * relu"), "relu, relu, relu, relu");
  EXPECT_EQ(line_of("1 * (relu)"), "relu");
  EXPECT_EQ(line_of("2 * residual(2 *\n (relu, residual(tanh)) | dense 6)"),
            "residual(relu, residual(tanh), relu, residual(tanh) | dense 6), "
            "residual(relu, residual(tanh), relu, residual(tanh) | dense 6)");
}

TEST(ParseNetwork, TheWordActivationStandsForTheOneOfTheOptions) {
  EXPECT_EQ(parse_network("dense 4, activation, residual(activation), dense", 6, 2, "leaky_relu 0.2").line(),
            "dense 4, leaky_relu 0.2, residual(leaky_relu 0.2), dense 2");
  EXPECT_EQ(parse_network("dense 4, activation, dense", 6, 2).line(), "dense 4, relu, dense 2");
  EXPECT_EQ(parse_network("mlp", 6, 2, "tanh").line(), "dense 512, tanh, dense 512, tanh, dense 2");
  EXPECT_THROW(parse_network("activation, dense", 6, 2, "activation"), Error);
  EXPECT_THROW(parse_network("activation, dense", 6, 2, "relu, dense 3"), Error);
}

TEST(ParseNetwork, FiltersOfTheLastConvolutionFollowFromTheData) {
  EXPECT_EQ(parse_network("conv 4, conv, global_average_pool", kImage, 3).line(),
            "conv 4, conv 3, global_average_pool");
  EXPECT_EQ(
      parse_network("residual(conv 7 | conv), global_max_pool", std::vector<std::int64_t>{7, 5}, 7).line(),
      "residual(conv 7 | conv 7), global_max_pool");
}

TEST(ParseNetwork, ExamplesAreImagesSignalsOrRows) {
  const auto shape_of = [](const std::string& line, std::vector<std::int64_t> shape) {
    return parse_network(line, shape, 2).input();
  };
  const std::string grid = "conv 2, global_average_pool";
  EXPECT_EQ(shape_of(grid, {3, 32, 16}), (Shape{2, 32, 16, 3}));
  EXPECT_EQ(shape_of(grid, {28, 20}), (Shape{2, 28, 20, 1}));
  EXPECT_EQ(shape_of(grid, {40}), (Shape{1, 1, 40, 1}));
  EXPECT_EQ(shape_of("dense", {3, 32, 16}), Shape::row(3 * 32 * 16));
  EXPECT_EQ(shape_of("residual(dense 7 | dense 7), dense", {28, 20}), Shape::row(560));
  EXPECT_EQ(shape_of("residual(relu, pool 3 1 1), flatten, dense", {28, 20}), (Shape{2, 28, 20, 1}));
  EXPECT_EQ(shape_of("flatten, dense", {2, 3, 4, 5}), Shape::row(120));
  EXPECT_THAT(message_of(grid, {2, 3, 4, 5}), HasSubstr("4 axes"));
}

TEST(ParseNetwork, BoundsOfARangeAreAllowedAsPeopleWriteThem) {
  EXPECT_EQ(message_of("hardsigmoid 0.001, dense"), "no error");
  EXPECT_EQ(message_of("bounded_relu 1e-6, dense"), "no error");
  EXPECT_THAT(message_of("hardsigmoid 0.0001, dense"),
              HasSubstr("alpha must be from 0.001 to 1000, not 0.0001"));
}

TEST(ParseNetwork, ErrorsNameTheLayerAndWhatIsNear) {
  EXPECT_THAT(message_of("dense 5, rleu, dense"),
              AllOf(HasSubstr("Layer 2"), HasSubstr("rleu"), HasSubstr("'relu'")));
  EXPECT_THAT(message_of("dens 5"), AllOf(HasSubstr("Layer 1"), HasSubstr("'dense'")));
  EXPECT_THAT(message_of("relu 3, dense"),
              AllOf(HasSubstr("Layer 1"), HasSubstr("one word too many"), HasSubstr("no numbers")));
  EXPECT_THAT(message_of("dense 5 1 6, dense"), AllOf(HasSubstr("'6'"), HasSubstr("too many")));
  EXPECT_THAT(message_of("dropout 2, dense"),
              AllOf(HasSubstr("rate"), HasSubstr("0.999"), HasSubstr("not 2")));
  EXPECT_THAT(message_of("dropout -0.1, dense"), HasSubstr("not -0.1"));
  EXPECT_THAT(message_of("dropout nan, dense"), HasSubstr("not nan"));
  EXPECT_THAT(message_of("dense 0, dense"), HasSubstr("units"));
  EXPECT_THAT(message_of("dense inf, dense"), HasSubstr("units"));
  EXPECT_THAT(message_of("dense five, dense"), AllOf(HasSubstr("'five'"), HasSubstr("units")));
  EXPECT_THAT(message_of("dense 2.5, dense"), HasSubstr("whole"));
  EXPECT_THAT(message_of("dense 5x, dense"), HasSubstr("5x"));
  EXPECT_THAT(message_of("batch_norm epsilonn=1, dense"),
              AllOf(HasSubstr("'epsilonn'"), HasSubstr("'epsilon'")));
  EXPECT_THAT(message_of("dropout rate=, dense"), HasSubstr("rate"));
  EXPECT_THAT(message_of("dropout 0.2 rate=0.3, dense"), AllOf(HasSubstr("rate"), HasSubstr("twice")));
  EXPECT_THAT(message_of("dense, relu, dense 3"), AllOf(HasSubstr("Layer 1"), HasSubstr("units")));
  EXPECT_THAT(message_of("dense 5"), AllOf(HasSubstr("5"), HasSubstr("3")));
  EXPECT_THAT(message_of("dense, crelu"), AllOf(HasSubstr("6 outputs"), HasSubstr("3")));
  EXPECT_THAT(message_of("relu"), AllOf(HasSubstr("10"), HasSubstr("3")));
  for (const char* nothing : {"", "  ", ",", " , ;\n"})
    EXPECT_THAT(message_of(nothing), HasSubstr("no layers"));
}

TEST(ParseNetwork, ErrorsOfBranchesNameThePlace) {
  EXPECT_THAT(message_of("dense 5, residual(dense 5, rleu | dense 5), dense"),
              AllOf(HasSubstr("Layer 2, branch 1, layer 2 ('rleu')"), HasSubstr("'relu'")));
  EXPECT_THAT(message_of("dense 5, concat(relu | residual(relu | dropout 2)), dense"),
              HasSubstr("Layer 2, branch 2, layer 1, branch 2, layer 1 ('dropout 2')"));
  EXPECT_THAT(message_of("3 * relu, residual(dense 5), dense"),
              AllOf(HasSubstr("Layer 4 ('residual')"), HasSubstr("a row of 5"), HasSubstr("a row of 10")));
  EXPECT_THAT(message_of("residual, dense"), AllOf(HasSubstr("Layer 1 ('residual')"), HasSubstr("branches")));
  EXPECT_THAT(message_of("concat(relu), dense"), HasSubstr("at least two branches"));
  EXPECT_THAT(message_of("relu(dense 3)"), AllOf(HasSubstr("Layer 1 ('relu')"), HasSubstr("no branches")));
  EXPECT_THAT(message_of("residual(relu | ), dense"),
              AllOf(HasSubstr("branch 2 is empty"), HasSubstr("'input'")));
  EXPECT_THAT(message_of("residual(), dense"), HasSubstr("branch 1 is empty"));
  EXPECT_THAT(message_of("input, dense"), HasSubstr("'input'"));
  EXPECT_THAT(message_of("residual(relu, input), dense"), HasSubstr("Layer 1, branch 1, layer 2 ('input')"));
  EXPECT_THAT(message_of("residual(residual | relu), dense"),
              HasSubstr("Layer 1, branch 1, layer 1 ('residual')"));
  EXPECT_THAT(message_of("residual(dense | dense 3), dense"),
              AllOf(HasSubstr("Layer 1, branch 1, layer 1 ('dense')"), HasSubstr("units")));
}

TEST(ParseNetwork, ErrorsOfParenthesesAndRepeatsSayWhatIsWrong) {
  EXPECT_THAT(message_of("residual(relu, dense"), HasSubstr("')' is missing"));
  EXPECT_THAT(message_of("2 * (relu, dense"), HasSubstr("')' is missing"));
  EXPECT_THAT(message_of("relu), dense"), AllOf(HasSubstr("Layer 2"), HasSubstr("closes nothing")));
  EXPECT_THAT(message_of("relu | dense"), HasSubstr("not between branches"));
  EXPECT_THAT(message_of("(relu | tanh), dense"), HasSubstr("not between branches"));
  EXPECT_THAT(message_of("residual(relu) dense"), HasSubstr("',' is missing"));
  EXPECT_THAT(message_of("(), dense"), HasSubstr("no layers between"));
  for (const char* repeats : {"0", "1001", "-1", "1.5", "two", "", "9999999999999999999999"})
    EXPECT_THAT(message_of(fmt::format("{} * relu, dense", repeats)), HasSubstr("no number of repeats"))
        << repeats;
  EXPECT_THAT(message_of("3 *"), HasSubstr("layer is missing"));
  EXPECT_THAT(message_of("3 * , dense"), HasSubstr("layer is missing"));
  EXPECT_THAT(message_of("pool 0x2, flatten, dense", {8, 8}), HasSubstr("kernel"));
  EXPECT_THAT(message_of("pool 2 2x0, flatten, dense", {8, 8}), HasSubstr("stride"));
  EXPECT_THAT(message_of("pool 2x, flatten, dense", {8, 8}), HasSubstr("kernel"));
  EXPECT_THAT(message_of("pool 2x2x2, flatten, dense", {8, 8}), HasSubstr("'2x2' is not a number"));
  EXPECT_THAT(message_of("dropout 0x1, dense"), HasSubstr("'0x1' is not a number"));
  EXPECT_THAT(message_of("pool kernel_width=2, flatten, dense", {8, 8}), HasSubstr("'kernel_width'"));
  EXPECT_THAT(message_of("conv 4 sam, flatten, dense", {8, 8}), HasSubstr("'sam'"));
  EXPECT_THAT(message_of("conv 4", {8, 8}, 256), AllOf(HasSubstr("8x8"), HasSubstr("flatten")));
}

TEST(ParseNetwork, LimitsHoldTheLineSmall) {
  const auto nested = [](std::size_t depth) {
    std::string line;
    for (std::size_t i = 0; i < depth; ++i) line += i % 2 == 0 ? "residual(" : "1 * (";
    return line + "relu" + std::string(depth, ')') + ", dense";
  };
  EXPECT_EQ(message_of(nested(64)), "no error");
  EXPECT_THAT(message_of(nested(65)), HasSubstr("deeper than 64"));
  EXPECT_THAT(message_of(nested(100000)), HasSubstr("deeper than 64"));
  EXPECT_EQ(message_of("9 * 1000 * flatten, dense"), "no error");
  EXPECT_THAT(message_of("10 * 1000 * flatten, dense"), HasSubstr("more than 10000 layers"));
  EXPECT_THAT(message_of("1000 * (1000 * (1000 * (flatten, flatten))), dense"),
              HasSubstr("more than 10000 layers"));
  std::string overflowing = "flatten, dense";
  for (int i = 0; i < 8; ++i) overflowing = "256 * " + overflowing;  // 2^64 repeats
  EXPECT_THAT(message_of(overflowing), HasSubstr("more than 10000 layers"));
}

TEST(ParseNetwork, AnyTextGivesANetworkOrAUsageError) {
  const std::string words[] = {"dense",
                               "relu",
                               "5",
                               "0.5",
                               ",",
                               ";",
                               " ",
                               "=",
                               "rate=",
                               "-1",
                               "nan",
                               "1e300",
                               "\t",
                               "é",
                               "crelu",
                               "residual(",
                               "concat(",
                               "|",
                               ")",
                               "(",
                               "2 *",
                               "x",
                               "*",
                               "input",
                               "conv 2",
                               "3x3",
                               "pool",
                               "\n",
                               "flatten",
                               "activation",
                               std::string(1, '\0')};
  Random random(2, 2);
  int good = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string line;
    for (std::uint64_t n = random.below(12); n > 0; --n)
      line += words[random.below(std::size(words))] + (random.uniform() < 0.5f ? " " : "");
    try {
      const Network network = parse_network(line, 4, 5);
      EXPECT_EQ(network.outputs(), 5u);
      ++good;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << line;
    }
  }
  EXPECT_GT(good, 0);
}

TEST(NamedNetworks, AreUnderstoodAndExplained) {
  EXPECT_FALSE(named_networks().empty());
  const std::vector<std::int64_t> image{3, 32, 32}, signal{40};
  for (const NamedNetwork& named : named_networks()) {
    const std::vector<std::int64_t>& shape = named.name == "cnn" ? signal : image;
    const Network network = parse_network(named.name, shape, 10);
    EXPECT_EQ(network.line(), parse_network(named.line, shape, 10).line());
    EXPECT_EQ(network.line(), parse_network(fmt::format(" {}\n", named.name), shape, 10).line());
    EXPECT_EQ(network.line(), parse_network(network.line(), shape, 10).line());
    EXPECT_FALSE(named.help.empty());
    const std::string other = parse_network(named.name, shape, 10, "selu").line();
    EXPECT_EQ(other.find("relu"), std::string::npos);
    EXPECT_EQ(other.find("selu") != std::string::npos, network.line().find("relu") != std::string::npos);
  }
  EXPECT_THAT(message_of("logistc"), HasSubstr("'logistic'"));
  EXPECT_THAT(message_of("resnet2"), HasSubstr("'resnet20'"));
}

/// Figures of the papers, or of frameworks' own versions of these networks.
TEST(NamedNetworks, AreOfTheSizeOfTheirPapers) {
  const auto parameters = [](const char* name, std::vector<std::int64_t> shape) {
    return parse_network(name, shape, 10).parameters();
  };
  const std::vector<std::int64_t> cifar{3, 32, 32};
  EXPECT_EQ(parameters("lenet5", {1, 28, 28}),
            (25 + 1) * 20 + (20 * 25 + 1) * 50 + (50 * 25 + 1) * 500 + 501 * 10u);
  EXPECT_EQ(parameters("resnet20", cifar), 272474u);  // with projections; 0.27 million in the paper
  EXPECT_EQ(parameters("allcnn", cifar), 1369738u);   // 1.37 million
  EXPECT_EQ(parameters("cnn", {40}), 5210u);          // 5210 in the authors' notebook
  std::size_t with_weights = 0;
  const Network resnet = parse_network("resnet20", cifar, 10);
  for (std::size_t i = 0; i < resnet.size(); ++i)
    with_weights +=
        resnet.layer(i).multiply_adds() > 0 && resnet.layer(i).line().find("1x1") == std::string::npos;
  EXPECT_EQ(with_weights, 20u);
  EXPECT_NEAR(static_cast<double>(resnet.multiply_adds()), 40.8e6, 0.6e6);  // published: 40.6 to 41 million
}

TEST(MlpLine, IsHiddenLayersAndAnOutputLayer) {
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{}, "relu"), "dense");
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{64}, "relu"), "dense 64, relu, dense");
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{64, 32}, "leaky_relu 0.2"),
            "dense 64, leaky_relu 0.2, dense 32, leaky_relu 0.2, dense");
}

}  // namespace
}  // namespace halfwave
