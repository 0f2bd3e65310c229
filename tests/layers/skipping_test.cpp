// Lost if this fails: the choice between dense and zero-skipping - which densities count between the measured
// points and beyond them, and a built-in table that is sane for every layer.
#include "layers/skipping.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include <cmath>

namespace halfwave {
namespace {

Crossovers sample() {
  Crossovers table{.batches = {4, 64}, .outputs = {10, 1000}, .densities = {}, .processor = "p"};
  for (std::size_t i = 0; i < kProducts.size(); ++i) {
    const double shift = 0.01 * static_cast<double>(i);
    table.densities[i] = {{0.1 + shift, 0.3 + shift}, {0.5 + shift, 0.9 + shift}};
  }
  return table;
}

TEST(Crossovers, MeasuredPointsStand) {
  const Crossovers table = sample();
  for (std::size_t i = 0; i < kProducts.size(); ++i)
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t o = 0; o < 2; ++o)
        EXPECT_DOUBLE_EQ(table.density(kProducts[i], table.batches[b], table.outputs[o]),
                         table.densities[i][b][o]);
}

TEST(Crossovers, BetweenThemTheLogarithmsCount) {
  const Crossovers table = sample();
  EXPECT_NEAR(table.density(Product::forward, 16, 10), 0.3, 1e-12) << "16 is midway between 4 and 64";
  EXPECT_NEAR(table.density(Product::forward, 4, 100), 0.2, 1e-12) << "100 is midway between 10 and 1000";
  EXPECT_NEAR(table.density(Product::input_gradient, 16, 100), 0.47, 1e-12);
}

TEST(Crossovers, BeyondThemTheNearestCounts) {
  const Crossovers table = sample();
  for (const std::size_t small : std::initializer_list<std::size_t>{0, 1, 3})
    EXPECT_DOUBLE_EQ(table.density(Product::forward, small, 1), 0.1);
  EXPECT_DOUBLE_EQ(table.density(Product::forward, 65, 1001), 0.9);
  EXPECT_DOUBLE_EQ(table.density(Product::forward, std::size_t{1} << 40, std::size_t{1} << 40), 0.9);
  EXPECT_DOUBLE_EQ(table.density(Product::forward, 1, 5000), 0.3);
}

TEST(Crossovers, OnePointIsEnough) {
  Crossovers table{.batches = {7}, .outputs = {7}, .densities = {}, .processor = ""};
  for (auto& product : table.densities) product = {{0.4}};
  for (const std::size_t n : std::initializer_list<std::size_t>{1, 7, 100})
    EXPECT_DOUBLE_EQ(table.density(Product::forward, n, n), 0.4);
}

TEST(Crossovers, RisesWithItsPointsAndNeverJumps) {
  const Crossovers table = sample();
  double last = 0.0;
  for (std::size_t n = 1; n < 2000; ++n) {
    const double density = table.density(Product::weight_gradient, n, n);
    EXPECT_GE(density, last);
    EXPECT_LT(density - last, 0.2) << n;
    last = density;
  }
}

TEST(Crossovers, TheBuiltInTableIsSane) {
  const Crossovers& table = Crossovers::built_in();
  EXPECT_EQ(table.processor, "");
  for (const Product product : kProducts) {
    for (std::size_t batch = 1; batch < 5000; batch *= 3) {
      for (std::size_t outputs = 1; outputs < 5000; outputs *= 3) {
        const double density = table.density(product, batch, outputs);
        EXPECT_TRUE(density >= 0.0 && density < 1.0)
            << product_name(product) << " " << batch << " " << outputs;
      }
    }
    EXPECT_GT(table.density(product, 128, 1024), 0.3) << "trained networks' layers would all be dense";
  }
}

TEST(Crossovers, ThoseThatAreSetAreInUse) {
  set_crossovers(sample());
  EXPECT_EQ(crossovers().processor, "p");
  EXPECT_DOUBLE_EQ(crossovers().density(Product::forward, 4, 10), 0.1);
  set_crossovers(Crossovers::built_in());
  EXPECT_EQ(crossovers().processor, "");
}

TEST(Skipping, NamesAreFoundAgain) {
  const Skipping all[] = {Skipping::automatic, Skipping::always, Skipping::never};
  const std::vector<std::string> names = skipping_names();
  ASSERT_EQ(names, (std::vector<std::string>{"auto", "on", "off"}));
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(find_skipping(names[i]), all[i]);
}

TEST(Skipping, OtherNamesAreRefused) {
  for (const char* name : {"", "of", "ON", "autoo"}) {
    try {
      find_skipping(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("auto, on and off"));
    }
  }
}

}  // namespace
}  // namespace halfwave
