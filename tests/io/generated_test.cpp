// If this failed, the default data set would not be the published MNIST-1D, or runs on generated data not be
// repeatable.
#include "io/generated.h"

#include <array>
#include <cmath>
#include <numeric>

#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;

constexpr std::size_t kLength = 40, kClasses = 10;

TEST(Generated, EverySetIsWholeBalancedAndAlwaysTheSame) {
  for (const GeneratedSet& set : generated_sets()) {
    const Dataset data = load(set.name), again = load(set.name);
    EXPECT_EQ(data.name, set.name);
    EXPECT_EQ(floats(data.train), floats(again.train));
    EXPECT_NE(floats(data.train), floats(data.test));
    for (const auto& [part, count] : {std::pair(&data.train, set.train), {&data.test, set.test}}) {
      EXPECT_EQ(part->count, count);
      const std::vector<float> values = floats(*part);
      EXPECT_EQ(values.size(), count * data.schema.features());
      for (const float v : values) ASSERT_TRUE(std::isfinite(v));
      if (set.task == Task::regression) {
        EXPECT_EQ(part->targets.size(), count);
        continue;
      }
      std::vector<double> members(data.schema.classes.size(), 0);
      for (const std::int32_t label : part->labels) ++members.at(static_cast<std::size_t>(label));
      for (const double n : members)
        EXPECT_NEAR(n * static_cast<double>(members.size()) / static_cast<double>(count), 1.0, 0.25)
            << set.name;
    }
  }
}

TEST(Generated, AnotherTaskIsRefused) {
  DataOptions options = options_for("sine");
  options.task = "classification";
  expect_error(ErrorKind::usage, {"sine", "regression"}, [&] { load_dataset(options); });
}

TEST(Generated, ExamplesForAModelAreTheTestPart) {
  const Dataset data = load("two-spirals");
  const Examples examples = load_examples(options_for("two-spirals"), data.schema);
  EXPECT_EQ(floats(examples), floats(data.test));
  EXPECT_EQ(examples.labels, data.test.labels);
  Schema other = data.schema;
  other.shape = {3};
  expect_error(ErrorKind::input, {"{2}", "{3}"}, [&] { load_examples(options_for("two-spirals"), other); });
}

TEST(Generated, AllAreListed) {
  std::vector<std::string> names;
  for (const DataInfo& info : named_datasets()) names.push_back(info.name);
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"mnist1d", "two-spirals", "sine", "mnist", "fashion-mnist", "cifar-10"}));
}

// ---- MNIST-1D against the published arrays ----

class Mnist1d : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path folder = fs::path(HALFWAVE_SOURCE_DIR) / ".." / "shared" / "data" / "mnist1d";
    if (!fs::exists(folder)) GTEST_SKIP() << "the published arrays are not at hand";
    published_ = load(folder.string());
    ours_ = load("mnist1d");
  }
  Dataset published_, ours_;
};

struct Moments {
  std::array<std::array<double, kLength>, kClasses> mean{}, deviation{};
  std::array<double, 12> autocorrelation{};
};

Moments moments(const Examples& part) {
  const std::vector<float> x = floats(part);
  Moments m;
  std::array<double, kClasses> n{};
  for (std::size_t i = 0; i < part.count; ++i) {
    const auto c = static_cast<std::size_t>(part.labels[i]);
    ++n[c];
    for (std::size_t t = 0; t < kLength; ++t) {
      const auto v = static_cast<double>(x[i * kLength + t]);
      m.mean[c][t] += v;
      m.deviation[c][t] += v * v;
      for (std::size_t lag = 0; lag < m.autocorrelation.size() && t >= lag; ++lag) {
        m.autocorrelation[lag] +=
            v * static_cast<double>(x[i * kLength + t - lag]) / static_cast<double>(kLength - lag);
      }
    }
  }
  for (std::size_t c = 0; c < kClasses; ++c) {
    for (std::size_t t = 0; t < kLength; ++t) {
      m.mean[c][t] /= n[c];
      m.deviation[c][t] = std::sqrt(m.deviation[c][t] / n[c] - m.mean[c][t] * m.mean[c][t]);
    }
  }
  for (double& a : m.autocorrelation) a /= static_cast<double>(part.count);
  return m;
}

TEST_F(Mnist1d, MomentsAreThePublishedOnes) {
  const Moments a = moments(published_.train), b = moments(ours_.train);
  double squares = 0;
  for (std::size_t c = 0; c < kClasses; ++c) {
    for (std::size_t t = 0; t < kLength; ++t) {
      // 400 examples a class, deviations about 1: the difference of two means has a standard error of 0.07.
      EXPECT_NEAR(a.mean[c][t], b.mean[c][t], 0.35) << "class " << c << ", place " << t;
      EXPECT_NEAR(a.deviation[c][t] / b.deviation[c][t], 1.0, 0.25) << "class " << c << ", place " << t;
      squares += (a.mean[c][t] - b.mean[c][t]) * (a.mean[c][t] - b.mean[c][t]);
    }
  }
  EXPECT_LT(std::sqrt(squares / (kClasses * kLength)), 0.1);
  for (std::size_t lag = 0; lag < a.autocorrelation.size(); ++lag)
    EXPECT_NEAR(a.autocorrelation[lag], b.autocorrelation[lag], 0.04) << lag;
  EXPECT_EQ(published_.train.count, ours_.train.count);
  EXPECT_EQ(published_.test.count, ours_.test.count);
}

/// The one-against-all ridge regression, solved by Cholesky's method: accuracy of what it learns from one on
/// the other.
double ridge_accuracy(const Examples& from, const Examples& on) {
  constexpr std::size_t n = kLength + 1;
  std::array<std::array<double, n>, n> a{};
  std::array<std::array<double, kClasses>, n> b{};
  const auto row = [](const std::vector<float>& x, std::size_t i) {
    std::array<double, n> v{};
    for (std::size_t t = 0; t < kLength; ++t) v[t] = static_cast<double>(x[i * kLength + t]);
    v[kLength] = 1;
    return v;
  };
  const std::vector<float> x = floats(from), z = floats(on);
  for (std::size_t i = 0; i < from.count; ++i) {
    const auto v = row(x, i);
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t s = 0; s < n; ++s) a[r][s] += v[r] * v[s];
      b[r][static_cast<std::size_t>(from.labels[i])] += v[r];
    }
  }
  for (std::size_t r = 0; r < n; ++r) a[r][r] += 1.0;
  for (std::size_t k = 0; k < n; ++k) {  // elimination; the matrix is positive definite
    for (std::size_t r = k + 1; r < n; ++r) {
      const double f = a[r][k] / a[k][k];
      for (std::size_t s = k; s < n; ++s) a[r][s] -= f * a[k][s];
      for (std::size_t c = 0; c < kClasses; ++c) b[r][c] -= f * b[k][c];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t c = 0; c < kClasses; ++c) {
      for (std::size_t s = k + 1; s < n; ++s) b[k][c] -= a[k][s] * b[s][c];
      b[k][c] /= a[k][k];
    }
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < on.count; ++i) {
    const auto v = row(z, i);
    std::array<double, kClasses> score{};
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < kClasses; ++c) score[c] += v[r] * b[r][c];
    }
    right += std::max_element(score.begin(), score.end()) - score.begin() == on.labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(on.count);
}

/// The class of the nearest example.
double neighbour_accuracy(const Examples& from, const Examples& on) {
  const std::vector<float> x = floats(from), z = floats(on);
  std::size_t right = 0;
  for (std::size_t i = 0; i < on.count; ++i) {
    float best = HUGE_VALF;
    std::int32_t label = -1;
    for (std::size_t j = 0; j < from.count; ++j) {
      float distance = 0;
      for (std::size_t t = 0; t < kLength; ++t) {
        const float d = x[j * kLength + t] - z[i * kLength + t];
        distance += d * d;
      }
      if (distance < best) best = distance, label = from.labels[j];
    }
    right += label == on.labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(on.count);
}

TEST_F(Mnist1d, ClassifiersLearnTheSameFromOursAndThePublished) {
  // 1,000 test examples: an accuracy has a standard error of 0.015.
  const double ridge = ridge_accuracy(published_.train, published_.test);
  EXPECT_NEAR(ridge_accuracy(ours_.train, published_.test), ridge, 0.05);
  EXPECT_NEAR(ridge_accuracy(published_.train, ours_.test), ridge, 0.05);
  const double neighbour = neighbour_accuracy(published_.train, published_.test);
  EXPECT_NEAR(neighbour_accuracy(ours_.train, published_.test), neighbour, 0.05);
  EXPECT_NEAR(neighbour_accuracy(published_.train, ours_.test), neighbour, 0.05);
  RecordProperty("ridge", std::to_string(ridge));
  RecordProperty("ridge_ours_on_published", std::to_string(ridge_accuracy(ours_.train, published_.test)));
  RecordProperty("neighbour", std::to_string(neighbour));
  RecordProperty("neighbour_ours_on_published",
                 std::to_string(neighbour_accuracy(ours_.train, published_.test)));
}

}  // namespace
}  // namespace halfwave
