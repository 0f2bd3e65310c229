// Lost if these fail: what inspect says of a network without any data - and that it keeps quiet about what is
// made so on purpose.
#include <gmock/gmock.h>

#include <cmath>

#include "diagnose/diagnose_testing.h"
#include "diagnose/lint.h"

namespace halfwave {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Finding> lint_of(const std::string& line, std::size_t classes,
                             std::vector<std::int64_t> shape = {20}) {
  return lint_structure(parts_of(line, std::move(shape), classes));
}
double weight_of(const std::string& line, std::size_t classes, const std::string& kind) {
  const std::vector<Finding> findings = lint_of(line, classes);
  const Finding* const finding = find_kind(findings, kind);
  return finding ? finding->weight : 0.0;
}

TEST(LintStructure, NothingIsWrongWithUsualNetworks) {
  for (const char* line :
       {"dense 8, relu, dense", "dense 8, relu, dropout 0.5, dense, softmax", "dense 8, tanh, dense",
        "dense 8, batch_norm, relu, residual(dense 8, relu, dense 8), relu, dense",
        "dense 8, sigmoid, dense, log_softmax", "dense 8, relu, relu6, dense"})
    EXPECT_THAT(names_of(lint_of(line, 5)), IsEmpty()) << line;
  for (const char* line : {"conv 4 3x3, relu, pool 2, conv 4 3x3, relu, global_average_pool, dense",
                           "conv 4 3x3 groups=1, batch_norm, relu, conv 4 3x3 groups=4, conv 8 1x1, relu, "
                           "flatten, dense",
                           "conv 4 1x3, conv 4 3x1, relu, flatten, dense"})
    EXPECT_THAT(names_of(lint_of(line, 5, {1, 8, 8})), IsEmpty()) << line;
}

TEST(LintStructure, AnOutputThatCannotReachTheTargets) {
  EXPECT_THAT(names_of(lint_of("dense 8, relu, dense, relu", 0)), ElementsAre("output_range in relu_2"));
  EXPECT_GT(weight_of("dense 8, relu, dense, relu", 0, "output_range"), 0.9);
  EXPECT_GT(weight_of("dense 8, relu, dense, tanh", 0, "output_range"), 0.5);
  EXPECT_THAT(lint_of("dense 8, relu, dense, leaky_relu", 0), IsEmpty());
  EXPECT_THAT(names_of(lint_of("dense 8, relu, dense, softmax", 0)),
              ElementsAre("output_range in softmax_1"));
  EXPECT_THAT(lint_of("dense 8, relu, dense, softsign, dropout 0.1", 0), Not(IsEmpty()));
}

TEST(LintStructure, WithoutAnyScaleItIsSaidCarefully) {
  ModelParts parts = parts_of("dense 8, relu, dense, relu", {20}, 0);
  parts.preprocessing.target_mean = {0};
  parts.preprocessing.target_scale = {1};
  const std::vector<Finding> careful = lint_structure(parts);
  ASSERT_EQ(careful.size(), 1u);
  EXPECT_LT(careful[0].weight, 0.5);
  EXPECT_THAT(careful[0].what, HasSubstr("if there are any"));
  // With targets it is sure, one way or the other.
  TargetRange below{.sorted = {-2, -1, 1, 2}}, above{.sorted = {0, 1, 2}};
  EXPECT_GT(lint_structure(parts, &below).at(0).weight, 0.9);
  EXPECT_THAT(lint_structure(parts, &above), IsEmpty());
}

TEST(LintStructure, LogitsWithABound) {
  EXPECT_GT(weight_of("dense 8, relu, dense, relu", 5, "output_range"), 0.3);
  EXPECT_GT(weight_of("dense 8, relu, dense, relu, softmax", 5, "output_range"), 0.3);
  EXPECT_GT(weight_of("dense 8, relu, dense, tanh, softmax", 5, "output_range"), 0.3);
  // exp(2) against 4 others
  EXPECT_NEAR(find_kind(lint_of("dense 8, relu, dense, tanh, softmax", 5), "output_range")->number,
              std::exp(2.0) / (std::exp(2.0) + 4), 1e-3);
}

TEST(LintStructure, SoftmaxTwice) {
  EXPECT_THAT(names_of(lint_of("dense 8, relu, dense, softmax, softmax", 5)),
              ElementsAre("double_softmax in softmax_2"));
  EXPECT_THAT(names_of(lint_of("dense 8, relu, dense, softmax, dropout 0.1, log_softmax", 5)),
              Contains("double_softmax in log_softmax_1"));
  // The softmax of logarithms of probabilities changes nothing.
  EXPECT_LT(weight_of("dense 8, relu, dense, log_softmax, softmax", 5, "double_softmax"), kWeightOfRemark);
}

TEST(LintStructure, ARectifierThatGetsNothingNegative) {
  for (const char* first : {"sigmoid", "softplus", "softmax"}) {
    const std::string line = std::string("dense 8, ") + first + ", dropout 0.1, relu, dense";
    EXPECT_THAT(names_of(lint_of(line, 5)), ElementsAre("sigmoid_before_relu in relu_1")) << line;
    EXPECT_GT(lint_of(line, 5)[0].weight, 0.3);
  }
  EXPECT_LT(weight_of("dense 8, relu, relu, dense", 5, "sigmoid_before_relu"), kWeightOfRemark)
      << "one too many, no more";
  EXPECT_THAT(lint_of("dense 8, tanh, relu, dense", 5), IsEmpty());
  EXPECT_THAT(lint_of("dense 8, sigmoid, batch_norm, relu, dense", 5), IsEmpty()) << "it has mean 0 by then";
}

TEST(LintStructure, TwoLinearLayers) {
  EXPECT_THAT(names_of(lint_of("dense 30, dropout 0.1, dense 30, relu, dense", 5)),
              ElementsAre("linear_pair in dense_2"));
  EXPECT_THAT(names_of(lint_of("dense 30, batch_norm, dense 30, relu, dense", 5)),
              ElementsAre("linear_pair in dense_2"));
  EXPECT_THAT(lint_of("dense 4, dense 30, relu, dense", 5), IsEmpty()) << "a factorisation of low rank";
  EXPECT_THAT(names_of(lint_of("conv 8 3x3, conv 8 3x3, relu, flatten, dense", 5, {1, 8, 8})),
              ElementsAre("linear_pair in conv_2"));
}

TEST(LintStructure, UnusedNodesAreNamed) {
  ModelParts parts = parts_of("dense 8, relu, dense", {20}, 5);
  parts.unused_nodes = {"left", "over"};
  const std::vector<Finding> findings = lint_structure(parts);
  ASSERT_THAT(names_of(findings), ElementsAre("unused_nodes in left"));
  EXPECT_THAT(findings[0].what, HasSubstr("left, over"));
  EXPECT_EQ(findings[0].number, 2);
}

}  // namespace
}  // namespace halfwave
