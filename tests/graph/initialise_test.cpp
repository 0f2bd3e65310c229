// Lost if these fail: deep networks would begin with signals that vanish or explode, or a seed would not fix
// a run.
#include "graph/initialise.h"

#include <gmock/gmock.h>
#include <halfwave/activation.h>
#include <halfwave/error.h>

#include <cmath>

namespace halfwave {
namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const std::vector<float>& numbers) {
  Moments m;
  const auto n = static_cast<double>(numbers.size());
  for (const float x : numbers) m.mean += static_cast<double>(x) / n;
  for (const float x : numbers) {
    m.variance += std::pow(static_cast<double>(x) - m.mean, 2) / n;
    m.largest = std::max(m.largest, std::fabs(static_cast<double>(x)));
  }
  return m;
}

std::vector<float> weights(const std::string& line, const std::string& scheme, std::size_t tensor = 0,
                           std::uint64_t seed = 1, std::size_t inputs = 200, std::size_t outputs = 300) {
  Network network = parse_network(line, inputs, outputs);
  initialise(network, scheme, 0.0, seed);
  return network.get(network.tensors()[tensor]);
}

double gain(const char* activation) { return find_activation(activation).gain; }

void expect_variance(const std::vector<float>& w, double variance, bool uniform) {
  const Moments m = moments(w);
  const auto n = static_cast<double>(w.size());
  EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(m.variance / variance, 1, 5 * std::sqrt(2 / n));
  if (uniform)
    EXPECT_LE(m.largest, std::sqrt(3 * variance) * 1.0001);
  else
    EXPECT_GT(m.largest, 3.5 * std::sqrt(variance));
}

TEST(Initialise, VarianceIsTheFormulasOfEachScheme) {
  const double in = 200, out = 300, g = gain("relu") * gain("relu");
  EXPECT_NEAR(g, 2, 1e-2);
  const std::string line = "dense 300, relu, dense 300";
  for (const bool uniform : {false, true}) {
    const std::string kind = uniform ? "_uniform" : "_normal";
    expect_variance(weights(line, "he" + kind), g / in, uniform);
    expect_variance(weights(line, "xavier" + kind), g * 2 / (in + out), uniform);
    expect_variance(weights(line, "lecun" + kind), 1 / in, uniform);
  }
}

/// What a comparison of schemes rests on: the same seed begins with the same numbers, up to their scale.
TEST(Initialise, OneSeedGivesAllSchemesTheSameNumbers) {
  const std::string line = "dense 300, relu, dense 300";
  const std::vector<float> he = weights(line, "he_normal"), xavier = weights(line, "xavier_normal"),
                           uniform = weights(line, "he_uniform"), other = weights(line, "lecun_uniform");
  const double g = gain("relu"), in = 200, out = 300;
  for (std::size_t i = 0; i < he.size(); ++i) {
    const auto number = static_cast<double>(he[i]) * std::sqrt(in) / g;
    ASSERT_NEAR(static_cast<double>(xavier[i]) / (g * std::sqrt(2 / (in + out))), number, 1e-5) << i;
    const double expected = 2 * (0.5 * std::erfc(-number / std::sqrt(2))) - 1;  // through the normal's Φ
    ASSERT_NEAR(static_cast<double>(uniform[i]) * std::sqrt(in) / (g * std::sqrt(3)), expected, 1e-5) << i;
    ASSERT_NEAR(static_cast<double>(other[i]) * std::sqrt(in / 3), expected, 1e-5) << i;
  }
}

TEST(Initialise, AutoFollowsTheActivationBehindTheLayer) {
  const double in = 200, out = 300;
  const auto variance = [&](const char* name) {
    const double g = gain(name) * gain(name);
    switch (find_activation(name).initialisation) {
      case ActivationInfo::Initialisation::he:
        return g / in;
      case ActivationInfo::Initialisation::lecun:
        return 1 / in;
      case ActivationInfo::Initialisation::xavier:
        break;
    }
    return g * 2 / (in + out);
  };
  for (const char* name : {"relu", "leaky_relu", "selu", "tanh", "sigmoid", "gelu"}) {
    SCOPED_TRACE(name);
    expect_variance(weights("dense 300, " + std::string(name) + ", dense 300", "auto"), variance(name),
                    false);
    expect_variance(weights("dense 300, batch_norm, dropout, " + std::string(name) + ", dense 300", "auto"),
                    variance(name), false);
  }
  expect_variance(weights("dense 300, dense 300, relu", "auto"), 1 / in,
                  false);  // its own neighbour is linear
  expect_variance(weights("dense 300", "auto"), 1 / in, false);
}

/// The point of it all: a signal of variance 1 keeps its size through ten layers.
TEST(Initialise, GainsOfRectifiersKeepTheSecondMoment) {
  EXPECT_NEAR(gain("relu"), std::sqrt(2), 1e-3);
  EXPECT_NEAR(gain("leaky_relu"), std::sqrt(2 / (1 + 1e-4)), 1e-3);
  EXPECT_NEAR(gain("selu"), 1, 1e-3);
  EXPECT_NEAR(gain("identity"), 1, 1e-6);
}

TEST(Initialise, OrthogonalRowsOrColumnsAreOrthonormalTimesTheGain) {
  for (const auto& [in, out] :
       {std::pair<std::size_t, std::size_t>{30, 50}, {50, 30}, {17, 17}, {1, 9}, {9, 1}}) {
    const std::vector<float> w =
        weights("dense " + std::to_string(out) + ", relu, dense 3", "orthogonal", 0, 1, in, 3);
    const std::size_t count = std::min(in, out), length = std::max(in, out);
    const auto at = [&, in = in, out = out](std::size_t i, std::size_t k) {
      return static_cast<double>(in <= out ? w[i * out + k] : w[k * out + i]);
    };
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double dot = 0;
        for (std::size_t k = 0; k < length; ++k) dot += at(i, k) * at(j, k);
        EXPECT_NEAR(dot, i == j ? gain("relu") * gain("relu") : 0, 1e-5)
            << in << " x " << out << ": " << i << ", " << j;
      }
  }
}

/// Convolutions: each output is made of in · height · width numbers.
TEST(Initialise, FansOfConvolutions) {
  const std::vector<std::int64_t> image{24, 9, 7};
  const auto drawn = [&](const std::string& line, const std::string& scheme) {
    Network network = parse_network(line, image, 3);
    initialise(network, scheme, 0.0, 1);
    return network.get(network.tensors()[0]);
  };
  const std::string conv = "conv 40 3x5, relu, global_average_pool, dense";
  expect_variance(drawn(conv, "he_normal"), 2.0 / (24 * 15), false);
  expect_variance(drawn(conv, "auto"), 2.0 / (24 * 15), false);
  expect_variance(drawn(conv, "xavier_uniform"), 2.0 * 2 / (24 * 15 + 40 * 15), true);
  expect_variance(drawn("conv 96 3x5 groups=4, relu, global_average_pool, dense", "he_uniform"),
                  2.0 / (6 * 15), true);
}

TEST(Initialise, OrthogonalConvolutionsHaveOrthonormalFilters) {
  Network network =
      parse_network("conv 7 3x2, relu, global_max_pool, dense", std::vector<std::int64_t>{3, 8, 8}, 3);
  initialise(network, "orthogonal", 0.0, 1);
  const std::vector<float> w = network.get(network.tensors()[0]);  // [7, 3, 3, 2]
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (std::size_t k = 0; k < 18; ++k)
        dot += static_cast<double>(w[i * 18 + k]) * static_cast<double>(w[j * 18 + k]);
      EXPECT_NEAR(dot, i == j ? gain("relu") * gain("relu") : 0, 1e-5) << i << ", " << j;
    }
}

TEST(Initialise, ConstantAndBias) {
  Network network = parse_network("dense 20, batch_norm, prelu, dense", 10, 3);
  initialise(network, "constant 0.125", 0.5, 1);
  const auto expect_all = [&](const char* name, float value) {
    for (const NetworkTensor& tensor : network.tensors())
      if (tensor.name == name) {
        for (const float x : network.get(tensor)) EXPECT_EQ(x, value) << name;
        return;
      }
    ADD_FAILURE() << "no tensor " << name;
  };
  expect_all("dense_1.weight", 0.125f);
  expect_all("dense_2.weight", 0.125f);
  expect_all("dense_1.bias", 0.5f);
  expect_all("dense_2.bias", 0.5f);
  expect_all("batch_norm_1.scale", 1);
  expect_all("batch_norm_1.bias", 0);
  expect_all("batch_norm_1.mean", 0);
  expect_all("batch_norm_1.variance", 1);
  expect_all("prelu_1.slope", 0.25f);
}

TEST(Initialise, SeedFixesItAndLayersDoNotDependOnEachOther) {
  for (const std::string& scheme : initialisation_names()) {
    if (scheme == "constant") continue;
    const std::string line = "dense 40, relu, dense 40, relu, dense 300";
    EXPECT_EQ(weights(line, scheme), weights(line, scheme)) << scheme;
    EXPECT_NE(weights(line, scheme, 0, 1), weights(line, scheme, 0, 2)) << scheme;
    EXPECT_EQ(weights(line, scheme, 2),
              weights("dense 40, relu, dense 40, relu, dense 7, relu, dense 300", scheme, 2))
        << scheme;
    const std::vector<float> second = weights("dense 200, relu, dense 200, relu, dense 300", scheme, 2);
    EXPECT_NE(weights("dense 200, relu, dense 200, relu, dense 300", scheme, 0), second) << scheme;
  }
}

TEST(Initialise, WrongSchemesAreUsageErrorsWithNearNames) {
  Network network = parse_network("dense", 4, 3);
  const auto message = [&](const char* scheme) -> std::string {
    try {
      initialise(network, scheme, 0, 0);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("he_norml"), testing::HasSubstr("'he_normal'"));
  EXPECT_THAT(message("constant x"), testing::HasSubstr("'x'"));
  EXPECT_THAT(message("constant 1 2"), testing::HasSubstr("1 2"));
  EXPECT_THAT(message("he_normal 3"), testing::HasSubstr("he_normal"));
  EXPECT_THAT(message(""), testing::HasSubstr("no scheme"));
  for (const char* bare : {"constant", "constant "})
    EXPECT_THAT(message(bare), testing::HasSubstr("constant needs the number"));
  EXPECT_EQ(message("constant  -1e-3"), "no error");
}

}  // namespace
}  // namespace halfwave
