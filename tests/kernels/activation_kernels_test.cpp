// Lost if these fail: a kernel would write beyond its slice, results would depend on how an array is cut
// among threads, or the learned slopes and biases would be trained with wrong gradients.
#include <algorithm>
#include <cstring>

#include "core/aligned.h"
#include "halfwave/error.h"
#include "kernels/activation_testing.h"

namespace halfwave {
namespace {

using Form = ActivationInfo::Form;

std::vector<float> normal_numbers(std::size_t n, std::uint64_t stream) {
  Random random(5, stream_id(Stream::data, stream));
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(3 * random.normal());
  return values;
}

constexpr float kMark = -12345.5f;  // what must not be overwritten

/// A float array that begins at an address that is no multiple of anything, between guards.
class Guarded {
 public:
  Guarded(std::size_t n, std::size_t offset) : offset_(offset), all_(kGuard + offset + n + kGuard, kMark) {}
  float* data() { return all_.data() + kGuard + offset_; }
  bool intact() const {
    const auto marked = [](float v) { return v == kMark; };
    return std::all_of(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(kGuard + offset_), marked) &&
           std::all_of(all_.end() - kGuard, all_.end(), marked);
  }

 private:
  static constexpr std::size_t kGuard = 32;
  std::size_t offset_;
  std::vector<float> all_;
};

bool same_bits(const float* a, const float* b, std::size_t n) {
  return std::memcmp(a, b, n * sizeof(float)) == 0;
}

TEST(ActivationKernels, EveryLengthInAndOutOfPlaceGivesTheSameAndWritesNothingElse) {
  constexpr std::size_t kMost = 71;
  const std::vector<float> x = normal_numbers(kMost, 1), dy = normal_numbers(kMost, 2);
  for_each_target([&](const std::string&) {
    for (const ActivationInfo& info : activations()) {
      if (info.form != Form::pointwise && info.form != Form::random) continue;
      SCOPED_TRACE(info.name);
      const ActivationFunctions functions = activation_functions(info);
      const std::vector<float> p = default_parameters(info);
      std::vector<float> y(kMost), dx(kMost);
      functions.forward(x.data(), y.data(), kMost, p.data());
      const std::vector<float>& saved = info.backward_from_output ? y : x;
      functions.backward(saved.data(), dy.data(), dx.data(), kMost, p.data());
      for (std::size_t n = 0; n <= 70; ++n) {
        const std::size_t first = n % 2;  // a slice of the array
        Guarded out(n, n % 3), out_dx(n, (n + 1) % 3), in_place(n, n % 5), on_dy(n, n % 7),
            on_saved(n, n % 4);
        functions.forward(x.data() + first, out.data(), n, p.data());
        functions.backward(saved.data() + first, dy.data() + first, out_dx.data(), n, p.data());
        std::copy_n(x.data() + first, n, in_place.data());
        functions.forward(in_place.data(), in_place.data(), n, p.data());
        std::copy_n(dy.data() + first, n, on_dy.data());
        functions.backward(saved.data() + first, on_dy.data(), on_dy.data(), n, p.data());
        std::copy_n(saved.data() + first, n, on_saved.data());
        functions.backward(on_saved.data(), dy.data() + first, on_saved.data(), n, p.data());
        ASSERT_TRUE(out.intact() && out_dx.intact() && in_place.intact() && on_dy.intact() &&
                    on_saved.intact())
            << n;
        ASSERT_TRUE(same_bits(out.data(), y.data() + first, n)) << n;
        ASSERT_TRUE(same_bits(out.data(), in_place.data(), n)) << n;
        ASSERT_TRUE(same_bits(out_dx.data(), dx.data() + first, n)) << n;
        ASSERT_TRUE(same_bits(on_dy.data(), dx.data() + first, n)) << n;
        ASSERT_TRUE(same_bits(on_saved.data(), dx.data() + first, n)) << n;
      }
    }
  });
}

/// Large results are written past the cache: the same numbers, whatever the array's length and place.
TEST(ActivationKernels, ResultsLargerThanTheCacheAreTheSameAsInSlices) {
  constexpr std::size_t kMany = (std::size_t{1} << 23) + 37, kSlice = 100003;
  std::vector<float> y(kMany), dy(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    y[i] = i % 3 == 0 ? 0.0f : static_cast<float>(i % 1000);
    dy[i] = static_cast<float>(i % 977) - 400.0f;
  }
  for_each_target([&](const std::string&) {
    const ActivationFunctions functions = activation_functions(find_activation("relu"));
    for (const std::size_t offset : {0u, 1u}) {  // aligned to a cache line, and not
      AlignedVector<float> whole(kMany + offset + 1, kMark), slices(kMany);
      functions.backward(y.data(), dy.data(), whole.data() + offset, kMany, nullptr);
      for (std::size_t i = 0; i < kMany; i += kSlice)
        functions.backward(y.data() + i, dy.data() + i, slices.data() + i, std::min(kSlice, kMany - i),
                           nullptr);
      ASSERT_TRUE(same_bits(whole.data() + offset, slices.data(), kMany)) << offset;
      ASSERT_EQ(whole[kMany + offset], kMark);
    }
  });
}

TEST(ActivationKernels, OnlyTheKernelsOfItsFormExist) {
  EXPECT_THROW(activation_functions(find_activation("softmax")), Error);
  EXPECT_THROW(row_functions(find_activation("relu")), Error);
  EXPECT_THROW(per_unit_functions(find_activation("crelu")), Error);
  EXPECT_THROW(random_functions(find_activation("prelu")), Error);
  for (const ActivationInfo& info : activations()) {
    switch (info.form) {
      case Form::pointwise:
        EXPECT_TRUE(activation_functions(info).backward) << info.name;
        break;
      case Form::per_unit:
        EXPECT_TRUE(per_unit_functions(info).backward) << info.name;
        break;
      case Form::random:
        EXPECT_TRUE(random_functions(info).backward) << info.name;
        break;
      case Form::doubled:
      case Form::row:
        EXPECT_TRUE(row_functions(info).backward) << info.name;
        break;
    }
  }
}

TEST(ActivationKernels, UnknownNameSuggestsTheNearOnes) {
  try {
    find_activation("leaky-rel");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("'leaky_relu'"), std::string::npos) << error.what();
  }
}

TEST(ActivationKernels, PerUnitMatchesItsFormulaAndAddsItsGradient) {
  constexpr std::size_t kRows = 5, kStride = 40;
  for (const std::size_t columns : {1u, 3u, 16u, 37u}) {
    const std::vector<float> x = normal_numbers(kRows * kStride, 3), dy = normal_numbers(kRows * kStride, 4);
    std::vector<float> unit = normal_numbers(columns, 5);
    for (const char* name : {"prelu", "brelu"}) {
      const bool prelu = std::string(name) == "prelu";
      if (prelu) std::transform(unit.begin(), unit.end(), unit.begin(), [](float v) { return std::abs(v); });
      const ActivationDeclaration* declaration = nullptr;
      for (const auto& d : activation_declarations()) declaration = d.info.name == name ? &d : declaration;
      for_each_target([&](const std::string&) {
        const PerUnitFunctions functions = per_unit_functions(find_activation(name));
        std::vector<float> y(x.size(), 7), dx(x.size(), 7), dunit(columns, 0.5f);
        functions.forward({x.data(), kStride}, {y.data(), kStride}, kRows, columns, unit.data());
        const float* saved = declaration->info.backward_from_output ? y.data() : x.data();
        functions.backward({saved, kStride}, {dy.data(), kStride}, {dx.data(), kStride}, kRows, columns,
                           unit.data(), dunit.data());
        for (std::size_t j = 0; j < columns; ++j) {
          double gradient = 0.5;
          for (std::size_t i = 0; i < kRows; ++i) {
            const std::size_t at = i * kStride + j;
            EXPECT_FLOAT_EQ(y[at], static_cast<float>(declaration->reference.value(x[at], &unit[j])));
            EXPECT_FLOAT_EQ(dx[at],
                            dy[at] * static_cast<float>(declaration->reference.slope(x[at], &unit[j])));
            // The derivative in the learned number, by central differences of the formula.
            const float low = unit[j] - 1e-3f, high = unit[j] + 1e-3f;
            const long double rise =
                declaration->reference.value(x[at], &high) - declaration->reference.value(x[at], &low);
            gradient += dy[at] * static_cast<double>(rise / (high - low));
          }
          EXPECT_NEAR(dunit[j], gradient, 0.02 + 1e-4 * std::abs(gradient));
        }
        EXPECT_TRUE(columns == kStride || (y[columns] == 7 && dx[columns] == 7))
            << "wrote beyond the columns";
      });
    }
  }
}

TEST(ActivationKernels, CreluSplitsTheSign) {
  constexpr std::size_t kRows = 3, kColumns = 19;
  const std::vector<float> x = normal_numbers(kRows * kColumns, 6),
                           dy = normal_numbers(kRows * 2 * kColumns, 7);
  for_each_target([&](const std::string&) {
    const RowFunctions functions = row_functions(find_activation("crelu"));
    std::vector<float> y(2 * x.size()), dx(x.size());
    functions.forward({x.data(), kColumns}, {y.data(), 2 * kColumns}, kRows, kColumns);
    functions.backward({y.data(), 2 * kColumns}, {dy.data(), 2 * kColumns}, {dx.data(), kColumns}, kRows,
                       kColumns);
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kColumns; ++j) {
        const float v = x[i * kColumns + j];
        const std::size_t above = i * 2 * kColumns + j, below = above + kColumns;
        EXPECT_EQ(y[above], std::max(v, 0.0f));
        EXPECT_EQ(y[below], std::max(-v, 0.0f));
        EXPECT_EQ(dx[i * kColumns + j], v > 0 ? dy[above] : -dy[below]);
      }
    }
  });
}

TEST(ActivationKernels, RandomSlopesDoNotDependOnTheCut) {
  const ActivationInfo& info = find_activation("rrelu");
  const std::vector<float> p = default_parameters(info), x = normal_numbers(1000, 8),
                           dy = normal_numbers(1000, 9);
  const RandomFunctions functions = random_functions(info);
  std::vector<float> whole(1000), parts(1000), dx(1000);
  functions.forward(x.data(), whole.data(), 1000, p.data(), {11, 12, 100});
  for (std::size_t begin = 0, length = 1; begin < 1000; begin += length, length = length * 2 + 1) {
    const std::size_t n = std::min(length, 1000 - begin);
    functions.forward(x.data() + begin, parts.data() + begin, n, p.data(), {11, 12, 100 + begin});
  }
  EXPECT_EQ(whole, parts);
  functions.backward(whole.data(), dy.data(), dx.data(), 1000, p.data(), {11, 12, 100});
  double sum = 0;
  int below = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    if (x[i] > 0) {
      EXPECT_EQ(whole[i], x[i]);
      EXPECT_EQ(dx[i], dy[i]);
      continue;
    }
    const float slope = whole[i] / x[i];
    EXPECT_GE(slope, p[0] * 0.999f);
    EXPECT_LE(slope, p[1] * 1.001f);
    EXPECT_NEAR(dx[i], slope * dy[i], 1e-5f);
    sum += slope;
    ++below;
  }
  EXPECT_NEAR(sum / below, (p[0] + p[1]) / 2, 0.01);
}

TEST(ActivationKernels, SoftmaxAndItsLogarithmMatchLongDoubleAndTheirGradientsCentralDifferences) {
  constexpr std::size_t kStride = 80;
  for (const std::size_t columns : {1u, 2u, 10u, 16u, 77u}) {
    std::vector<float> x = normal_numbers(2 * kStride, 10);
    for (std::size_t j = 0; j < columns; ++j)
      x[kStride + j] += 1000;  // a row that overflows without the shift
    const std::vector<float> dy = normal_numbers(2 * kStride, 11);
    for (const bool logarithm : {false, true}) {
      const auto loss = [&](std::size_t row, std::size_t moved, long double by) {
        long double sum = 0, total = 0;
        const auto at = [&](std::size_t j) { return x[row * kStride + j] + (j == moved ? by : 0.0L); };
        const long double shift = x[row * kStride];
        for (std::size_t j = 0; j < columns; ++j) sum += std::exp(at(j) - shift);
        for (std::size_t j = 0; j < columns; ++j) {
          const long double y = logarithm ? at(j) - shift - std::log(sum) : std::exp(at(j) - shift) / sum;
          total += y * dy[row * kStride + j];
        }
        return total;
      };
      for_each_target([&](const std::string&) {
        const RowFunctions functions = row_functions(find_activation(logarithm ? "log_softmax" : "softmax"));
        std::vector<float> y = x, dx = dy;  // in place
        functions.forward({y.data(), kStride}, {y.data(), kStride}, 2, columns);
        functions.backward({y.data(), kStride}, {dx.data(), kStride}, {dx.data(), kStride}, 2, columns);
        for (std::size_t row = 0; row < 2; ++row) {
          long double sum = 0;
          for (std::size_t j = 0; j < columns; ++j) {
            const float value = y[row * kStride + j];
            sum += logarithm ? std::exp(static_cast<long double>(value)) : static_cast<long double>(value);
            const long double slope = (loss(row, j, 1e-5L) - loss(row, j, -1e-5L)) / 2e-5L;
            EXPECT_NEAR(dx[row * kStride + j], static_cast<double>(slope), 2e-5) << columns;
          }
          EXPECT_NEAR(static_cast<double>(sum), 1, 1e-5);
        }
        EXPECT_EQ(y[columns], x[columns]) << "wrote beyond the columns";
      });
    }
  }
}

}  // namespace
}  // namespace halfwave
