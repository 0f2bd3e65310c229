// Lost if these fail: a network line would make another network than it says, a typing error would train
// something else than was meant, or its message would not help.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <halfwave/error.h>

#include <cmath>
#include <iomanip>
#include <sstream>

#include "core/random.h"
#include "graph/network.h"
#include "layers/registry.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string message_of(const std::string& line, std::size_t inputs = 10, std::size_t outputs = 3) {
  try {
    parse_network(line, inputs, outputs);
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

TEST(ParseNetwork, LineRoundTripsForEveryKindAndRandomFields) {
  Random random(1, 1);
  for (const LayerInfo& info : layer_kinds())
    for (int round = 0; round < 8; ++round) {
      std::string words(info.name);
      for (const LayerField& field : info.fields) {
        if (field.inferred)
          words += " 6";
        else if (random.uniform() < 0.6f) {
          const double low = std::max(field.low, -10.0), high = std::min(field.high, 10.0);
          words.append(" ")
              .append(field.name)
              .append("=")
              .append(std::to_string(low + (high - low) * random.uniform_double()));
        }
      }
      SCOPED_TRACE(words);
      std::string line = words + ", dense 3";
      const Network network = parse_network(line, 6, 3);
      const Network again = parse_network(network.line(), 6, 3);
      EXPECT_EQ(again.line(), network.line());
      for (std::size_t i = 0; i < network.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(again.layer(i).fields(), network.layer(i).fields()));
    }
}

TEST(ParseNetwork, WritingOutADefaultChangesNothing) {
  for (const LayerInfo& info : layer_kinds())
    for (const LayerField& field : info.fields) {
      if (field.inferred) continue;
      std::ostringstream text;
      text << info.name << " " << field.name << "=" << std::setprecision(10) << field.value << ", dense 3";
      EXPECT_EQ(parse_network(text.str(), 6, 3).layer(0).line(), info.name) << text.str();
    }
  // As people write them: 0.01 is leaky_relu's slope although the float nearest to it is not 0.01.
  EXPECT_EQ(parse_network("leaky_relu 0.01, dense", 6, 3).layer(0).line(), "leaky_relu");
  EXPECT_EQ(parse_network("dropout 0.5, dense", 6, 3).layer(0).line(), "dropout");
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
  EXPECT_THAT(message_of("dense 5 6, dense"), AllOf(HasSubstr("'6'"), HasSubstr("too many")));
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

TEST(ParseNetwork, AnyTextGivesANetworkOrAUsageError) {
  const std::string words[] = {"dense", "relu",  "5",   "0.5", ",",          ";",     " ", "=", "rate=",
                               "-1",    "1e300", "nan", "\t",  "batch_norm", "crelu", "é", "x"};
  Random random(2, 2);
  int good = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string line;
    for (std::uint64_t n = random.below(9); n > 0; --n)
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
  for (const NamedNetwork& named : named_networks()) {
    EXPECT_EQ(parse_network(named.name, 20, 4).line(), parse_network(named.line, 20, 4).line());
    EXPECT_EQ(parse_network(fmt::format(" {} ", named.name), 20, 4).line(),
              parse_network(named.line, 20, 4).line());
    EXPECT_FALSE(named.help.empty());
  }
  EXPECT_THAT(message_of("logistc"), HasSubstr("'logistic'"));
}

TEST(MlpLine, IsHiddenLayersAndAnOutputLayer) {
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{}, "relu"), "dense");
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{64}, "relu"), "dense 64, relu, dense");
  EXPECT_EQ(mlp_line(std::vector<std::int64_t>{64, 32}, "leaky_relu 0.2"),
            "dense 64, leaky_relu 0.2, dense 32, leaky_relu 0.2, dense");
}

}  // namespace
}  // namespace halfwave
