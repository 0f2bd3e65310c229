// Lost if these fail: training and inference would differ from what other frameworks compute by more than
// rounding, a vanishing tail would vanish too early, or a diverged network would not be noticed because its
// NaN was swallowed.
#include <algorithm>

#include "kernels/activation_testing.h"

namespace halfwave {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// What a slope may be off by: a part of it, and a constant where it comes from the rounded output.
constexpr double kSlopeRelative = 1e-6, kSlopeAbsolute = 5e-7;

std::vector<const ActivationDeclaration*> pointwise_declarations(bool with_parameters = false) {
  std::vector<const ActivationDeclaration*> list;
  for (const ActivationDeclaration& declaration : activation_declarations()) {
    const auto form = declaration.info.form;
    if (form != ActivationInfo::Form::pointwise && form != ActivationInfo::Form::random) continue;
    if (!with_parameters || !declaration.info.parameters.empty()) list.push_back(&declaration);
  }
  return list;
}

class PointwiseActivation : public testing::TestWithParam<const ActivationDeclaration*> {
 protected:
  const ActivationInfo& info() const { return GetParam()->info; }
  const ActivationReference& reference() const { return GetParam()->reference; }
};

TEST_P(PointwiseActivation, ForwardIsWithinItsUlpOverTheWholeFloatRange) {
  const std::vector<float> x = whole_float_range(200, 25000), parameters = default_parameters(info());
  std::vector<long double> exact(x.size());
  std::transform(x.begin(), x.end(), exact.begin(),
                 [&](float v) { return reference().value(v, parameters.data()); });
  for_each_target([&](const std::string& target) {
    std::vector<float> y(x.size());
    activation_functions(info()).forward(x.data(), y.data(), x.size(), parameters.data());
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = ulp_error(y[i], exact[i]);
      if (!(error <= worst)) worst = error, at = i;
    }
    RecordProperty("ulp_" + target, std::to_string(worst));
    EXPECT_LE(worst, info().ulp) << "at x = " << x[at] << ": " << y[at] << " instead of " << exact[at];
  });
}

TEST_P(PointwiseActivation, SlopeIsCloseOverTheWholeFloatRange) {
  const std::vector<float> x = whole_float_range(100, 15000), parameters = default_parameters(info());
  const std::vector<float> ones(x.size(), 1.0f);
  for_each_target([&](const std::string&) {
    const ActivationFunctions functions = activation_functions(info());
    std::vector<float> y(x.size()), slope(x.size());
    functions.forward(x.data(), y.data(), x.size(), parameters.data());
    const std::vector<float>& saved = info().backward_from_output ? y : x;
    functions.backward(saved.data(), ones.data(), slope.data(), x.size(), parameters.data());
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (std::isinf(y[i])) continue;  // diverged
      const double exact = static_cast<double>(reference().slope(x[i], parameters.data()));
      const double error = std::abs(slope[i] - exact) / (kSlopeRelative * std::abs(exact) + kSlopeAbsolute);
      if (!(error <= worst)) worst = error, at = i;
    }
    EXPECT_LE(worst, 1) << "times the bound, at x = " << x[at] << ": " << slope[at] << " instead of "
                        << reference().slope(x[at], parameters.data());
  });
}

TEST_P(PointwiseActivation, ReferenceSlopeIsTheDerivativeOfTheReferenceValue) {
  const std::vector<float> parameters = default_parameters(info());
  Random random(2, stream_id(Stream::data));
  constexpr long double kStep = 1e-6L;
  for (int i = 0; i < 2000; ++i) {
    const long double x = -8 + 16 * static_cast<long double>(random.uniform_double());
    const long double below = reference().value(x - kStep, parameters.data()),
                      above = reference().value(x + kStep, parameters.data());
    const long double slope = reference().slope(x, parameters.data());
    // A kink or jump within the step is no derivative; there are only a few, so a random point near one is
    // rare.
    const bool kink = std::abs(reference().slope(x - kStep, parameters.data()) -
                               reference().slope(x + kStep, parameters.data())) > 1e-3L;
    if (!kink) {
      EXPECT_NEAR(static_cast<double>((above - below) / (2 * kStep)), static_cast<double>(slope),
                  1e-8 * std::max(1.0, std::abs(static_cast<double>(slope))))
          << "at x = " << x;
    }
  }
}

TEST_P(PointwiseActivation, NanPropagatesAndInfinitiesHaveTheirLimits) {
  const std::vector<float> parameters = default_parameters(info());
  const std::vector<float> x{std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 0.0f, -0.0f};
  for_each_target([&](const std::string&) {
    const ActivationFunctions functions = activation_functions(info());
    std::vector<float> y(x.size()), slope(x.size());
    functions.forward(x.data(), y.data(), x.size(), parameters.data());
    EXPECT_TRUE(std::isnan(y[0]));
    // At 1e30 every activation has reached its limit, or grows without one.
    for (const std::size_t i : {1u, 2u}) {
      const float limit =
          static_cast<float>(reference().value(std::copysign(1e30L, x[i]), parameters.data()));
      if (std::abs(limit) > 1e20f) {
        EXPECT_EQ(y[i], std::copysign(kInfinity, limit)) << "at " << x[i];
      } else {
        EXPECT_NEAR(y[i], limit, 1e-6 * std::abs(limit) + 1e-20) << "at " << x[i];
      }
    }
    EXPECT_EQ(y[3], y[4]) << "+0 and -0";
    if (info().name == "exponential" || info().name == "squared_relu")
      return;  // the slope grows without bound
    const std::vector<float> ones(x.size(), 1.0f);
    const std::vector<float>& saved = info().backward_from_output ? y : x;
    functions.backward(saved.data(), ones.data(), slope.data(), x.size(), parameters.data());
    for (std::size_t i = 1; i < x.size(); ++i) {
      const long double at = std::clamp(static_cast<long double>(x[i]), -1e30L, 1e30L);
      EXPECT_NEAR(slope[i], static_cast<double>(reference().slope(at, parameters.data())), 1e-6)
          << "at " << x[i];
    }
  });
}

class ActivationWithParameters : public PointwiseActivation {};

/// With other parameters than the default, an argument such as beta x is itself rounded; f feels that by its
/// condition number |x f'(x) / f(x)|.
TEST_P(ActivationWithParameters, OtherParametersAreAsAccurateAsTheConditionAllows) {
  const std::vector<float> x = whole_float_range(5, 3000);
  for (const float factor : {0.7f, 1.9f}) {
    std::vector<float> parameters = default_parameters(info());
    for (float& parameter : parameters) parameter *= factor;
    if (info().name == "softplus") parameters[1] = 20;  // its threshold makes a jump that is not rounding
    for_each_target([&](const std::string&) {
      std::vector<float> y(x.size());
      activation_functions(info()).forward(x.data(), y.data(), x.size(), parameters.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const long double exact = reference().value(x[i], parameters.data());
        if (std::abs(exact) < 0x1p-120L && std::abs(y[i]) < 0x1p-120f) continue;
        const long double condition = std::abs(x[i] * reference().slope(x[i], parameters.data()) / exact);
        EXPECT_LE(ulp_error(y[i], exact), info().ulp + 2 + 2 * condition)
            << "at x = " << x[i] << ": " << y[i] << " instead of " << exact;
      }
    });
  }
}

std::string name_of(const testing::TestParamInfo<const ActivationDeclaration*>& test) {
  return std::string(test.param->info.name);
}

INSTANTIATE_TEST_SUITE_P(All, PointwiseActivation, testing::ValuesIn(pointwise_declarations()), name_of);
INSTANTIATE_TEST_SUITE_P(All, ActivationWithParameters, testing::ValuesIn(pointwise_declarations(true)),
                         name_of);

}  // namespace
}  // namespace halfwave
