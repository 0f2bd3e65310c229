// Lost if these fail: products of matrices, normalisations and resizing in loaded models would give other
// numbers than where the models were made.
#include <gmock/gmock.h>

#include <cmath>

#include "operator_samples.h"

namespace halfwave {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

std::vector<double> numbers(const Tensor& tensor) {
  return elements<double>(tensor.cast(ElementType::float64));
}
Tensor run(const OperatorNode& node, const std::vector<Tensor>& inputs) { return run_node(node, inputs)[0]; }
constexpr std::int64_t operator""_i(unsigned long long n) { return static_cast<std::int64_t>(n); }

/// C[m, n] += A[m, k] · B[k, n].
void multiply(const double* a, const double* b, double* c, std::size_t m, std::size_t n, std::size_t k) {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t l = 0; l < k; ++l) c[i * n + j] += a[i * k + l] * b[l * n + j];
}

TEST(MatMul, MultipliesEveryPairOfMatrices) {
  Random random(3, 0);
  for (const ElementType type :
       {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::int32})
    for (const std::int64_t m : {1, 3, 7, 140})
      for (const std::int64_t n : {1, 16, 70}) {
        const Tensor a = random_tensor(type, {2, 1, m, 5}, random),
                     b = random_tensor(type, {3, 5, n}, random);
        const Tensor c = run(one_node("MatMul", 13), {a, b});
        ASSERT_EQ(c.dims(), (Dims{2, 3, m, n}));
        std::vector<double> expected(c.count());
        const auto rows = static_cast<std::size_t>(m), columns = static_cast<std::size_t>(n);
        const std::vector<double> as = numbers(a), bs = numbers(b);
        for (std::size_t i = 0; i < 6; ++i)
          multiply(as.data() + i / 3 * rows * 5, bs.data() + i % 3 * 5 * columns,
                   expected.data() + i * rows * columns, rows, columns, 5);
        const double tolerance = type == ElementType::float16 ? 0.05 : 1e-4;
        EXPECT_THAT(numbers(c), Pointwise(DoubleNear(tolerance), expected));
      }
}

TEST(MatMul, TakesRowsAndColumns) {
  const Tensor a = tensor<float>({3}, {1, 2, 3}), b = tensor<float>({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(run(one_node("MatMul", 9), {a, b}).dims(), Dims{2});
  EXPECT_THAT(numbers(run(one_node("MatMul", 9), {a, b})), ElementsAre(4, 5));
  const Tensor dot = run(one_node("MatMul", 9), {a, a});
  EXPECT_EQ(dot.dims(), Dims{});
  EXPECT_THAT(numbers(dot), ElementsAre(14));
}

TEST(Gemm, IsAlphaTimesTheProductPlusBetaTimesC) {
  Random random(4, 0);
  for (int forms = 0; forms < 4; ++forms)
    for (const std::int64_t m : {2, 9})
      for (const Dims& added : {Dims{}, Dims{7}, Dims{m, 1}, Dims{m, 7}}) {
        const bool turn_a = forms % 2 == 1, turn_b = forms / 2 == 1;
        const Tensor a = random_tensor(ElementType::float32, {m, 20}, random),
                     b = random_tensor(ElementType::float32, {20, 7}, random),
                     c = random_tensor(ElementType::float32, added, random);
        const auto turned = [](const Tensor& t, bool turn) {
          return turn ? run(one_node("Transpose", 13), {t}) : t;
        };
        const Tensor y = run(one_node("Gemm", 13,
                                      {{"alpha", 0.5f},
                                       {"beta", 2.0f},
                                       {"transA", static_cast<std::int64_t>(turn_a)},
                                       {"transB", static_cast<std::int64_t>(turn_b)}}),
                             {turned(a, turn_a), turned(b, turn_b), c});
        std::vector<double> expected(y.count());
        multiply(numbers(a).data(), numbers(b).data(), expected.data(), static_cast<std::size_t>(m), 7, 20);
        for (std::size_t i = 0; i < expected.size(); ++i)
          expected[i] = 0.5 * expected[i] + 2 * numbers(c)[place_of(index_of(i, y.dims()), added)];
        EXPECT_THAT(numbers(y), Pointwise(DoubleNear(1e-4), expected));
      }
}

/// Mean and variance of the elements of x that `chosen` takes.
template <class Chosen>
std::pair<double, double> moments(const std::vector<double>& x, Chosen&& chosen) {
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (chosen(i)) sum += x[i], squares += x[i] * x[i], ++count;
  return {sum / count, squares / count - sum / count * sum / count};
}

TEST(Normalisations, LeaveMeanZeroAndVarianceOne) {
  Random random(5, 0);
  const Tensor x = random_tensor(ElementType::float32, {3, 4, 5, 2}, random, 1, 9);
  const Tensor ones = tensor<float>({4}, {1, 1, 1, 1}), zeros = tensor<float>({4}, {0, 0, 0, 0});
  const Tensor row_ones = Tensor::scalar(1.0f).reshaped({1});
  const auto check = [&](const char* what, const Tensor& y, auto&& group_of, std::size_t groups) {
    for (std::size_t g = 0; g < groups; ++g) {
      const auto [mean, variance] =
          moments(numbers(y), [&](std::size_t i) { return group_of(index_of(i, y.dims())) == g; });
      EXPECT_NEAR(mean, 0, 1e-5) << what;
      EXPECT_NEAR(variance, 1, 1e-3) << what;
    }
  };
  const auto channel = [](const Dims& at) { return static_cast<std::size_t>(at[1]); };
  check("batch",
        run(one_node("BatchNormalization", 14, {{"training_mode", 1_i}}), {x, ones, zeros, zeros, ones}),
        channel, 4);
  check("variance", run(one_node("MeanVarianceNormalization", 13), {x}), channel, 4);
  check(
      "instance", run(one_node("InstanceNormalization", 6), {x, ones, zeros}),
      [](const Dims& at) { return static_cast<std::size_t>(at[0] * 4 + at[1]); }, 12);
  check(
      "group", run(one_node("GroupNormalization", 21, {{"num_groups", 2_i}}), {x, ones, zeros}),
      [](const Dims& at) { return static_cast<std::size_t>(at[0] * 2 + at[1] / 2); }, 6);
  check(
      "layer", run(one_node("LayerNormalization", 17, {{"axis", 1_i}}), {x, row_ones}),
      [](const Dims& at) { return static_cast<std::size_t>(at[0]); }, 3);
}

TEST(BatchNormalization, UsesAndMovesItsStatistics) {
  const Tensor x = tensor<float>({2, 1, 2}, {1, 3, 5, 7}), two = tensor<float>({1}, {2}),
               mean = tensor<float>({1}, {3}), variance = tensor<float>({1}, {4});
  const Tensor y =
      run(one_node("BatchNormalization", 15, {{"epsilon", 0.0f}}), {x, two, mean, mean, variance});
  EXPECT_THAT(elements<float>(y), ElementsAre(1, 3, 5, 7));
  const std::vector<Tensor> trained =
      run_node(one_node("BatchNormalization", 15, {{"training_mode", 1_i}, {"momentum", 0.75f}}, 3),
               {x, two, mean, mean, variance});
  EXPECT_THAT(elements<float>(trained[1]), ElementsAre(0.75f * 3 + 0.25f * 4));
  EXPECT_THAT(elements<float>(trained[2]), ElementsAre(0.75f * 4 + 0.25f * 5));
}

TEST(LayerNormalization, TellsItsStatistics) {
  const Tensor x = tensor<float>({2, 2}, {1, 3, 0, 8}), scale = tensor<float>({2}, {1, 2});
  const std::vector<Tensor> y =
      run_node(one_node("LayerNormalization", 17, {{"epsilon", 0.0f}}, 3), {x, scale, scale});
  EXPECT_THAT(elements<float>(y[0]), ElementsAre(0, 4, 0, 4));
  EXPECT_EQ(y[1].dims(), (Dims{2, 1}));
  EXPECT_THAT(elements<float>(y[1]), ElementsAre(2, 4));
  EXPECT_THAT(elements<float>(y[2]), ElementsAre(1, 0.25f));
  EXPECT_THAT(elements<float>(run(one_node("RMSNormalization", 23, {{"epsilon", 0.0f}}),
                                  {tensor<float>({1, 2}, {1, 7}), scale})),
              ElementsAre(0.2f, 2.8f));
}

TEST(Resize, ByWholeFactorsRepeatsAndIsUndone) {
  const Tensor x = counted({1, 2, 3, 4});
  const Tensor large = run(one_node("Resize", 13), {x, Tensor(), tensor<float>({4}, {1, 1, 2, 3})});
  ASSERT_EQ(large.dims(), (Dims{1, 2, 6, 12}));
  for (std::size_t i = 0; i < large.count(); ++i) {
    Dims at = index_of(i, large.dims());
    at[2] /= 2, at[3] /= 3;
    ASSERT_EQ(numbers(large)[i], numbers(x)[place_of(at, x.dims())]);
  }
  const Tensor back = run(one_node("Resize", 13), {large, Tensor(), Tensor(), whole({1, 2, 3, 4})});
  EXPECT_EQ(numbers(back), numbers(x));
  EXPECT_EQ(numbers(run(one_node("Upsample", 9), {x, tensor<float>({4}, {1, 1, 2, 3})})), numbers(large));
}

TEST(Resize, KeepsALineALine) {
  const Tensor x = tensor<float>({5}, {0, 2, 4, 6, 8});
  for (const char* mode : {"linear", "cubic"})
    EXPECT_THAT(numbers(run(one_node("Resize", 13,
                                     {{"mode", mode}, {"coordinate_transformation_mode", "align_corners"}}),
                            {x, Tensor(), Tensor(), whole({9})}))[4],
                DoubleNear(4, 1e-6))
        << mode;
  EXPECT_THAT(numbers(run(one_node("Resize", 13,
                                   {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}}),
                          {x, Tensor(), Tensor(), whole({9})})),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(
      numbers(run(one_node("Resize", 13, {{"mode", "linear"}}), {x, Tensor(), Tensor(), whole({10})})),
      ElementsAre(0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8));
}

TEST(Resize, ChoosesTheNearestAsItIsTold) {
  const Tensor x = tensor<float>({4}, {0, 1, 2, 3});
  const auto nearest = [&](const char* how) {
    return numbers(
        run(one_node("Resize", 13, {{"nearest_mode", how}, {"coordinate_transformation_mode", "asymmetric"}}),
            {x, Tensor(), tensor<float>({1}, {2})}));
  };
  EXPECT_THAT(nearest("floor"), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
  EXPECT_THAT(nearest("ceil"), ElementsAre(0, 1, 1, 2, 2, 3, 3, 3));
  EXPECT_THAT(nearest("round_prefer_floor"), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
  EXPECT_THAT(nearest("round_prefer_ceil"), ElementsAre(0, 1, 1, 2, 2, 3, 3, 3));
}

TEST(Layers, RefuseWhatDoesNotFit) {
  const Tensor x = counted({2, 4, 3}), four = counted({4}), three = counted({3});
  const auto why = [](const OperatorNode& node, const std::vector<Tensor>& inputs) {
    return refusal([&] { run_node(node, inputs); });
  };
  EXPECT_THAT(why(one_node("MatMul", 13), {x, counted({4, 3})}), HasSubstr("cannot be multiplied"));
  EXPECT_THAT(why(one_node("MatMul", 13), {x, counted({3}, ElementType::float64)}),
              HasSubstr("different types"));
  EXPECT_THAT(why(one_node("Gemm", 13), {x, three}), HasSubstr("not both matrices"));
  EXPECT_THAT(why(one_node("Gemm", 13), {counted({2, 3}), counted({3, 4}), three}), HasSubstr("broadcast"));
  EXPECT_THAT(why(one_node("Gemm", 6), {counted({2, 3}), counted({3, 4}), four}),
              HasSubstr("does not fit a result"));
  EXPECT_THAT(why(one_node("BatchNormalization", 9), {x, four, four, three, four}),
              HasSubstr("input 4 must have shape [4], not [3]"));
  EXPECT_THAT(why(one_node("BatchNormalization", 9), {x, four}), HasSubstr("input 3 is missing"));
  EXPECT_THAT(why(one_node("GroupNormalization", 21, {{"num_groups", 3_i}}), {x, four, four}),
              HasSubstr("4 channels do not make 3 groups"));
  EXPECT_THAT(why(one_node("LayerNormalization", 17), {x, four}), HasSubstr("cannot be broadcast"));
  EXPECT_THAT(why(one_node("LRN", 13), {x}), HasSubstr("size"));
  EXPECT_THAT(why(one_node("LpNormalization", 1, {{"p", 3_i}}), {x}), HasSubstr("p must be 1 or 2"));
  EXPECT_THAT(why(one_node("Resize", 13), {x}), HasSubstr("neither scales nor sizes"));
  EXPECT_THAT(why(one_node("Resize", 13), {x, Tensor(), counted({3})}), HasSubstr("cannot be scaled by 0"));
  EXPECT_THAT(why(one_node("Resize", 13), {x, Tensor(), Tensor(), whole({1, 1})}), HasSubstr("for 3 axes"));
  EXPECT_THAT(why(one_node("Resize", 13, {{"mode", "area"}}), {x, Tensor(), Tensor(), whole({1, 1, 1})}),
              HasSubstr("mode 'area'"));
  EXPECT_THAT(why(one_node("Resize", 18, {{"antialias", 1_i}}), {x, Tensor(), Tensor(), whole({1, 1, 1})}),
              HasSubstr("antialias"));
}

}  // namespace
}  // namespace halfwave
