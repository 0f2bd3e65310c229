// Lost if these fail: half-precision weights would load as other numbers, casts in a graph would give other
// results than everywhere else, and a damaged file could ask for any amount of memory.
#include "operators/tensor.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>

#include <cmath>
#include <limits>

#include "one_node.h"

namespace halfwave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Half>
Half of_bits(unsigned bits) {
  Half half;
  half.bits = static_cast<std::uint16_t>(bits);
  return half;
}

template <class Half>
class HalfPrecision : public ::testing::Test {};
using Halves = ::testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(HalfPrecision, Halves);

TYPED_TEST(HalfPrecision, EveryOneOfThemSurvivesFloatAndBack) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto half = of_bits<TypeParam>(bits);
    if (std::isnan(static_cast<float>(half)))
      ASSERT_TRUE(std::isnan(static_cast<float>(TypeParam(static_cast<float>(half))))) << bits;
    else
      ASSERT_EQ(TypeParam(static_cast<float>(half)).bits, bits);
  }
}

TYPED_TEST(HalfPrecision, BetweenTwoNeighboursTheNearestIsTakenAndTheEvenOneInTheMiddle) {
  const unsigned infinite = TypeParam(std::numeric_limits<float>::infinity()).bits;
  const auto cast = [](double x) {
    return Tensor::scalar(x).cast(kTypeOf<TypeParam>).template elements<TypeParam>()[0].bits;
  };
  for (unsigned bits = 0; bits + 1 < infinite; ++bits) {
    const double below = static_cast<float>(of_bits<TypeParam>(bits)),
                 above = static_cast<float>(of_bits<TypeParam>(bits + 1));
    const double middle = (below + above) / 2;  // exact
    ASSERT_LT(below, above);
    const unsigned even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(TypeParam(static_cast<float>(middle)).bits, even);
    ASSERT_EQ(TypeParam(std::nextafter(static_cast<float>(middle), 0.0f)).bits, bits);
    ASSERT_EQ(TypeParam(static_cast<float>(-middle)).bits, even | 0x8000u);
    // From double too in one rounding: nearer to the middle than any float is.
    ASSERT_EQ(cast(middle), even);
    ASSERT_EQ(cast(std::nextafter(middle, 0.0)), bits);
    ASSERT_EQ(cast(std::nextafter(middle, 1e300)), bits + 1);
  }
}

TEST(Float16, IsInfiniteFromHalfwayBeyondTheLargestOn) {
  EXPECT_EQ(static_cast<float>(Float16(65519.99f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(Float16(65520.0f))));
  EXPECT_EQ(static_cast<float>(Float16(5.9604645e-8f)), 5.9604645e-8f);  // 2^-24, the smallest
  EXPECT_EQ(static_cast<float>(Float16(1.0f)), 1.0f);
}

TEST(Cast, KeepsSmallNumbersBetweenAllTypes) {
  const ElementType types[]{ElementType::float32, ElementType::uint8,  ElementType::int8,
                            ElementType::uint16,  ElementType::int16,  ElementType::int32,
                            ElementType::int64,   ElementType::text,   ElementType::float16,
                            ElementType::float64, ElementType::uint32, ElementType::uint64,
                            ElementType::bfloat16};
  const Tensor numbers = tensor<std::int32_t>({2, 2}, {0, 1, 17, 100});
  for (const ElementType a : types)
    for (const ElementType b : types) {
      const Tensor back = numbers.cast(a).cast(b).cast(ElementType::int32);
      EXPECT_EQ(elements<std::int32_t>(back), elements<std::int32_t>(numbers))
          << type_name(a) << type_name(b);
      EXPECT_EQ(back.dims(), numbers.dims());
    }
}

TEST(Cast, FractionsGoTowardsZeroAndWholeNumbersKeepTheirLowBits) {
  const Tensor fractions = tensor<float>({4}, {-1.9f, -0.5f, 0.99f, 2.5f});
  EXPECT_THAT(elements<std::int8_t>(fractions.cast(ElementType::int8)), ElementsAre(-1, 0, 0, 2));
  const Tensor whole = tensor<std::int16_t>({2}, {200, -1});
  EXPECT_THAT(elements<std::int8_t>(whole.cast(ElementType::int8)), ElementsAre(-56, -1));
  EXPECT_THAT(elements<std::uint32_t>(whole.cast(ElementType::uint32)), ElementsAre(200u, 0xFFFFFFFFu));
  const Tensor huge = tensor<double>({3}, {1e300, -1e300, std::nan("")});
  EXPECT_THAT(elements<std::int32_t>(huge.cast(ElementType::int32)), ElementsAre(INT32_MAX, INT32_MIN, 0));
  EXPECT_THAT(
      elements<bool>(tensor<float>({4}, {0.0f, -0.0f, 0.1f, std::nanf("")}).cast(ElementType::boolean)),
      ElementsAre(false, false, true, true));
}

TEST(Cast, TextsAreNumbersAsOnnxWritesThem) {
  const Tensor texts = tensor<std::string>({7}, {"3.14", "1e-5", "+INF", "-inf", "NaN", " 7 ", "1e39"});
  const auto numbers = elements<float>(texts.cast(ElementType::float32));
  EXPECT_EQ(numbers[0], 3.14f);
  EXPECT_EQ(numbers[1], 1e-5f);
  EXPECT_TRUE(std::isinf(numbers[2]) && numbers[2] > 0);
  EXPECT_TRUE(std::isinf(numbers[3]) && numbers[3] < 0);
  EXPECT_TRUE(std::isnan(numbers[4]));
  EXPECT_EQ(numbers[5], 7.0f);
  EXPECT_TRUE(std::isinf(numbers[6]));
  const Tensor whole = tensor<std::string>({2}, {"9007199254740993", "100.5"});
  EXPECT_THAT(elements<std::int64_t>(whole.cast(ElementType::int64)), ElementsAre(9007199254740993, 100));
  const Tensor back = tensor<double>({4}, {0.1, 1.0 / 0.0, -1.0 / 0.0, std::nan("")}).cast(ElementType::text);
  EXPECT_THAT(elements<std::string>(back), ElementsAre("0.1", "INF", "-INF", "NaN"));
  for (const char* wrong : {"", " ", "Hello", "1.5x", "0x10", "+-1", "1e999"})
    EXPECT_THAT(refusal([&] { tensor<std::string>({1}, {wrong}).cast(ElementType::float64); }),
                HasSubstr("is no number"))
        << wrong;
}

TEST(Dims, WhatIsTooLargeOrNoShapeIsRefusedBeforeAnythingIsMade) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({3, 0, 5}), 0);
  EXPECT_EQ(element_count({1 << 16, 1 << 15}), std::int64_t{1} << 31);
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const Dims wrong[]{{-1}, {0, -1}, {1000000, 1000000}, {kHuge, kHuge}, {kHuge, 4}, {0, kHuge, kHuge}};
  for (const Dims& dims : wrong) {
    EXPECT_NE(refusal([&] { element_count(dims); }), "") << describe(dims);
    EXPECT_NE(refusal([&] { Tensor(ElementType::int8, dims); }), "") << describe(dims);
  }
  EXPECT_THAT(refusal([] { Tensor(ElementType::float64, {1 << 16, 1 << 15}); }), HasSubstr("GiB"));
  EXPECT_NE(refusal([] { Tensor(ElementType::float32, {6}).reshaped({4}); }), "");
}

TEST(Tensor, CannotBeTakenForOneOfAnotherType) {
  Tensor numbers(ElementType::float32, {2});
  EXPECT_THROW(numbers.elements<double>(), Error);
  EXPECT_THROW(Tensor().elements<float>(), Error);
  EXPECT_NE(refusal([&] { numbers.integers(); }), "");
}

}  // namespace
}  // namespace halfwave
