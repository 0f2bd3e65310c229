// Lost if these fail: a network's regularisation would be another than asked for, the gradient would flow
// through units that were dropped, or a run would depend on its threads.
#include "kernels/dropout.h"

#include <cmath>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

TEST(Dropout, ShareDroppedAndMeanAreThoseOfTheRule) {
  constexpr std::size_t kN = 200000;
  const std::vector<float> ones(kN, 1.0f);
  for (const double rate : {0.0, 0.01, 0.1, 0.5, 0.9, 0.999}) {
    const auto keep = static_cast<float>(1 - rate);
    const DropoutRule rule{static_cast<float>(rate), 1 / keep, 0, 0};
    Guarded y(kN);
    std::vector<std::uint32_t> mask((kN + kMaskBits - 1) / kMaskBits);
    dropout_forward(rule, Random(3, 5), 0, ones.data(), kN, y.data(), mask.data());
    double dropped = 0;
    for (std::size_t i = 0; i < kN; ++i) {
      const bool kept = (mask[i / 32] >> (i % 32) & 1u) != 0;
      dropped += kept ? 0 : 1;
      ASSERT_EQ(y[i], kept ? 1 / keep : 0.0f);
    }
    // Five standard deviations of a binomial share.
    EXPECT_NEAR(dropped / kN, rate, 5 * std::sqrt(rate * (1 - rate) / kN)) << "rate " << rate;
    EXPECT_TRUE(y.intact());
  }
}

TEST(Dropout, KeptAndDroppedNumbersFollowTheRuleForwardAndBackward) {
  const DropoutRule rule{0.3f, 1.25f, 0.5f, -2.0f};
  Draw draw(50);
  for (const std::size_t n : {1u, 3u, 31u, 32u, 33u, 100u, 257u}) {
    const std::vector<float> x = draw.normals(n), dy = draw.normals(n);
    Guarded y(n), dx(n);
    std::vector<std::uint32_t> mask((n + 31) / 32 + 1, 0xABCDEF01u);
    dropout_forward(rule, Random(1, 2), 64, x.data(), n, y.data(), mask.data());
    dropout_backward(rule, mask.data(), dy.data(), n, dx.data());
    for (std::size_t i = 0; i < n; ++i) {
      const bool kept = (mask[i / 32] >> (i % 32) & 1u) != 0;
      ASSERT_FLOAT_EQ(y[i], kept ? x[i] * 1.25f + 0.5f : -2.0f);
      ASSERT_EQ(dx[i], kept ? dy[i] * 1.25f : 0.0f);
    }
    EXPECT_EQ(mask.back(), 0xABCDEF01u) << "a word too many of the mask was written";
    EXPECT_TRUE(y.intact() && dx.intact());

    Guarded in_place(x), in_place_back(dy);
    std::vector<std::uint32_t> again(mask.size());
    dropout_forward(rule, Random(1, 2), 64, in_place.data(), n, in_place.data(), again.data());
    dropout_backward(rule, again.data(), in_place_back.data(), n, in_place_back.data());
    EXPECT_TRUE(same_bits(in_place.values(), y.values()) && same_bits(in_place_back.values(), dx.values()));
  }
}

TEST(Dropout, AnyCutDrawsTheSame) {
  const DropoutRule rule{0.5f, 2.0f, 0.0f, 0.0f};
  Draw draw(51);
  constexpr std::size_t kN = 1000;
  constexpr std::uint64_t kFirst = std::uint64_t{7} << 40;
  const std::vector<float> x = draw.normals(kN);
  std::vector<float> whole(kN), parts(kN);
  std::vector<std::uint32_t> mask(32), mask_parts(32);
  dropout_forward(rule, Random(8, 9), kFirst, x.data(), kN, whole.data(), mask.data());
  for (int round = 0; round < 5; ++round) {
    const std::vector<std::size_t> cuts = draw.cuts(kN, kMaskBits);
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c)
      dropout_forward(rule, Random(8, 9), kFirst + cuts[c], x.data() + cuts[c], cuts[c + 1] - cuts[c],
                      parts.data() + cuts[c], mask_parts.data() + cuts[c] / kMaskBits);
    EXPECT_TRUE(same_bits(whole, parts));
    EXPECT_EQ(mask, mask_parts);
  }
}

TEST(Dropout, SeedStreamAndPositionDrawApart) {
  const DropoutRule rule{0.5f, 2.0f, 0.0f, 0.0f};
  const std::vector<float> x(4096, 1.0f);
  const auto masks = [&](std::uint64_t seed, std::uint64_t stream, std::uint64_t first) {
    std::vector<float> y(x.size());
    std::vector<std::uint32_t> mask(x.size() / 32);
    dropout_forward(rule, Random(seed, stream), first, x.data(), x.size(), y.data(), mask.data());
    return mask;
  };
  const auto base = masks(1, 1, 0);
  for (const auto& other : {masks(2, 1, 0), masks(1, 2, 0), masks(1, 1, std::uint64_t{1} << 40)}) {
    int same = 0;
    for (std::size_t i = 0; i < base.size(); ++i) same += 32 - std::popcount(base[i] ^ other[i]);
    EXPECT_NEAR(same, 2048, 160) << "independent masks agree in half of their bits";  // 5 standard deviations
  }
}

}  // namespace
}  // namespace halfwave
