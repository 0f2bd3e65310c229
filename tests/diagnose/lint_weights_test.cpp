// Lost if these fail: what inspect says of the numbers in a network: which units are twins, of no use or
// asleep, and what cannot be right at all.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "diagnose/diagnose_testing.h"
#include "diagnose/lint.h"
#include "diagnose/unit_vectors.h"

namespace halfwave {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LintWeights, NothingIsWrongWithNewNetworks) {
  for (const char* init : {"auto", "he_uniform", "orthogonal", "xavier_normal", "lecun_uniform"})
    for (const char* line : {"dense 64, relu, dense 64, relu, dense", "dense 64, batch_norm, relu, dense",
                             "dense 64, tanh, dense 64, sigmoid, dense", "dense 64, prelu, dense"}) {
      const ModelParts parts = parts_of(line, {20}, 5, init);
      EXPECT_THAT(names_of(lint_weights(parts)), IsEmpty()) << init << ": " << line;
    }
  EXPECT_THAT(
      lint_weights(parts_of("conv 16 3x3, relu, pool 2, conv 16 3x3, relu, flatten, dense", {1, 8, 8}, 5)),
      IsEmpty());
}

TEST(LintWeights, NumbersThatAreNone) {
  ModelParts parts = parts_of("dense 8, relu, dense", {4}, 3);
  change(parts.network, "dense_2.weight", [](auto& w) {
    w[3] = std::numeric_limits<float>::quiet_NaN();
    w[5] = std::numeric_limits<float>::infinity();
  });
  const std::vector<Finding> findings = lint_weights(parts);
  ASSERT_THAT(names_of(findings), ElementsAre("not_finite_weights in dense_2"));
  EXPECT_EQ(findings[0].number, 2);
  EXPECT_EQ(findings[0].weight, 1);
}

TEST(LintWeights, HugeOnes) {
  ModelParts parts = parts_of("dense 8, relu, dense", {4}, 3);
  change(parts.network, "dense_1.weight", [](auto& w) {
    for (float& x : w) x *= 1000;
  });
  EXPECT_THAT(names_of(lint_weights(parts)), ElementsAre("huge_weights in dense_1"));
  ModelParts normalised = parts_of("dense 8, batch_norm, relu, dense", {4}, 3);
  change(normalised.network, "dense_1.weight", [](auto& w) {
    for (float& x : w) x *= 1000;
  });
  EXPECT_THAT(lint_weights(normalised), IsEmpty()) << "batch norm makes up for any size";
}

TEST(LintWeights, BiasesThatKeepRectifiersOff) {
  const auto with_biases = [](const std::string& activation) {
    ModelParts parts = parts_of("dense 40, " + activation + ", dense", {4}, 3);
    change(parts.network, "dense_1.bias", [](auto& b) { b[3] = b[17] = -100; });
    return lint_weights(parts);
  };
  const std::vector<Finding> findings = with_biases("relu");
  ASSERT_THAT(names_of(findings), ElementsAre("negative_bias in dense_1"));
  EXPECT_THAT(findings[0].units, ElementsAre(3, 17));
  EXPECT_THAT(with_biases("leaky_relu"), IsEmpty()) << "it has a gradient there as well";
}

/// Makes unit `to` so many times unit `from`.
void copy_unit(Network& network, std::size_t from, std::size_t to, float times) {
  change(network, "dense_1.weight", [&](auto& w) {
    const std::size_t units = network.layer(0).outputs();
    for (std::size_t i = 0; i < w.size(); i += units) w[i + to] = times * w[i + from];
  });
  change(network, "dense_1.bias", [&](auto& b) { b[to] = times * b[from]; });
}

TEST(LintWeights, DuplicatesUpToAFactorWhereThatIsTheSame) {
  for (const char* activation : {"relu", "leaky_relu", "prelu", "dropout 0.2, relu"}) {
    ModelParts parts = parts_of(std::string("dense 40, ") + activation + ", dense", {4}, 3);
    change(parts.network, "dense_1.bias", [](auto& b) {
      for (std::size_t j = 0; j < b.size(); ++j) b[j] = 0.1f * static_cast<float>(j);
    });
    copy_unit(parts.network, 5, 2, 3.7f);
    copy_unit(parts.network, 5, 30, 0.2f);
    copy_unit(parts.network, 7, 8, -1.0f);  // the other side is another unit
    const std::vector<Finding> findings = lint_weights(parts);
    ASSERT_THAT(names_of(findings), ElementsAre("duplicate_units in dense_1")) << activation;
    EXPECT_THAT(findings[0].units, ElementsAre(5, 30)) << "the first of them is none";
  }
}

TEST(LintWeights, ElsewhereOnlyEqualUnitsAreDuplicates) {
  for (const char* activation : {"tanh", "sigmoid", "relu6"}) {
    ModelParts parts = parts_of(std::string("dense 40, ") + activation + ", dense", {4}, 3);
    copy_unit(parts.network, 5, 6, 1.0f);
    copy_unit(parts.network, 9, 10, 2.0f);
    const std::vector<Finding> findings = lint_weights(parts);
    ASSERT_EQ(findings.size(), 1u) << activation;
    EXPECT_THAT(findings[0].units, ElementsAre(6));
  }
}

TEST(LintWeights, UnitsThatBendInTheirOwnWayAreNoDuplicates) {
  ModelParts parts = parts_of("dense 40, prelu, dense", {4}, 3);
  copy_unit(parts.network, 5, 6, 2.0f);
  change(parts.network, "prelu_1.slope", [](auto& slopes) { slopes[6] = 0.9f; });
  EXPECT_THAT(lint_weights(parts), IsEmpty());
}

TEST(LintWeights, BatchNormIsPartOfAUnit) {
  ModelParts parts = parts_of("dense 40, batch_norm, relu, dense", {4}, 3);
  copy_unit(parts.network, 5, 6, 2.0f);
  EXPECT_EQ(lint_weights(parts).size(), 1u);
  change(parts.network, "batch_norm_1.mean", [](auto& mean) { mean[6] = 1.0f; });
  EXPECT_THAT(lint_weights(parts), IsEmpty()) << "another bias";
}

TEST(LintWeights, FiltersOfAConvolution) {
  ModelParts parts = parts_of("conv 6 3x3, relu, conv 4 3x3, relu, flatten, dense", {2, 5, 5}, 3);
  change(parts.network, "conv_1.weight", [](auto& w) {
    for (std::size_t k = 0; k < 18; ++k) w[4 * 18 + k] = 2 * w[1 * 18 + k];
  });
  change(parts.network, "conv_2.weight", [](auto& w) {  // [4, 6, 3, 3]
    for (std::size_t filter = 0; filter < 4; ++filter)
      for (std::size_t k = 0; k < 9; ++k) w[(filter * 6 + 2) * 9 + k] = 0;
  });
  change(parts.network, "dense_1.weight", [](auto& w) {  // rows: 25 positions of 4 channels
    for (std::size_t position = 0; position < 25; ++position)
      for (std::size_t j = 0; j < 3; ++j) w[(position * 4 + 3) * 3 + j] = 0;
  });
  const std::vector<Finding> findings = lint_weights(parts);
  ASSERT_THAT(names_of(findings), ElementsAre("duplicate_units in conv_1", "no_outgoing_weights in conv_1",
                                              "no_outgoing_weights in conv_2"));
  EXPECT_THAT(findings[0].units, ElementsAre(4));
  EXPECT_THAT(findings[1].units, ElementsAre(2));
  EXPECT_THAT(findings[2].units, ElementsAre(3));
}

TEST(LintWeights, ScalesOfZero) {
  ModelParts parts = parts_of("dense 8, batch_norm, relu, dense", {4}, 3);
  change(parts.network, "batch_norm_1.scale", [](auto& scale) { scale[2] = scale[5] = 0; });
  const std::vector<Finding> findings = lint_weights(parts);
  ASSERT_THAT(names_of(findings), ElementsAre("zero_scale in batch_norm_1"));
  EXPECT_THAT(findings[0].units, ElementsAre(2, 5));
  // A branch that begins at zero as a whole is a way to begin.
  ModelParts residual =
      parts_of("dense 8, relu, residual(dense 8, relu, dense 8, batch_norm), relu, dense", {4}, 3);
  change(residual.network, "batch_norm_1.scale", [](auto& scale) { std::ranges::fill(scale, 0.0f); });
  EXPECT_LT(find_kind(lint_weights(residual), "zero_scale")->weight, kWeightOfRemark);
}

std::vector<Finding> initialised(const std::string& line, const std::string& init) {
  return lint_initialisation(parts_of(line, {64}, 10, init).network);
}

TEST(LintInitialisation, XavierUnderManyRectifiers) {
  const std::string deep = "12 * (dense 64, relu), dense";
  for (const char* init : {"lecun_normal", "lecun_uniform"}) {
    const std::vector<Finding> findings = initialised(deep, init);
    ASSERT_THAT(names_of(findings), ElementsAre("he_missing in dense_1")) << init;
    EXPECT_EQ(findings[0].number, 12);
    EXPECT_GT(findings[0].weight, kWeightOfRemark);
  }
  for (const char* init : {"auto", "he_uniform", "orthogonal"})
    EXPECT_THAT(initialised(deep, init), IsEmpty()) << init;
}

TEST(LintInitialisation, NotWhereItDoesNotMatter) {
  EXPECT_THAT(initialised("2 * (dense 64, relu), dense", "lecun_normal"), IsEmpty()) << "not deep";
  EXPECT_THAT(initialised("12 * (dense 64, batch_norm, relu), dense", "lecun_normal"), IsEmpty());
  EXPECT_THAT(initialised("12 * (dense 64, tanh), dense", "lecun_normal"), IsEmpty());
  EXPECT_THAT(initialised("12 * (dense 64, selu), dense", "lecun_normal"), IsEmpty()) << "made for it";
}

TEST(LintInitialisation, NotOfTrainedWeights) {
  ModelParts parts = parts_of("12 * (dense 64, relu), dense", {64}, 10, "lecun_normal");
  for (std::size_t layer = 1; layer <= 12; ++layer)
    change(parts.network, "dense_" + std::to_string(layer) + ".weight", [](auto& w) {
      for (std::size_t i = 0; i < w.size(); i += 50) w[i] *= 5;  // some have learned
    });
  EXPECT_THAT(lint_initialisation(parts.network), IsEmpty());
}

}  // namespace
}  // namespace halfwave
