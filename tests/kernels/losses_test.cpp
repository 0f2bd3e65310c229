// Lost if these fail: training would minimise something else than its name says, or break down at extreme
// logits.
#include "kernels/losses.h"

#include <cmath>
#include <numeric>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

/// -Σ target · log softmax, target = (1 - smoothing) · onehot + smoothing / classes.
double cross_entropy(const std::vector<double>& z, std::size_t label, double smoothing) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0, loss = 0;
  for (const double x : z) sum += std::exp(x - largest);
  for (std::size_t j = 0; j < z.size(); ++j) {
    const double target = (j == label ? 1 - smoothing : 0) + smoothing / static_cast<double>(z.size());
    loss += target * (largest - z[j] + std::log(sum));
  }
  return loss;
}

std::vector<double> cross_entropy_slope(const std::vector<double>& z, std::size_t label, double smoothing) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0;
  for (const double x : z) sum += std::exp(x - largest);
  std::vector<double> slope;
  for (std::size_t j = 0; j < z.size(); ++j)
    slope.push_back(std::exp(z[j] - largest) / sum - (j == label ? 1 - smoothing : 0) -
                    smoothing / static_cast<double>(z.size()));
  return slope;
}

/// A batch of logits, [batch, stride], with numbers in the padding that must not count.
struct Batch {
  std::size_t batch, classes, stride;
  std::vector<float> logits;
  std::vector<std::int32_t> labels;

  Batch(Draw& draw, std::size_t n, std::size_t c, double size)
      : batch(n), classes(c), stride(round_up(c, 16)) {
    logits = draw.normals(batch * stride);
    for (float& z : logits) z *= static_cast<float>(size);
    for (std::size_t i = 0; i < batch; ++i) {
      labels.push_back(static_cast<std::int32_t>(draw.size(0, classes - 1)));
      for (std::size_t j = classes; j < stride; ++j) logits[i * stride + j] = 1e30f;
    }
  }
  std::vector<double> row(std::size_t i) const {
    return {logits.begin() + static_cast<std::ptrdiff_t>(i * stride),
            logits.begin() + static_cast<std::ptrdiff_t>(i * stride + classes)};
  }
};

struct Outcome {
  Guarded gradient, losses;
  std::vector<std::int32_t> predictions;
  explicit Outcome(const Batch& b)
      : gradient(b.batch * b.stride), losses(b.batch), predictions(b.batch, -1) {}
  void run(const Batch& b, float smoothing, float scale, Range rows) {
    softmax_cross_entropy(b.logits.data(), b.stride, b.classes, b.labels.data(), smoothing, scale, rows,
                          gradient.data(), losses.data(), predictions.data());
  }
};

void expect_right(const Batch& b, const Outcome& outcome, double smoothing, double scale) {
  for (std::size_t i = 0; i < b.batch; ++i) {
    const std::vector<double> z = b.row(i);
    const auto label = static_cast<std::size_t>(b.labels[i]);
    const double loss = cross_entropy(z, label, smoothing);
    ASSERT_NEAR(outcome.losses[i], loss, 2e-6 * (1 + loss))
        << "loss of row " << i << " of " << b.classes << " classes";
    const std::vector<double> slope = cross_entropy_slope(z, label, smoothing);
    for (std::size_t j = 0; j < b.classes; ++j)
      ASSERT_NEAR(outcome.gradient[i * b.stride + j], scale * slope[j], 1e-6 * scale) << "gradient " << j;
    for (std::size_t j = b.classes; j < b.stride; ++j)
      ASSERT_EQ(outcome.gradient[i * b.stride + j], 0.0f) << "padding";
    ASSERT_EQ(outcome.predictions[i], std::max_element(z.begin(), z.end()) - z.begin());
  }
  EXPECT_TRUE(outcome.gradient.intact() && outcome.losses.intact());
}

TEST(CrossEntropy, ValueGradientAndPredictionForEveryNumberOfClasses) {
  for_each_target([&](const char*) {
    Draw draw(30);
    for (std::size_t classes = 1; classes <= 70; ++classes)
      for (const double smoothing : {0.0, 0.1}) {
        const Batch b(draw, 3, classes, 3);
        Outcome outcome(b);
        outcome.run(b, static_cast<float>(smoothing), 0.25f, {0, b.batch});
        expect_right(b, outcome, static_cast<double>(static_cast<float>(smoothing)), 0.25);
      }
  });
}

TEST(CrossEntropy, ExtremeAndEqualLogits) {
  for_each_target([&](const char*) {
    Draw draw(31);
    for (const std::size_t classes : {2u, 10u, 33u})
      for (const double smoothing : {0.0, 0.2}) {
        for (const double size : {1e4, 1e-6, 0.0}) {
          const Batch b(draw, 5, classes, size);
          Outcome outcome(b);
          outcome.run(b, static_cast<float>(smoothing), 1.0f, {0, b.batch});
          expect_right(b, outcome, static_cast<double>(static_cast<float>(smoothing)), 1);
        }
        Batch far(draw, 4, classes, 0.5);  // close to each other, far from zero
        for (std::size_t i = 0; i < far.batch; ++i)
          for (std::size_t j = 0; j < classes; ++j)
            far.logits[i * far.stride + j] += i % 2 == 0 ? 1e4f : -1e4f;
        Outcome outcome(far);
        outcome.run(far, static_cast<float>(smoothing), 1.0f, {0, far.batch});
        expect_right(far, outcome, static_cast<double>(static_cast<float>(smoothing)), 1);
      }
  });
}

TEST(CrossEntropy, ReferenceSlopeIsTheDerivative) {
  const std::vector<double> z{0.3, -1.2, 2.0, 0.9};
  for (const double smoothing : {0.0, 0.3}) {
    const std::vector<double> slope = cross_entropy_slope(z, 1, smoothing);
    for (std::size_t j = 0; j < z.size(); ++j) {
      std::vector<double> above = z, below = z;
      above[j] += 1e-5;
      below[j] -= 1e-5;
      EXPECT_NEAR((cross_entropy(above, 1, smoothing) - cross_entropy(below, 1, smoothing)) / 2e-5, slope[j],
                  1e-9);
    }
  }
}

TEST(CrossEntropy, InPlaceAndInAnyPartsGiveTheSameBits) {
  for_each_target([&](const char*) {
    Draw draw(32);
    for (const std::size_t classes : {3u, 16u, 37u}) {
      const Batch b(draw, 23, classes, 3);
      Outcome whole(b), parts(b);
      whole.run(b, 0.1f, 1.0f, {0, b.batch});
      const std::vector<std::size_t> cuts = draw.cuts(b.batch);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c) parts.run(b, 0.1f, 1.0f, {cuts[c], cuts[c + 1]});
      EXPECT_TRUE(same_bits(whole.gradient.values(), parts.gradient.values()));
      EXPECT_TRUE(same_bits(whole.losses.values(), parts.losses.values()));
      EXPECT_EQ(whole.predictions, parts.predictions);

      Guarded outputs(b.logits), losses(b.batch);
      std::vector<std::int32_t> predictions(b.batch);
      softmax_cross_entropy(outputs.data(), b.stride, classes, b.labels.data(), 0.1f, 1.0f, {0, b.batch},
                            outputs.data(), losses.data(), predictions.data());
      EXPECT_TRUE(same_bits(outputs.values(), whole.gradient.values()));
      EXPECT_TRUE(same_bits(losses.values(), whole.losses.values()));
      EXPECT_EQ(predictions, whole.predictions);
    }
  });
}

TEST(CrossEntropy, LogitsThatAreNotFiniteGiveALossThatIsNot) {
  for_each_target([&](const char*) {
    Draw draw(33);
    for (const float bad : {NAN, HUGE_VALF})
      for (std::size_t at = 0; at < 20; ++at) {
        Batch b(draw, 3, 20, 1);
        b.logits[b.stride + at] = bad;
        Outcome outcome(b);
        outcome.run(b, 0.0f, 1.0f, {0, b.batch});
        for (std::size_t i = 0; i < 3; ++i)
          EXPECT_EQ(std::isfinite(outcome.losses[i]), i != 1) << "at " << at;
      }
  });
}

double element_value(ElementLoss kind, double y, double t) {
  const double r = y - t;
  switch (kind) {
    case ElementLoss::binary_cross_entropy:
      return std::max(y, 0.0) + std::log1p(std::exp(-std::fabs(y))) - t * y;
    case ElementLoss::mse:
      return r * r;
    case ElementLoss::mae:
      return std::fabs(r);
    case ElementLoss::huber:
      return std::fabs(r) <= 1 ? r * r / 2 : std::fabs(r) - 0.5;
  }
  return 0;
}

constexpr ElementLoss kElementLosses[] = {ElementLoss::binary_cross_entropy, ElementLoss::mse,
                                          ElementLoss::mae, ElementLoss::huber};

TEST(ElementLosses, ValueAndGradientAgainstDifferencesInDouble) {
  Draw draw(34);
  for (const ElementLoss kind : kElementLosses)
    for (const std::size_t count : {1u, 2u, 5u, 16u, 21u}) {
      const bool binary = kind == ElementLoss::binary_cross_entropy;
      const std::size_t batch = 7, stride = round_up(count, 16);
      std::vector<float> y(batch * stride, 1e30f), t(batch * count);
      for (std::size_t i = 0; i < batch; ++i)
        for (std::size_t j = 0; j < count; ++j) {
          y[i * stride + j] = 2 * draw.normal();
          t[i * count + j] = binary ? static_cast<float>(draw.uniform(0, 1)) : draw.normal();
        }
      Guarded gradient(batch * stride), losses(batch);
      element_loss(kind, y.data(), stride, count, t.data(), 0.5f, {0, batch}, gradient.data(), losses.data());
      for (std::size_t i = 0; i < batch; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < count; ++j) {
          const double at = static_cast<double>(y[i * stride + j]),
                       target = static_cast<double>(t[i * count + j]);
          sum += element_value(kind, at, target);
          if (std::fabs(at - target) < 1e-5 || std::fabs(std::fabs(at - target) - 1) < 1e-5)
            continue;  // a kink
          const double slope =
              (element_value(kind, at + 1e-6, target) - element_value(kind, at - 1e-6, target)) / 2e-6;
          ASSERT_NEAR(gradient[i * stride + j], 0.5 * slope / static_cast<double>(count),
                      1e-6 * (1 + std::fabs(slope)));
        }
        for (std::size_t j = count; j < stride; ++j) ASSERT_EQ(gradient[i * stride + j], 0.0f) << "padding";
        ASSERT_NEAR(losses[i], sum / static_cast<double>(count), 2e-6 * (1 + sum));
      }
      EXPECT_TRUE(gradient.intact() && losses.intact());

      Guarded in_place(y), again(batch);
      element_loss(kind, in_place.data(), stride, count, t.data(), 0.5f, {0, 3}, in_place.data(),
                   again.data());
      element_loss(kind, in_place.data(), stride, count, t.data(), 0.5f, {3, batch}, in_place.data(),
                   again.data());
      EXPECT_TRUE(same_bits(in_place.values(), gradient.values()));
      EXPECT_TRUE(same_bits(again.values(), losses.values()));
    }
}

TEST(ElementLosses, ExtremesAndKinks) {
  const auto run = [](ElementLoss kind, float y, float t) {
    std::vector<float> row(16, y), gradient(16);
    float loss = 0;
    element_loss(kind, row.data(), 16, 1, &t, 1.0f, {0, 1}, gradient.data(), &loss);
    return std::pair{loss, gradient[0]};
  };
  EXPECT_EQ(run(ElementLoss::binary_cross_entropy, 1e4f, 1), std::pair(0.0f, 0.0f));
  EXPECT_EQ(run(ElementLoss::binary_cross_entropy, 1e4f, 0), std::pair(1e4f, 1.0f));
  EXPECT_EQ(run(ElementLoss::binary_cross_entropy, -1e4f, 0), std::pair(0.0f, 0.0f));
  EXPECT_EQ(run(ElementLoss::binary_cross_entropy, -1e4f, 1), std::pair(1e4f, -1.0f));
  EXPECT_EQ(run(ElementLoss::mae, 2, 2), std::pair(0.0f, 0.0f));
  EXPECT_EQ(run(ElementLoss::huber, 3, 2), std::pair(0.5f, 1.0f));
  EXPECT_EQ(run(ElementLoss::huber, 1, 3), std::pair(1.5f, -1.0f));
  for (const ElementLoss kind : kElementLosses) {
    EXPECT_FALSE(std::isfinite(run(kind, NAN, 0.5f).first));
    EXPECT_FALSE(std::isfinite(run(kind, HUGE_VALF, 0.5f).first));
  }
}

}  // namespace
}  // namespace halfwave
