#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "core/random.h"
#include "io/generated.h"

namespace halfwave {
namespace {

using Signal = std::vector<double>;

constexpr std::size_t kClasses = 10, kTemplate = 12, kLength = 40;
constexpr std::size_t kLeastPadding = 36, kMostPadding = 60, kMostTranslation = 48;
constexpr double kScale = 0.4, kCorrelatedNoise = 0.25, kIndependentNoise = 0.02, kShear = 0.75;
constexpr double kOffset = 1e-8;  ///< keeps a template's zeros apart from the padding's
constexpr std::uint64_t kSeed = 42;

/// The shapes of the ten digits, drawn as one line, as the paper gives them.
constexpr std::array<std::array<double, kTemplate>, kClasses> kDigits{{
    {5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5},
    {5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5},
    {5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5},
    {5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5},
    {5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5},
    {5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5},
    {5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5},
    {5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5},
}};

double mean_of(const Signal& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double deviation_of(const Signal& x) {
  const double mean = mean_of(x);
  double squares = 0;
  for (const double v : x) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

/// A digit of standard deviation 1/6 that starts (and so ends) at zero.
Signal digit_template(std::size_t digit) {
  Signal x(kDigits[digit].begin(), kDigits[digit].end());
  const double scale = 1.0 / (6.0 * deviation_of(x)), first = x[0];
  for (double& v : x) v = (v - first) * scale;
  return x;
}

/// The signal at n equally spaced places from its first to its last point, linearly interpolated.
Signal interpolate(const Signal& x, std::size_t n) {
  Signal y(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double at = static_cast<double>(i) * static_cast<double>(x.size() - 1) / static_cast<double>(n - 1);
    const auto left = std::min(static_cast<std::size_t>(at), x.size() - 2);
    const double weight = at - static_cast<double>(left);
    y[i] = weight == 0.0 ? x[left] : (1.0 - weight) * x[left] + weight * x[left + 1];
  }
  return y;
}

Signal white_noise(std::size_t n, double scale, Random& random) {
  Signal noise(n);
  for (double& v : noise) v = scale * random.normal();
  return noise;
}

/// Convolution with a normal density of standard deviation 2, cut at 4 deviations; the signal is mirrored at
/// its ends.
Signal gaussian_filter(const Signal& x) {
  constexpr int kRadius = 8;
  constexpr double kSigma = 2.0;
  std::array<double, 2 * kRadius + 1> kernel{};
  for (int k = -kRadius; k <= kRadius; ++k)
    kernel[static_cast<std::size_t>(k + kRadius)] = std::exp(-0.5 * k * k / (kSigma * kSigma));
  const double sum = std::accumulate(kernel.begin(), kernel.end(), 0.0);
  const int n = static_cast<int>(x.size());
  Signal y(x.size(), 0.0);
  for (int i = 0; i < n; ++i) {
    for (int k = -kRadius; k <= kRadius; ++k) {
      int at = i + k;
      if (at < 0) at = -1 - at;
      if (at >= n) at = 2 * n - 1 - at;
      y[static_cast<std::size_t>(i)] +=
          kernel[static_cast<std::size_t>(k + kRadius)] / sum * x[static_cast<std::size_t>(at)];
    }
  }
  return y;
}

/// One example: pad, dilate, scale, translate in a circle, noise (correlated where the padding is), shear,
/// subsample.
Signal transform(Signal x, Random& random) {
  constexpr std::size_t kDilated = kTemplate + kMostPadding;
  for (double& v : x) v += kOffset;
  x.resize(kTemplate + kLeastPadding + random.below(kMostPadding - kLeastPadding + 1), 0.0);
  x = interpolate(x, kDilated);
  const double scale = 1.0 + kScale * (random.uniform_double() - 0.5);
  for (double& v : x) v *= scale;
  std::rotate(x.begin(), x.end() - static_cast<std::ptrdiff_t>(random.below(kMostTranslation)), x.end());
  const Signal correlated = gaussian_filter(white_noise(kDilated, kCorrelatedNoise, random));
  const Signal independent = white_noise(kDilated, kIndependentNoise, random);
  const double slope = kShear * (random.uniform_double() - 0.5);
  for (std::size_t i = 0; i < kDilated; ++i) {
    if (x[i] == 0.0) x[i] = correlated[i];
    x[i] += independent[i] - slope * (static_cast<double>(i) / static_cast<double>(kDilated - 1) - 0.5);
  }
  return interpolate(x, kLength);
}

}  // namespace

Dataset make_mnist1d(const GeneratedSet& set) {
  const std::size_t count = set.train + set.test;
  Random random(kSeed, stream_id(Stream::data));
  std::vector<std::uint32_t> order(count);
  random.permutation(order);

  Signal all(count * kLength);
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t digit = i * kClasses / count, place = order[i];
    const Signal x = transform(digit_template(digit), random);
    std::copy(x.begin(), x.end(), all.begin() + static_cast<std::ptrdiff_t>(place * kLength));
    labels[place] = static_cast<std::int32_t>(digit);
  }
  const double mean = mean_of(all), deviation = deviation_of(all);
  std::vector<float> values(all.size());
  std::transform(all.begin(), all.end(), values.begin(),
                 [&](double v) { return static_cast<float>((v - mean) / deviation); });

  Dataset data;
  data.schema.shape = {kLength};
  for (std::size_t digit = 0; digit < kClasses; ++digit) data.schema.classes.push_back(std::to_string(digit));
  const auto cut = static_cast<std::ptrdiff_t>(set.train),
             cut_values = static_cast<std::ptrdiff_t>(set.train * kLength);
  data.train.count = set.train;
  data.train.values = std::vector<float>(values.begin(), values.begin() + cut_values);
  data.train.labels.assign(labels.begin(), labels.begin() + cut);
  data.test.count = set.test;
  data.test.values = std::vector<float>(values.begin() + cut_values, values.end());
  data.test.labels.assign(labels.begin() + cut, labels.end());
  return data;
}

}  // namespace halfwave
