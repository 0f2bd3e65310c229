// Lost if these fail: loaded models would have other activations than where they come from.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "one_node.h"

namespace halfwave {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::Pointwise;

using Attributes = std::map<std::string, AttributeValue, std::less<>>;

double phi(double x) { return (1 + std::erf(x / std::sqrt(2.0))) / 2; }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

struct Case {
  const char* op;
  Attributes attributes;
  std::function<double(double)> formula;  ///< as ONNX's documentation writes it
};

std::vector<Case> cases() {
  const auto elu = [](double a) { return [a](double x) { return x < 0 ? a * (std::exp(x) - 1) : x; }; };
  const auto selu = [](double a, double g) {
    return [a, g](double x) { return x > 0 ? g * x : g * (a * std::exp(x) - a); };
  };
  const auto celu = [](double a) {
    return [a](double x) { return std::max(0.0, x) + std::min(0.0, a * (std::exp(x / a) - 1)); };
  };
  const auto hard = [](double a, double b) {
    return [a, b](double x) { return std::max(0.0, std::min(1.0, a * x + b)); };
  };
  return {
      {"Relu", {}, [](double x) { return std::max(0.0, x); }},
      {"LeakyRelu", {}, [](double x) { return x < 0 ? 0.01 * x : x; }},
      {"LeakyRelu", {{"alpha", 0.25f}}, [](double x) { return x < 0 ? 0.25 * x : x; }},
      {"ThresholdedRelu", {}, [](double x) { return x > 1 ? x : 0; }},
      {"ThresholdedRelu", {{"alpha", -2.0f}}, [](double x) { return x > -2 ? x : 0; }},
      {"Elu", {}, elu(1)},
      {"Elu", {{"alpha", 0.5f}}, elu(0.5)},
      {"Selu", {}, selu(1.67326319217681884765625, 1.05070102214813232421875)},
      {"Selu", {{"alpha", 2.0f}, {"gamma", 3.0f}}, selu(2, 3)},
      {"Celu", {}, celu(1)},
      {"Celu", {{"alpha", 2.0f}}, celu(2)},
      {"Gelu", {}, [](double x) { return x * phi(x); }},
      {"Gelu",
       {{"approximate", std::string("tanh")}},
       [](double x) {
         return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
       }},
      {"Swish", {}, [](double x) { return x * logistic(x); }},
      {"Swish", {{"alpha", 1.5f}}, [](double x) { return x * logistic(1.5 * x); }},
      {"Mish", {}, [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
      {"HardSwish", {}, [hard](double x) { return x * hard(1.0 / 6, 0.5)(x); }},
      {"HardSigmoid", {}, hard(0.2f, 0.5)},
      {"HardSigmoid", {{"alpha", 0.5f}, {"beta", 0.25f}}, hard(0.5, 0.25)},
      {"Sigmoid", {}, logistic},
      {"Tanh", {}, [](double x) { return std::tanh(x); }},
      {"Softplus", {}, [](double x) { return std::log(1 + std::exp(x)); }},
      {"Softsign", {}, [](double x) { return x / (1 + std::fabs(x)); }},
      {"Shrink", {}, [](double x) { return std::fabs(x) > 0.5 ? x : 0; }},
      {"Shrink",
       {{"lambd", 1.5f}, {"bias", 1.5f}},
       [](double x) { return x < -1.5  ? x + 1.5
                             : x > 1.5 ? x - 1.5
                                       : 0; }},
  };
}

TEST(Activations, AreTheirFormulasInEveryFloatingType) {
  Random random(1, 0);
  for (const Case& one : cases())
    for (const auto& [type, tolerance] : {std::pair{ElementType::float32, 2e-6},
                                          {ElementType::float64, 1e-13},
                                          {ElementType::float16, 0x1p-11},
                                          {ElementType::bfloat16, 0x1p-8}}) {
      const Tensor x = random_tensor(type, {4, 50}, random, -5, 5);
      const auto exact = elements<double>(x.cast(ElementType::float64));
      const Tensor y = run_node(one_node(one.op, 24, one.attributes), {x})[0];
      EXPECT_EQ(y.type(), type);
      const auto values = elements<double>(y.cast(ElementType::float64));
      for (std::size_t i = 0; i < values.size(); ++i) {
        // Attributes are floats: LeakyRelu's 0.01 is not exact.
        const double right = one.formula(exact[i]), slack = std::max(tolerance, 5e-8) * std::fabs(right);
        ASSERT_NEAR(values[i], right, slack + 1e-7)
            << one.op << "(" << exact[i] << ") in " << type_name(type);
      }
    }
}

TEST(Activations, StayAccurateFarFromZero) {
  const auto at = [](const char* op, double x, Attributes attributes = {}) {
    return elements<double>(run_node(one_node(op, 24, std::move(attributes)), {Tensor::scalar(x)})[0])[0];
  };
  EXPECT_EQ(at("Softplus", 1000), 1000);
  EXPECT_DOUBLE_EQ(at("Softplus", -700), std::exp(-700));
  EXPECT_EQ(at("Sigmoid", -1000), 0);
  EXPECT_DOUBLE_EQ(at("Sigmoid", -700), std::exp(-700));
  EXPECT_EQ(at("Sigmoid", 1000), 1);
  EXPECT_NEAR(at("Gelu", -10) / (-10 * 7.61985302416052606e-24), 1, 1e-12);  // Φ(-10)
  EXPECT_EQ(at("Gelu", 50), 50);
  EXPECT_EQ(at("Gelu", 50, {{"approximate", std::string("tanh")}}), 50);
  EXPECT_EQ(at("Mish", 1000), 1000);
  EXPECT_EQ(at("Elu", -1000), -1);
  EXPECT_DOUBLE_EQ(at("Elu", -1e-12), std::expm1(-1e-12));
  EXPECT_EQ(at("Celu", 1e6), 1e6);
  for (const char* op : {"Relu", "Elu", "Selu", "Celu", "Gelu", "Swish", "Mish", "HardSwish", "Sigmoid",
                         "HardSigmoid", "Softplus", "LeakyRelu", "Tanh", "Softsign"})
    EXPECT_TRUE(std::isnan(at(op, std::nan("")))) << op;
}

TEST(Activations, OfTheNewestOpsetsAreThoseOfOnnxRuntime) {
  const Tensor x = tensor<float>({6}, {-3, -1, -0.25f, 0.5f, 1, 4});
  const auto check = [&](const char* op, Attributes attributes, std::vector<float> expected) {
    const auto values = elements<float>(run_node(one_node(op, 24, std::move(attributes)), {x})[0]);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(values[i], expected[i], 2e-6) << op << i;
  };
  check("Gelu", {}, {-0.004049689f, -0.158655256f, -0.100323416f, 0.345731229f, 0.841344714f, 3.999873161f});
  check("Gelu", {{"approximate", std::string("tanh")}},
        {-0.003637522f, -0.158807963f, -0.100324653f, 0.345714003f, 0.841192007f, 3.999929905f});
  check("Swish", {}, {-0.142277598f, -0.268941432f, -0.109455876f, 0.311229646f, 0.731058598f, 3.928055048f});
  check("Swish", {{"alpha", 1.5f}},
        {-0.032960862f, -0.182425559f, -0.101833351f, 0.339589357f, 0.817574441f, 3.990109444f});
  check("Mish", {}, {-0.145647451f, -0.303401440f, -0.129926965f, 0.375245243f, 0.865098476f, 3.997412682f});
}

TEST(Activations, ReluTakesWholeNumbersAndOldSeluOtherConstants) {
  const auto y = run_node(one_node("Relu", 14), {tensor<std::int8_t>({3}, {-128, 0, 127})})[0];
  EXPECT_THAT(elements<std::int8_t>(y), ElementsAre(0, 0, 127));
  EXPECT_THAT(elements<float>(run_node(one_node("Selu", 5), {Tensor::scalar(1.0f)})[0]),
              ElementsAre(1.0507f));
  const auto shrunk = run_node(one_node("Shrink", 9, {{"lambd", 2.5f}, {"bias", 1.0f}}),
                               {tensor<std::int32_t>({4}, {-3, -2, 2, 3})})[0];
  EXPECT_THAT(elements<std::int32_t>(shrunk), ElementsAre(-2, 0, 0, 2));
}

TEST(Activations, RefuseWhatTheyCannotTake) {
  const Tensor x = tensor<float>({1}, {1}), whole = tensor<std::uint8_t>({1}, {1});
  EXPECT_THAT(refusal([&] {
                run_node(one_node("Gelu", 20, {{"approximate", std::string("erf")}}), {x});
              }),
              HasSubstr("'none' or 'tanh', not 'erf'"));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("Elu", 6, {{"alpha", std::int64_t{1}}}), {x});
              }),
              HasSubstr("'alpha'"));
  EXPECT_THAT(refusal([&] { run_node(one_node("Tanh", 6), {whole}); }), HasSubstr("not uint8"));
  EXPECT_THAT(refusal([&] { run_node(one_node("Swish", 23), {x}); }), HasSubstr("from opset 24"));
}

TEST(PRelu, HasASlopePerChannelBeforeOpset7AndBroadcastsSince) {
  const Tensor x = tensor<float>({1, 2, 3}, {-1, -1, 1, -1, -1, 1}), two = tensor<float>({2}, {2, 3}),
               three = tensor<float>({3}, {2, 3, 4}), one = tensor<float>({1}, {5});
  const auto result = [&](std::int64_t opset, const Tensor& slope) {
    return elements<float>(run_node(one_node("PRelu", opset), {x, slope})[0]);
  };
  EXPECT_THAT(result(6, two), ElementsAre(-2, -2, 1, -3, -3, 1));
  EXPECT_THAT(result(6, one), ElementsAre(-5, -5, 1, -5, -5, 1));
  EXPECT_THAT(result(9, three), ElementsAre(-2, -3, 1, -2, -3, 1));
  EXPECT_THAT(result(9, two.reshaped({2, 1})), ElementsAre(-2, -2, 1, -3, -3, 1));
  EXPECT_THAT(refusal([&] { result(9, two); }), HasSubstr("[1, 2, 3] and [2]"));
  EXPECT_THAT(refusal([&] {
                result(16, Tensor(ElementType::float32, {4, 2, 3}));
              }),
              HasSubstr("slopes of shape [4, 2, 3]"));
  EXPECT_NE(refusal([&] { result(6, three); }), "");
}

// ---- Softmax and its relatives -------------------------------------------------------------------------

TEST(Softmax, LiesAlongAnAxisFromOpset13OnAndOverAllThatFollowsBefore) {
  Random random(2, 0);
  const Tensor x = random_tensor(ElementType::float32, {2, 3, 4}, random);
  const auto values = elements<float>(x);
  for (std::int64_t axis = -3; axis < 3; ++axis)
    for (const std::int64_t opset : {11, 13}) {
      const Attributes attributes{{"axis", axis}};
      const auto soft = elements<float>(run_node(one_node("Softmax", opset, attributes), {x})[0]),
                 logs = elements<float>(run_node(one_node("LogSoftmax", opset, attributes), {x})[0]),
                 hard = elements<float>(run_node(one_node("Hardmax", opset, attributes), {x})[0]);
      const std::size_t at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const Dims index = index_of(i, x.dims());
        double sum = 0;
        bool largest = true;
        for (std::size_t j = 0; j < values.size(); ++j) {
          const Dims other = index_of(j, x.dims());
          bool together = true;
          for (std::size_t d = 0; d < 3; ++d)
            if (opset >= 13 ? d != at : d < at) together = together && index[d] == other[d];
          if (!together) continue;
          sum += std::exp(double{values[j]});
          largest = largest && values[j] <= values[i];
        }
        ASSERT_NEAR(soft[i], std::exp(double{values[i]}) / sum, 1e-6) << opset << " axis " << axis;
        ASSERT_NEAR(logs[i], values[i] - std::log(sum), 1e-5) << opset << " axis " << axis;
        ASSERT_EQ(hard[i], largest ? 1 : 0) << opset << " axis " << axis;
      }
    }
}

TEST(Softmax, HasTheAxisThatItsOpsetSays) {
  Random random(3, 0);
  const Tensor x = random_tensor(ElementType::float64, {2, 3, 4}, random);
  const auto result = [&](std::int64_t opset, Attributes attributes) {
    return elements<double>(run_node(one_node("Softmax", opset, std::move(attributes)), {x})[0]);
  };
  EXPECT_EQ(result(13, {}), result(13, {{"axis", std::int64_t{2}}}));
  EXPECT_EQ(result(11, {}), result(11, {{"axis", std::int64_t{1}}}));
  EXPECT_NE(result(11, {}), result(13, {}));
  for (const std::int64_t wrong : {std::int64_t{3}, std::int64_t{-4}, INT64_MAX, INT64_MIN})
    for (const std::int64_t opset : {11, 13})
      EXPECT_THAT(refusal([&] {
                    result(opset, {{"axis", wrong}});
                  }),
                  HasSubstr(fmt::format("axis {}", wrong)));
  EXPECT_NE(refusal([] { run_node(one_node("Softmax", 13), {Tensor::scalar(1.0f)}); }), "");
}

TEST(Softmax, DoesNotOverflowAndHardmaxTakesTheFirst) {
  const Tensor x = tensor<float>({1, 3}, {1000, 1000, -1000});
  EXPECT_THAT(elements<float>(run_node(one_node("Softmax", 13), {x})[0]), ElementsAre(0.5f, 0.5f, 0));
  EXPECT_THAT(
      elements<float>(run_node(one_node("LogSoftmax", 13), {x})[0]),
      ElementsAre(FloatEq(-std::log(2.0f)), FloatEq(-std::log(2.0f)), FloatEq(-2000 - std::log(2.0f))));
  EXPECT_THAT(elements<float>(run_node(one_node("Hardmax", 13), {x})[0]), ElementsAre(1, 0, 0));
  EXPECT_EQ(run_node(one_node("Softmax", 13), {Tensor(ElementType::float32, {3, 0})})[0].dims(),
            (Dims{3, 0}));
}

}  // namespace
}  // namespace halfwave
