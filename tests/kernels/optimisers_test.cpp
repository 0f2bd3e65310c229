// Lost if these fail: training would follow another algorithm than the published one whose settings people
// carry over. The references are PyTorch's documented pseudo-code, in double.
#include "kernels/optimisers.h"

#include <cmath>
#include <functional>

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

constexpr int kSteps = 7;
const std::size_t kLengths[] = {0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 64, 100};

/// One weight in double with its state.
struct Number {
  double w, first = 0, second = 0;
};

/// Runs kSteps steps of both on numbers that begin anywhere in memory; reference(number, gradient, step from
/// 1).
template <class Kernel, class Reference>
void compare(Kernel&& kernel, Reference&& reference, double tolerance) {
  for_each_target([&](const char*) {
    Draw draw(20);
    for (const std::size_t n : kLengths) {
      Guarded w(draw.normals(n)), first(n, 0.0f), second(n, 0.0f);
      std::vector<Number> exact(n);
      for (std::size_t i = 0; i < n; ++i) exact[i].w = static_cast<double>(w[i]);
      for (int t = 1; t <= kSteps; ++t) {
        const Guarded g(draw.normals(n));
        kernel(t, w.data(), g.data(), first.data(), second.data(), n);
        for (std::size_t i = 0; i < n; ++i) reference(exact[i], static_cast<double>(g[i]), t);
        for (std::size_t i = 0; i < n; ++i) {
          ASSERT_NEAR(w[i], exact[i].w, tolerance * (1 + std::fabs(exact[i].w)))
              << "weight " << i << " of " << n << ", step " << t;
          ASSERT_NEAR(first[i], exact[i].first, tolerance * (1 + std::fabs(exact[i].first)))
              << "state, step " << t;
          ASSERT_NEAR(second[i], exact[i].second, tolerance * (1 + std::fabs(exact[i].second)))
              << "state, step " << t;
        }
      }
      EXPECT_TRUE(w.intact() && first.intact() && second.intact());
    }
  });
}

TEST(Optimisers, SgdIsPytorchs) {
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true})
      for (const double decay : {0.0, 0.03})
        for (const double scale : {1.0, 0.37}) {
          if (nesterov && momentum == 0) continue;
          SCOPED_TRACE(testing::Message()
                       << "momentum " << momentum << " nesterov " << nesterov << " decay " << decay);
          const SgdStep step{0.05f, static_cast<float>(momentum), static_cast<float>(decay),
                             static_cast<float>(scale), nesterov};
          compare([&](int, float* w, const float* g, float* v, float*,
                      std::size_t n) { sgd_update(step, w, g, v, n); },
                  [&](Number& x, double g, int) {
                    g = scale * g + decay * x.w;
                    if (momentum != 0) {
                      x.first = momentum * x.first + g;  // at the first step the buffer is the gradient
                      g = nesterov ? g + momentum * x.first : x.first;
                    }
                    x.w -= 0.05 * g;
                  },
                  2e-6);
        }
}

TEST(Optimisers, SgdWithoutMomentumNeedsNoState) {
  for_each_target([&](const char*) {
    std::vector<float> w{1, 2, 3}, g{8, 16, 24};
    sgd_update({0.125f, 0.0f, 0.0f, 1.0f, false}, w.data(), g.data(), nullptr, 3);
    EXPECT_FLOAT_EQ(w[0], 0);
    EXPECT_FLOAT_EQ(w[1], 0);
    EXPECT_FLOAT_EQ(w[2], 0);
  });
}

struct AdamSettings {
  double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0, scale = 1;
  bool decoupled = false;
  AdamStep step(int t) const {
    return {static_cast<float>(rate / (1 - std::pow(beta1, t))),
            static_cast<float>(beta1),
            static_cast<float>(beta2),
            static_cast<float>(epsilon),
            static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t))),
            decoupled ? 0.0f : static_cast<float>(decay),
            decoupled ? static_cast<float>(1 - rate * decay) : 1.0f,
            static_cast<float>(scale)};
  }
  void reference(Number& x, double g, int t) const {
    g *= scale;
    if (decoupled)
      x.w -= rate * decay * x.w;
    else
      g += decay * x.w;
    x.first = beta1 * x.first + (1 - beta1) * g;
    x.second = beta2 * x.second + (1 - beta2) * g * g;
    const double mean = x.first / (1 - std::pow(beta1, t)), square = x.second / (1 - std::pow(beta2, t));
    x.w -= rate * mean / (std::sqrt(square) + epsilon);
  }
};

TEST(Optimisers, AdamAndAdamwArePytorchs) {
  for (const AdamSettings& s :
       {AdamSettings{}, AdamSettings{.decay = 0.1}, AdamSettings{.decay = 0.1, .decoupled = true},
        AdamSettings{.beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3, .scale = 0.2},
        AdamSettings{.beta1 = 0.0, .epsilon = 0.1}})
    compare([&](int t, float* w, const float* g, float* m, float* v,
                std::size_t n) { adam_update(s.step(t), w, g, m, v, n); },
            [&](Number& x, double g, int t) { s.reference(x, g, t); }, 1e-5);
}

TEST(Optimisers, RmspropIsPytorchs) {
  for (const double decay : {0.0, 0.05})
    for (const double scale : {1.0, 0.25})
      compare(
          [&](int, float* w, const float* g, float* s, float*, std::size_t n) {
            rmsprop_update({0.01f, 0.99f, 1e-6f, static_cast<float>(decay), static_cast<float>(scale)}, w, g,
                           s, n);
          },
          [&](Number& x, double g, int) {
            g = scale * g + decay * x.w;
            x.first = 0.99 * x.first + 0.01 * g * g;
            x.w -= 0.01 * g / (std::sqrt(x.first) + 1e-6);
          },
          1e-5);
}

/// Each kind as a call on slices of weight, gradient and state.
const std::vector<std::function<void(float*, const float*, float*, float*, std::size_t)>>& kinds() {
  static const std::vector<std::function<void(float*, const float*, float*, float*, std::size_t)>> list{
      [](float* w, const float* g, float* a, float*, std::size_t n) {
        sgd_update({0.1f, 0.9f, 0.01f, 0.7f, true}, w, g, a, n);
      },
      [](float* w, const float* g, float* a, float* b, std::size_t n) {
        adam_update(AdamSettings{.decay = 0.1}.step(3), w, g, a, b, n);
      },
      [](float* w, const float* g, float* a, float*, std::size_t n) {
        rmsprop_update({0.1f, 0.9f, 1e-8f, 0.01f, 0.7f}, w, g, a, n);
      }};
  return list;
}

TEST(Optimisers, AnyCutGivesTheSameBits) {
  Draw draw(21);
  const std::size_t n = 203;
  const std::vector<float> w0 = draw.normals(n), g = draw.normals(n), a0 = draw.normals(n);
  std::vector<float> b0 = draw.normals(n), a_positive = a0;
  for (float& x : b0) x = std::fabs(x);
  for (float& x : a_positive) x = std::fabs(x);
  for_each_target([&](const char*) {
    for (const auto& kind : kinds()) {
      std::vector<float> w = w0, a = a_positive, b = b0, w_parts = w0, a_parts = a_positive, b_parts = b0;
      kind(w.data(), g.data(), a.data(), b.data(), n);
      const std::vector<std::size_t> cuts = draw.cuts(n);
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c) {
        const std::size_t i = cuts[c];
        kind(w_parts.data() + i, g.data() + i, a_parts.data() + i, b_parts.data() + i, cuts[c + 1] - i);
      }
      EXPECT_TRUE(same_bits(w, w_parts) && same_bits(a, a_parts) && same_bits(b, b_parts));
    }
  });
}

/// What keeps padding zero and biases of unused units where they are: no gradient, no decay, no movement.
TEST(Optimisers, ZeroWeightWithZeroGradientStaysZero) {
  for_each_target([&](const char*) {
    for (const auto& kind : kinds()) {
      std::vector<float> w(37, 0.0f), g(37, 0.0f), a(37, 0.0f), b(37, 0.0f);
      for (int t = 0; t < 3; ++t) kind(w.data(), g.data(), a.data(), b.data(), w.size());
      for (std::size_t i = 0; i < w.size(); ++i) EXPECT_TRUE(w[i] == 0 && a[i] == 0 && b[i] == 0);
    }
  });
}

TEST(Optimisers, NanInTheGradientIsNotHidden) {
  for_each_target([&](const char*) {
    for (const auto& kind : kinds()) {
      std::vector<float> w(20, 1.0f), g(20, 1.0f), a(20, 1.0f), b(20, 1.0f);
      g[5] = g[18] = std::numeric_limits<float>::quiet_NaN();
      kind(w.data(), g.data(), a.data(), b.data(), w.size());
      for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(std::isnan(w[i]), i == 5 || i == 18) << i;
    }
  });
}

}  // namespace
}  // namespace halfwave
