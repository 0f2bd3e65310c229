#include "io/generated.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "core/random.h"

namespace halfwave {
namespace {

using std::numbers::pi;

/// Collects examples one by one. The numbers of a set and part are its own: adding a set changes no other.
class Builder {
 public:
  Builder(const GeneratedSet& set, std::uint64_t index, std::size_t features,
          std::vector<std::string> classes)
      : set_(set), random_(0, stream_id(Stream::data, index)) {
    data_.schema.task = set.task;
    data_.schema.shape = {static_cast<std::int64_t>(features)};
    data_.schema.classes = std::move(classes);
  }

  /// Calls draw(example, random, features) → label or target for every example of both parts.
  template <class Draw>
  Dataset fill(Draw&& draw) {
    fill_part(data_.train, set_.train, draw);
    fill_part(data_.test, set_.test, draw);
    return std::move(data_);
  }

 private:
  template <class Draw>
  void fill_part(Examples& part, std::size_t count, Draw& draw) {
    const std::size_t features = data_.schema.features();
    std::vector<float> values(count * features);
    std::vector<double> x(features);
    for (std::size_t i = 0; i < count; ++i) {
      const double y = draw(i, random_, x);
      for (std::size_t f = 0; f < features; ++f) values[i * features + f] = static_cast<float>(x[f]);
      if (set_.task == Task::classification) {
        part.labels.push_back(static_cast<std::int32_t>(y));
      } else {
        part.targets.push_back(static_cast<float>(y));
      }
    }
    part.count = count;
    part.values = std::move(values);
  }

  const GeneratedSet& set_;
  Random random_;
  Dataset data_;
};

double uniform(Random& random, double low, double high) {
  return low + (high - low) * random.uniform_double();
}

/// Two interleaved spirals of three quarters of two turns each (K. Lang, M. Witbrock, 1988), with a little
/// noise.
Dataset make_two_spirals(const GeneratedSet& set) {
  constexpr double kTurns = 1.5, kNoise = 0.02;
  return Builder(set, 1, 2, {"first", "second"})
      .fill([](std::size_t i, Random& random, std::vector<double>& x) {
        const auto arm = static_cast<double>(i % 2);
        const double along = std::sqrt(uniform(random, 0.01, 1.0));  // even density along the arm
        const double angle = kTurns * 2.0 * pi * along + arm * pi;
        x[0] = along * std::cos(angle) + kNoise * random.normal();
        x[1] = along * std::sin(angle) + kNoise * random.normal();
        return arm;
      });
}

Dataset make_moons(const GeneratedSet& set) {
  constexpr double kNoise = 0.15;
  return Builder(set, 2, 2, {"upper", "lower"})
      .fill([](std::size_t i, Random& random, std::vector<double>& x) {
        const double angle = uniform(random, 0.0, pi);
        const bool lower = i % 2 == 1;
        x[0] = (lower ? 1.0 - std::cos(angle) : std::cos(angle)) + kNoise * random.normal();
        x[1] = (lower ? 0.5 - std::sin(angle) : std::sin(angle)) + kNoise * random.normal();
        return lower ? 1.0 : 0.0;
      });
}

Dataset make_circles(const GeneratedSet& set) {
  constexpr double kInner = 0.5, kNoise = 0.1;
  return Builder(set, 3, 2, {"outer", "inner"})
      .fill([](std::size_t i, Random& random, std::vector<double>& x) {
        const double angle = uniform(random, 0.0, 2.0 * pi), radius = i % 2 == 1 ? kInner : 1.0;
        x[0] = radius * std::cos(angle) + kNoise * random.normal();
        x[1] = radius * std::sin(angle) + kNoise * random.normal();
        return static_cast<double>(i % 2);
      });
}

Dataset make_xor(const GeneratedSet& set) {
  return Builder(set, 4, 2, {"same", "different"})
      .fill([](std::size_t, Random& random, std::vector<double>& x) {
        for (double& v : x) v = uniform(random, -1.0, 1.0);
        return (x[0] > 0.0) == (x[1] > 0.0) ? 0.0 : 1.0;
      });
}

Dataset make_blobs(const GeneratedSet& set) {
  constexpr std::size_t kBlobs = 3;
  constexpr double kRadius = 3.0;
  return Builder(set, 5, 2, {"0", "1", "2"}).fill([](std::size_t i, Random& random, std::vector<double>& x) {
    const auto blob = static_cast<double>(i % kBlobs);
    const double angle = 2.0 * pi * blob / static_cast<double>(kBlobs);
    x[0] = kRadius * std::cos(angle) + random.normal();
    x[1] = kRadius * std::sin(angle) + random.normal();
    return blob;
  });
}

Dataset make_sine(const GeneratedSet& set) {
  constexpr double kNoise = 0.1;
  return Builder(set, 6, 1, {}).fill([](std::size_t, Random& random, std::vector<double>& x) {
    x[0] = uniform(random, -pi, pi);
    return std::sin(2.0 * x[0]) + kNoise * random.normal();
  });
}

/// J. Friedman, "Multivariate adaptive regression splines", 1991, section 4.3: five of the ten features
/// matter.
Dataset make_friedman1(const GeneratedSet& set) {
  return Builder(set, 7, 10, {}).fill([](std::size_t, Random& random, std::vector<double>& x) {
    for (double& v : x) v = random.uniform_double();
    return 10.0 * std::sin(pi * x[0] * x[1]) + 20.0 * (x[2] - 0.5) * (x[2] - 0.5) + 10.0 * x[3] + 5.0 * x[4] +
           random.normal();
  });
}

constexpr std::array kSets{
    GeneratedSet{"mnist1d", Task::classification, 4000, 1000,
                 "digits as lines of 40 points, MNIST in small (Greydanus)", make_mnist1d},
    GeneratedSet{"two-spirals", Task::classification, 1000, 1000, "two interleaved spirals in the plane",
                 make_two_spirals},
    GeneratedSet{"moons", Task::classification, 1000, 1000, "two interleaved half circles in the plane",
                 make_moons},
    GeneratedSet{"circles", Task::classification, 1000, 1000, "a circle inside another", make_circles},
    GeneratedSet{"xor", Task::classification, 1000, 1000, "the sign of a product of two numbers", make_xor},
    GeneratedSet{"blobs", Task::classification, 1500, 1500, "three normal clouds in the plane", make_blobs},
    GeneratedSet{"sine", Task::regression, 1000, 1000, "sin 2x with noise 0.1", make_sine},
    GeneratedSet{"friedman1", Task::regression, 2000, 1000,
                 "ten features, five of which matter, with noise 1", make_friedman1},
};

}  // namespace

std::span<const GeneratedSet> generated_sets() { return kSets; }

}  // namespace halfwave
