// Lost if these fail: planning (which outputs are worth skipping), initialisation, export to ONNX and the
// documentation would rest on properties that the activation does not have.
#include <fstream>
#include <sstream>

#include "kernels/activation_onnx.h"
#include "kernels/activation_table.h"
#include "kernels/activation_testing.h"

namespace halfwave {
namespace {

using Form = ActivationInfo::Form;

class Declaration : public testing::TestWithParam<const ActivationDeclaration*> {
 protected:
  const ActivationInfo& info() const { return GetParam()->info; }
  double value(double x) const {
    return static_cast<double>(GetParam()->reference.value(x, parameters_.data()));
  }
  double slope(double x) const {
    return static_cast<double>(GetParam()->reference.slope(x, parameters_.data()));
  }
  const std::vector<float> parameters_ = default_parameters(GetParam()->info);
};

constexpr double kEnd = 12, kStep = 1.0 / 1024;

TEST_P(Declaration, HasTheShapeItClaims) {
  double steepest = 0, jump = 0;
  int falls = 0, zeros = 0, bends = 0, points = 0;
  for (double x = -kEnd; x < kEnd; x += kStep, ++points) {
    const double here = value(x), next = value(x + kStep), last = value(x - kStep);
    steepest = std::max(steepest, std::abs(slope(x)));
    jump = std::max(jump, std::abs(next - here) / kStep);
    falls += next < here - 1e-15;
    zeros += here == 0;
    bends += std::abs(next - 2 * here + last) > 1e-10;
  }
  EXPECT_EQ(info().monotone || info().form == Form::doubled, falls == 0);
  EXPECT_EQ(info().zero_below, zeros > points / 40) << zeros << " zeros of " << points;
  EXPECT_EQ(info().piecewise_linear, bends < 10) << bends << " bends of " << points;
  if (std::isinf(info().lipschitz)) {
    // A jump, or a slope that grows: steeper than any slope nearer to 0.
    EXPECT_TRUE(jump > 100 || slope(kEnd) > 3 * slope(kEnd / 4)) << jump;
  } else {
    EXPECT_LE(steepest, info().lipschitz * (1 + 1e-6));
    EXPECT_LE(jump, info().lipschitz * (1 + 1e-6));
    EXPECT_GE(std::max({steepest, slope(-1e3), slope(1e3)}), info().lipschitz * (1 - 1e-3));
  }
}

TEST_P(Declaration, SaturatesIfItSays) {
  const bool flat = std::abs(slope(-1e4)) < 1e-6 && std::abs(slope(1e4)) < 1e-6;
  EXPECT_EQ(info().saturates, flat);
}

TEST_P(Declaration, GainKeepsTheSecondMoment) {
  // Simpson's rule, on either side of each point where the formula may bend: another way than the library's.
  long double moment = 0;
  constexpr int kCells = 40000;
  const long double width = 20.0L / kCells;
  const auto weighted = [&](long double z) {
    const long double y = GetParam()->reference.value(z, parameters_.data());
    return y * y * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
  };
  for (int i = 0; i < kCells; ++i) {
    const long double left = -10 + i * width;
    moment += (weighted(left) + 4 * weighted(left + width / 2) + weighted(left + width)) * width / 6;
  }
  EXPECT_NEAR(info().gain * info().gain * static_cast<double>(moment), 1, 0.005);
}

TEST_P(Declaration, OnnxExpressionIsTheSameFunction) {
  if (info().form == Form::doubled) return;  // Concat has two results; CreluSplitsTheSign checks the kernel
  for (const float factor : {1.0f, 0.7f}) {
    std::vector<float> p = default_parameters(info());
    OnnxExpression::Names names;
    for (std::size_t i = 0; i < info().parameters.size(); ++i) {
      p[i] *= info().name == "softplus" && i == 1 ? 1 : factor;
      names[std::string(info().parameters[i].name)] = p[i];
    }
    for (double x = -9; x <= 9; x += 0.0625) {
      names["x"] = x;
      const double exact = static_cast<double>(GetParam()->reference.value(x, p.data()));
      EXPECT_NEAR(OnnxExpression(info().onnx, names).value(), exact, 3e-7 * std::max(1.0, std::abs(exact)))
          << "at x = " << x;
    }
  }
}

TEST_P(Declaration, DefaultsLieInTheirRanges) {
  for (const ActivationParameter& p : info().parameters) {
    EXPECT_LE(p.low, p.value) << p.name;
    EXPECT_LE(p.value, p.high) << p.name;
    EXPECT_FALSE(p.help.empty()) << p.name;
  }
  EXPECT_EQ(info().elementwise, info().form != Form::doubled && info().form != Form::row);
}

std::vector<const ActivationDeclaration*> with_reference() {
  std::vector<const ActivationDeclaration*> list;
  for (const ActivationDeclaration& declaration : activation_declarations()) {
    if (declaration.reference.value) list.push_back(&declaration);
  }
  return list;
}

INSTANTIATE_TEST_SUITE_P(All, Declaration, testing::ValuesIn(with_reference()),
                         [](const auto& test) { return std::string(test.param->info.name); });

TEST(Declarations, KnownGains) {
  const auto gain = [](const char* name) { return find_activation(name).gain; };
  EXPECT_NEAR(gain("relu"), std::sqrt(2.0), 1e-4);                          // He et al. 2015
  EXPECT_NEAR(gain("leaky_relu"), std::sqrt(2 / (1 + 0.01 * 0.01)), 1e-4);  // the same, with a slope
  EXPECT_NEAR(gain("selu"), 1, 1e-4);                           // self-normalising: the fixed point
  EXPECT_NEAR(gain("exponential"), std::exp(-1.0), 1e-4);       // E[exp(2 z)] = exp(2)
  EXPECT_NEAR(gain("squared_relu"), std::sqrt(2.0 / 3), 1e-4);  // E[z^4] = 3
}

TEST(Declarations, NamesAreSortedAndUnique) {
  const auto all = activations();
  ASSERT_GT(all.size(), 35u);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].name, all[i].name);
}

TEST(Declarations, DocumentationHasTheirTable) {
  std::ifstream file(HALFWAVE_SOURCE_DIR "/docs/activations.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(activation_table_markdown()), std::string::npos)
      << "docs/activations.md does not have this table; replace its tables by:\n"
      << activation_table_markdown();
}

/// A gradient by outputs that are zero is left out only where it would come to nothing.
TEST(FlatWhereZero, KnowsWhereAZeroHasASlope) {
  const auto flat = [](const char* name, std::vector<float> parameters) {
    return flat_where_zero(find_activation(name), parameters.data());
  };
  EXPECT_TRUE(flat("relu", {0}));
  EXPECT_TRUE(flat("relu6", {0}));
  EXPECT_TRUE(flat("crelu", {0}));
  EXPECT_TRUE(flat("squared_relu", {0}));
  EXPECT_TRUE(flat("hardshrink", {0.5f}));
  EXPECT_TRUE(flat("softshrink", {0.5f}));
  EXPECT_TRUE(flat("threshold", {0.1f, 0}));
  for (const float below : {-0.01f, -1.0f, -30.0f}) EXPECT_FALSE(flat("threshold", {below, 0})) << below;
  EXPECT_FALSE(flat("hardswish", {0}));
  EXPECT_FALSE(flat("leaky_relu", {0.01f}));
  EXPECT_FALSE(flat("tanh", {0}));
}

}  // namespace
}  // namespace halfwave
