// Lost if these fail: the arithmetic between the layers of a loaded model, and the shape arithmetic that
// exporters leave in a graph, would give wrong results, or undefined ones.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "one_node.h"

namespace halfwave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

template <class T>
std::vector<T> result_of(const OperatorNode& node, const std::vector<Tensor>& inputs) {
  return elements<T>(run_node(node, inputs)[0]);
}

struct Function {
  const char* op;
  double (*f)(double);
  double low, high;
};

TEST(Functions, AreThoseOfTheirNamesInEveryFloatingType) {
  Random random(1, 0);
  const Function functions[]{
      {"Abs", std::fabs, -4, 4},        {"Neg", [](double x) { return -x; }, -4, 4},
      {"Sqrt", std::sqrt, 0, 9},        {"Exp", std::exp, -4, 4},
      {"Log", std::log, 0.01, 9},       {"Reciprocal", [](double x) { return 1 / x; }, 0.1, 4},
      {"Floor", std::floor, -4, 4},     {"Ceil", std::ceil, -4, 4},
      {"Round", std::nearbyint, -4, 4}, {"Sin", std::sin, -4, 4},
      {"Cos", std::cos, -4, 4},         {"Tan", std::tan, -1, 1},
      {"Asin", std::asin, -1, 1},       {"Acos", std::acos, -1, 1},
      {"Atan", std::atan, -4, 4},       {"Sinh", std::sinh, -4, 4},
      {"Cosh", std::cosh, -4, 4},       {"Asinh", std::asinh, -4, 4},
      {"Acosh", std::acosh, 1, 4},      {"Atanh", std::atanh, -0.9, 0.9},
      {"Erf", std::erf, -4, 4}};
  for (const Function& function : functions)
    for (const auto& [type, tolerance] : {std::pair{ElementType::float32, 5e-7},
                                          {ElementType::float64, 1e-15},
                                          {ElementType::float16, 0x1p-11},
                                          {ElementType::bfloat16, 0x1p-8}}) {
      const Tensor x = random_tensor(type, {2, 50}, random, function.low, function.high);
      const auto exact = elements<double>(x.cast(ElementType::float64));
      const Tensor y = run_node(one_node(function.op, 22), {x})[0];
      EXPECT_EQ(y.type(), type);
      const auto values = elements<double>(y.cast(ElementType::float64));
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double right = function.f(exact[i]);
        ASSERT_NEAR(values[i], right, tolerance * std::fabs(right) + 1e-7 * tolerance)
            << function.op << "(" << exact[i] << ") in " << type_name(type);
      }
    }
}

TEST(Functions, OfWholeNumbersWrapAroundAndRoundingTakesTheEvenOne) {
  const Tensor lowest = tensor<std::int8_t>({3}, {-128, -5, 7});
  EXPECT_THAT(result_of<std::int8_t>(one_node("Abs", 13), {lowest}), ElementsAre(-128, 5, 7));
  EXPECT_THAT(result_of<std::int8_t>(one_node("Neg", 13), {lowest}), ElementsAre(-128, 5, -7));
  EXPECT_THAT(result_of<std::int8_t>(one_node("Sign", 13), {lowest}), ElementsAre(-1, -1, 1));
  const Tensor halves = tensor<float>({6}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -4.5f});
  EXPECT_THAT(result_of<float>(one_node("Round", 11), {halves}), ElementsAre(0, 2, 2, 0, -2, -4));
}

TEST(Arithmetic, OfWholeNumbersIsExactAndWrapsAround) {
  const Tensor a = tensor<std::int32_t>({4}, {INT32_MAX, INT32_MIN, -7, 7}),
               b = tensor<std::int32_t>({4}, {1, -1, 2, -2});
  EXPECT_THAT(result_of<std::int32_t>(one_node("Add", 14), {a, b}), ElementsAre(INT32_MIN, INT32_MAX, -5, 5));
  EXPECT_THAT(result_of<std::int32_t>(one_node("Sub", 14), {a, b}),
              ElementsAre(INT32_MAX - 1, INT32_MIN + 1, -9, 9));
  EXPECT_THAT(result_of<std::int32_t>(one_node("Mul", 14), {a, b}),
              ElementsAre(INT32_MAX, INT32_MIN, -14, -14));
  EXPECT_THAT(result_of<std::int32_t>(one_node("Div", 14), {a, b}),
              ElementsAre(INT32_MAX, INT32_MIN, -3, -3));
  const Tensor large = tensor<std::uint16_t>({1}, {65535});
  EXPECT_THAT(result_of<std::uint16_t>(one_node("Mul", 14), {large, large}), ElementsAre(1));
  for (const char* op : {"Div", "Mod"})
    EXPECT_THAT(refusal([&] {
                  run_node(one_node(op, 14), {a, Tensor(ElementType::int32, {})});
                }),
                HasSubstr("divided by zero"));
}

TEST(Arithmetic, RemaindersHaveTheSignThatTheNodeAsksFor) {
  const Tensor a = tensor<std::int64_t>({4}, {-4, 7, 5, INT64_MIN}),
               b = tensor<std::int64_t>({4}, {3, -3, 8, -1});
  EXPECT_THAT(result_of<std::int64_t>(one_node("Mod", 13), {a, b}), ElementsAre(2, -2, 5, 0));
  EXPECT_THAT(result_of<std::int64_t>(one_node("Mod", 13, {{"fmod", std::int64_t{1}}}), {a, b}),
              ElementsAre(-1, 1, 5, 0));
  const Tensor x = tensor<float>({3}, {-4.3f, 7.2f, 5.0f}), y = tensor<float>({3}, {2.1f, -3.4f, kInfinity});
  const auto truncated = result_of<float>(one_node("Mod", 13, {{"fmod", std::int64_t{1}}}), {x, y});
  const auto floored = result_of<float>(one_node("Mod", 28), {x, y});
  for (std::size_t i = 0; i < 2; ++i) {
    const double a_i = elements<float>(x)[i], b_i = elements<float>(y)[i];
    EXPECT_NEAR(truncated[i], a_i - std::trunc(a_i / b_i) * b_i, 1e-6);
    EXPECT_NEAR(floored[i], a_i - std::floor(a_i / b_i) * b_i, 1e-6);
  }
  EXPECT_EQ(truncated[2], 5.0f);
  EXPECT_THAT(refusal([&] { run_node(one_node("Mod", 13), {x, y}); }), HasSubstr("fmod"));
}

TEST(Power, TakesExponentsOfAnyType) {
  const Tensor x = tensor<float>({3}, {2, -3, 4});
  EXPECT_THAT(result_of<float>(one_node("Pow", 15), {x, tensor<std::int64_t>({3}, {3, 3, -1})}),
              ElementsAre(8, -27, 0.25f));
  EXPECT_THAT(result_of<float>(one_node("Pow", 7), {x, tensor<float>({}, {2})}), ElementsAre(4, 9, 16));
  const Tensor whole = tensor<std::int64_t>({3}, {3, -2, 3037000500});
  EXPECT_THAT(result_of<std::int64_t>(one_node("Pow", 12), {whole, tensor<std::uint8_t>({3}, {39, 63, 1})}),
              ElementsAre(4052555153018976267, INT64_MIN, 3037000500));
  EXPECT_THAT(result_of<std::int64_t>(one_node("Pow", 12), {whole, tensor<float>({}, {0.5f})})[0], 1);
  EXPECT_THAT(result_of<std::int32_t>(one_node("Pow", 12), {tensor<std::int32_t>({4}, {1, -1, -1, 9}),
                                                            tensor<std::int32_t>({4}, {-9, -3, -2, -1})}),
              ElementsAre(1, -1, 1, 0));
  EXPECT_NE(refusal([&] {
              run_node(one_node("Pow", 13), {tensor<std::int32_t>({}, {0}), tensor<std::int32_t>({}, {-1})});
            }),
            "");
}

TEST(Variadic, TakesAnyNumberOfInputsAndANanWins) {
  const Tensor a = tensor<float>({2, 1}, {1, 5}), b = tensor<float>({3}, {2, kNan, 4}),
               c = tensor<float>({}, {3});
  const auto most = result_of<float>(one_node("Max", 13), {a, b, c}),
             least = result_of<float>(one_node("Min", 13), {b, a, c});
  EXPECT_TRUE(std::isnan(most[1]) && std::isnan(most[4]) && std::isnan(least[1]) && std::isnan(least[4]));
  EXPECT_THAT((std::vector{most[0], most[2], most[3], most[5]}), ElementsAre(3, 4, 5, 5));
  EXPECT_THAT((std::vector{least[0], least[2], least[3], least[5]}), ElementsAre(1, 1, 2, 3));
  EXPECT_THAT(result_of<float>(one_node("Mean", 13), {a, c, c}), ElementsAre(7.0f / 3, 11.0f / 3));
  EXPECT_THAT(result_of<float>(one_node("Sum", 6), {a}), ElementsAre(1, 5));
  // In half precision the sum is rounded once: 2048 + 1 + 1 would stay 2048.
  const Tensor large = Tensor::scalar(Float16(2048)), one = Tensor::scalar(Float16(1));
  EXPECT_EQ(static_cast<float>(result_of<Float16>(one_node("Sum", 13), {large, one, one})[0]), 2050.0f);
  EXPECT_THAT(refusal([] { run_node(one_node("Sum", 13), {}); }), HasSubstr("input 1"));
}

TEST(Comparison, OfNumbersTextsAndTruthValues) {
  const Tensor a = tensor<float>({4}, {1, 2, kNan, kInfinity}),
               b = tensor<float>({4}, {2, 2, kNan, kInfinity});
  EXPECT_THAT(result_of<bool>(one_node("Less", 9), {a, b}), ElementsAre(true, false, false, false));
  EXPECT_THAT(result_of<bool>(one_node("Greater", 9), {a, b}), ElementsAre(false, false, false, false));
  EXPECT_THAT(result_of<bool>(one_node("LessOrEqual", 12), {a, b}), ElementsAre(true, true, false, true));
  EXPECT_THAT(result_of<bool>(one_node("GreaterOrEqual", 12), {a, b}), ElementsAre(false, true, false, true));
  EXPECT_THAT(result_of<bool>(one_node("Equal", 11), {a, b}), ElementsAre(false, true, false, true));
  const Tensor texts = tensor<std::string>({2}, {"a", "b"});
  EXPECT_THAT(result_of<bool>(one_node("Equal", 19), {texts, tensor<std::string>({}, {"b"})}),
              ElementsAre(false, true));
  const Tensor p = tensor<bool>({2, 1}, {false, true}), q = tensor<bool>({2}, {false, true});
  EXPECT_THAT(result_of<bool>(one_node("And", 7), {p, q}), ElementsAre(false, false, false, true));
  EXPECT_THAT(result_of<bool>(one_node("Or", 7), {p, q}), ElementsAre(false, true, true, true));
  EXPECT_THAT(result_of<bool>(one_node("Xor", 7), {p, q}), ElementsAre(false, true, true, false));
  EXPECT_THAT(result_of<bool>(one_node("Not", 1), {q}), ElementsAre(true, false));
  const Tensor special = tensor<float>({4}, {kNan, kInfinity, -kInfinity, 0});
  EXPECT_THAT(result_of<bool>(one_node("IsNaN", 13), {special}), ElementsAre(true, false, false, false));
  EXPECT_THAT(result_of<bool>(one_node("IsInf", 10), {special}), ElementsAre(false, true, true, false));
  EXPECT_THAT(result_of<bool>(one_node("IsInf", 10, {{"detect_negative", std::int64_t{0}}}), {special}),
              ElementsAre(false, true, false, false));
  EXPECT_THAT(refusal([&] { run_node(one_node("Less", 9), {texts, texts}); }), HasSubstr("not text"));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("And", 7), {a, b});
              }),
              HasSubstr("must be of bool, not float32"));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("Add", 7), {a, Tensor::scalar(1.0)});
              }),
              HasSubstr("different types"));
}

TEST(Where, ChoosesElementByElement) {
  const Tensor chosen = tensor<bool>({2, 1}, {true, false}), x = tensor<std::string>({3}, {"a", "b", "c"}),
               y = Tensor::scalar(std::string("-"));
  EXPECT_THAT(result_of<std::string>(one_node("Where", 16), {chosen, x, y}),
              ElementsAre("a", "b", "c", "-", "-", "-"));
}

TEST(Clip, HasLimitsAsAttributesOrInputs) {
  const Tensor x = tensor<float>({5}, {-9, -1, 0.5f, 9, kNan}), low = Tensor::scalar(-2.0f),
               high = Tensor::scalar(6.0f);
  const auto first = [](const std::vector<float>& all) { return std::vector(all.begin(), all.begin() + 4); };
  const auto old = result_of<float>(one_node("Clip", 6, {{"min", -2.0f}, {"max", 6.0f}}), {x}),
             now = result_of<float>(one_node("Clip", 13), {x, low, high});
  EXPECT_THAT(first(old), ElementsAre(-2, -1, 0.5f, 6));
  EXPECT_EQ(first(old), first(now));
  EXPECT_TRUE(std::isnan(old[4]) && std::isnan(now[4]));
  EXPECT_THAT(first(result_of<float>(one_node("Clip", 11), {x, {}, high})), ElementsAre(-9, -1, 0.5f, 6));
  EXPECT_THAT(first(result_of<float>(one_node("Clip", 13), {x, high, low})), ElementsAre(-2, -2, -2, -2));
  EXPECT_THAT(result_of<std::int8_t>(one_node("Clip", 12),
                                     {tensor<std::int8_t>({2}, {-5, 5}), Tensor::scalar(std::int8_t{0})}),
              ElementsAre(0, 5));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("Clip", 13), {x, Tensor(ElementType::float32, {0})});
              }),
              HasSubstr("a single number"));
  EXPECT_NE(refusal([&] { run_node(one_node("Clip", 13), {x, Tensor::scalar(1.0)}); }), "");
}

TEST(Cast, TakesItsTypeFromTheNodeOrFromAnotherTensor) {
  const Tensor x = tensor<float>({2}, {1.5f, -2.5f});
  EXPECT_THAT(result_of<std::int64_t>(one_node("Cast", 9, {{"to", std::int64_t{7}}}), {x}),
              ElementsAre(1, -2));
  EXPECT_THAT(result_of<std::int64_t>(one_node("Cast", 1, {{"to", std::string("INT64")}}), {x}),
              ElementsAre(1, -2));
  EXPECT_THAT(result_of<double>(one_node("Cast", 1, {{"to", std::string("DOUBLE")}}), {x}),
              ElementsAre(1.5, -2.5));
  EXPECT_THAT(result_of<std::string>(one_node("CastLike", 15), {x, Tensor(ElementType::text, {0})}),
              ElementsAre("1.5", "-2.5"));
  for (const std::int64_t wrong : {0, 14, 17, 23, 32, -1, 256 + 7})
    EXPECT_THAT(refusal([&] {
                  run_node(one_node("Cast", 19, {{"to", wrong}}), {x});
                }),
                HasSubstr("not supported"))
        << wrong;
  EXPECT_THAT(refusal([&] { run_node(one_node("Cast", 19), {x}); }), HasSubstr("'to' is missing"));
}

TEST(Dropout, KeepsEverythingAndRefusesToDrawRandomNumbers) {
  const Tensor x = tensor<float>({3}, {1, 2, 3}), half = Tensor::scalar(0.5f);
  const auto now = run_node(one_node("Dropout", 13, {}, 2), {x, half});
  EXPECT_EQ(elements<float>(now[0]), elements<float>(x));
  EXPECT_THAT(elements<bool>(now[1]), ElementsAre(true, true, true));
  EXPECT_THAT(elements<float>(run_node(one_node("Dropout", 7, {}, 2), {x})[1]), ElementsAre(1, 1, 1));
  EXPECT_EQ(result_of<float>(one_node("Dropout", 6, {{"is_test", std::int64_t{1}}}), {x}),
            elements<float>(x));
  EXPECT_EQ(result_of<float>(one_node("Dropout", 13), {x, Tensor::scalar(0.0f), Tensor::scalar(true)}),
            elements<float>(x));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("Dropout", 13), {x, half, Tensor::scalar(true)});
              }),
              HasSubstr("drops at random"));
  EXPECT_THAT(refusal([&] { run_node(one_node("Dropout", 6), {x}); }), HasSubstr("is_test"));
}

}  // namespace
}  // namespace halfwave
