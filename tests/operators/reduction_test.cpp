// Lost if these fail: pooling and normalisation that exporters write as reductions would be over other axes,
// and predictions by ArgMax would name other classes.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "one_node.h"

namespace halfwave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Attributes = std::map<std::string, AttributeValue, std::less<>>;
using Numbers = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double sum(const Numbers& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double sum_of(const Numbers& x, double (*f)(double)) {
  return std::accumulate(x.begin(), x.end(), 0.0, [f](double s, double v) { return s + f(v); });
}

struct Reduction {
  const char* op;
  double (*of)(const Numbers&);
  double of_none;
};

const Reduction kReductions[]{
    {"ReduceSum", sum, 0},
    {"ReduceMean", [](const Numbers& x) { return sum(x) / static_cast<double>(x.size()); }, std::nan("")},
    {"ReduceProd",
     [](const Numbers& x) { return std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>()); }, 1},
    {"ReduceMax", [](const Numbers& x) { return *std::max_element(x.begin(), x.end()); }, -kInfinity},
    {"ReduceMin", [](const Numbers& x) { return *std::min_element(x.begin(), x.end()); }, kInfinity},
    {"ReduceL1", [](const Numbers& x) { return sum_of(x, std::fabs); }, 0},
    {"ReduceL2", [](const Numbers& x) { return std::sqrt(sum_of(x, [](double v) { return v * v; })); }, 0},
    {"ReduceSumSquare", [](const Numbers& x) { return sum_of(x, [](double v) { return v * v; }); }, 0},
    {"ReduceLogSum", [](const Numbers& x) { return std::log(sum(x)); }, -kInfinity},
    {"ReduceLogSumExp", [](const Numbers& x) { return std::log(sum_of(x, std::exp)); }, -kInfinity},
};

std::int64_t axes_input_since(std::string_view op) { return op == "ReduceSum" ? 13 : 18; }

/// The node in the form with axes as an attribute or as an input, with its inputs.
std::pair<OperatorNode, std::vector<Tensor>> reduction(const char* op, const Tensor& x,
                                                       std::optional<std::vector<std::int64_t>> axes,
                                                       bool as_input, Attributes attributes = {}) {
  std::vector<Tensor> inputs{x};
  if (axes && as_input)
    inputs.push_back(Tensor::of<std::int64_t>({static_cast<std::int64_t>(axes->size())}, *axes));
  else if (axes)
    attributes["axes"] = *axes;
  return {one_node(op, as_input ? 20 : axes_input_since(op) - 1, std::move(attributes)), inputs};
}

TEST(Reductions, AreTheirDefinitionsOverAnyAxes) {
  Random random(1, 0);
  for (const Reduction& one : kReductions)
    for (int round = 0; round < 60; ++round) {
      Dims dims(1 + random.below(4));
      for (std::int64_t& dim : dims) dim = 1 + static_cast<std::int64_t>(random.below(4));
      const auto rank = static_cast<std::int64_t>(dims.size());
      std::vector<std::int64_t> axes;
      Dims kept = dims, dropped;
      for (std::int64_t i = 0; i < rank; ++i) {
        if (random.below(2) == 0) {
          axes.push_back(random.below(2) == 0 ? i : i - rank);
          kept[static_cast<std::size_t>(i)] = 1;
        } else {
          dropped.push_back(dims[static_cast<std::size_t>(i)]);
        }
      }
      if (axes.empty()) continue;
      const std::int64_t keep = static_cast<std::int64_t>(random.below(2));
      const Tensor x = random_tensor(ElementType::float32, dims, random, 0.1, 2);
      const auto values = elements<float>(x);
      std::vector<Numbers> groups(static_cast<std::size_t>(element_count(kept)));
      for (std::size_t i = 0; i < values.size(); ++i)
        groups[place_of(index_of(i, dims), kept)].push_back(values[i]);
      for (const bool as_input : {false, true}) {
        const auto [node, inputs] = reduction(one.op, x, axes, as_input, {{"keepdims", keep}});
        const Tensor y = run_node(node, inputs)[0];
        EXPECT_EQ(y.dims(), keep ? kept : dropped) << one.op;
        const auto results = elements<float>(y);
        for (std::size_t i = 0; i < results.size(); ++i)
          ASSERT_NEAR(results[i], one.of(groups[i]), 1e-6 * (1 + std::fabs(one.of(groups[i])))) << one.op;
      }
    }
}

TEST(Reductions, WithoutAxesAreOverAllOrOverNone) {
  const Tensor x = tensor<double>({2, 2}, {1, 2, 3, 4});
  for (const Reduction& one : kReductions) {
    const double all = one.of({1, 2, 3, 4});
    const auto run = [&](std::optional<std::vector<std::int64_t>> axes, bool as_input,
                         Attributes attributes) {
      const auto [node, inputs] = reduction(one.op, x, std::move(axes), as_input, std::move(attributes));
      return run_node(node, inputs)[0];
    };
    for (const auto& axes : {std::optional<std::vector<std::int64_t>>(), {std::vector<std::int64_t>()}}) {
      EXPECT_NEAR(elements<double>(run(axes, false, {}))[0], all, 1e-12) << one.op;
      EXPECT_NEAR(elements<double>(run(axes, true, {}))[0], all, 1e-12) << one.op;
      EXPECT_EQ(run(axes, true, {{"keepdims", std::int64_t{0}}}).dims(), Dims());
      // Over none: every element is a sum of its own, whose logarithm or root is still taken.
      const Tensor each = run(axes, true, {{"noop_with_empty_axes", std::int64_t{1}}});
      EXPECT_EQ(each.dims(), x.dims());
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(elements<double>(each)[i], one.of({elements<double>(x)[i]}), 1e-12) << one.op;
    }
  }
}

TEST(Reductions, OfNothingAreTheirNeutralElements) {
  for (const Reduction& one : kReductions) {
    const auto [node, inputs] =
        reduction(one.op, Tensor(ElementType::float32, {2, 0}), std::vector<std::int64_t>{1}, true);
    const auto results = elements<float>(run_node(node, inputs)[0]);
    ASSERT_EQ(results.size(), 2u);
    if (std::isnan(one.of_none))
      EXPECT_TRUE(std::isnan(results[1])) << one.op;
    else
      EXPECT_EQ(results[1], static_cast<float>(one.of_none)) << one.op;
  }
  const Tensor none(ElementType::int8, {0});
  EXPECT_THAT(elements<std::int8_t>(run_node(one_node("ReduceMax", 13), {none})[0]), ElementsAre(-128));
  EXPECT_THAT(elements<bool>(run_node(one_node("ReduceMin", 20), {Tensor(ElementType::boolean, {0})})[0]),
              ElementsAre(true));
}

TEST(Reductions, OfWholeNumbersAreExactAndOfHalfPrecisionRoundedOnce) {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  const Tensor whole = tensor<std::int64_t>({2}, {large, -2});
  const auto result = [&](const char* op) {
    return elements<std::int64_t>(run_node(one_node(op, 13), {whole})[0])[0];
  };
  EXPECT_EQ(result("ReduceSum"), large - 2);
  EXPECT_EQ(result("ReduceL1"), large + 2);
  EXPECT_EQ(result("ReduceMax"), large);
  EXPECT_EQ(result("ReduceProd"), -2 * large);
  const Tensor small = tensor<std::int32_t>({3}, {1, 2, 4});
  EXPECT_THAT(elements<std::int32_t>(run_node(one_node("ReduceMean", 13), {small})[0]),
              ElementsAre(2));  // 7/3
  // With axes as an input that is of the data's own type.
  EXPECT_EQ(elements<std::int64_t>(
                run_node(one_node("ReduceMean", 18), {whole, tensor<std::int64_t>({1}, {0})})[0])[0],
            large / 2 - 1);
  Tensor halves(ElementType::float16, {4096});
  for (Float16& x : halves.elements<Float16>()) x = Float16(1);
  EXPECT_EQ(static_cast<float>(elements<Float16>(run_node(one_node("ReduceSum", 13), {halves})[0])[0]),
            4096.0f);
}

TEST(Reductions, LogSumExpDoesNotOverflow) {
  const auto result = [](std::initializer_list<float> x) {
    return elements<float>(run_node(one_node("ReduceLogSumExp", 13),
                                    {tensor<float>({static_cast<std::int64_t>(x.size())}, x)})[0])[0];
  };
  EXPECT_FLOAT_EQ(result({1000, 1000}), 1000 + std::log(2.0f));
  EXPECT_FLOAT_EQ(result({-1000, -1000}), -1000 + std::log(2.0f));
  EXPECT_EQ(result({HUGE_VALF, 1}), HUGE_VALF);
  EXPECT_EQ(result({-HUGE_VALF, -HUGE_VALF}), -HUGE_VALF);
}

TEST(Reductions, AxesThatAreNotKnownLeaveTheShapeOpen) {
  const Tensor x(ElementType::float32, {2, 3}), axes = tensor<std::int64_t>({1}, {1});
  EXPECT_FALSE(inferred(one_node("ReduceSum", 13), {x, axes}).dims.has_value());
  EXPECT_EQ(inferred(one_node("ReduceSum", 13), {x, axes}).type, ElementType::float32);
  EXPECT_EQ(inferred(one_node("ReduceSum", 11, {{"axes", std::vector<std::int64_t>{1}}}), {x}).dims,
            (Dims{2, 1}));
  EXPECT_EQ(
      inferred(one_node("ArgMax", 13, {{"axis", std::int64_t{-1}}, {"keepdims", std::int64_t{0}}}), {x}).dims,
      Dims{2});
}

TEST(Reductions, RefuseWrongAxesAndTypes) {
  const Tensor x(ElementType::float32, {2, 3});
  for (const std::vector<std::int64_t>& wrong :
       {std::vector<std::int64_t>{2}, {-3}, {0, 0}, {1, -1}, {INT64_MIN}, {INT64_MAX}})
    for (const bool as_input : {false, true}) {
      const auto [node, inputs] = reduction("ReduceMax", x, wrong, as_input);
      EXPECT_THAT(refusal([&, &n = node, &i = inputs] { run_node(n, i); }), HasSubstr("axis"));
    }
  EXPECT_THAT(refusal([&] {
                run_node(one_node("ReduceSum", 13), {x, Tensor::scalar(1.0f)});
              }),
              HasSubstr("float32"));
  EXPECT_THAT(refusal([&] { run_node(one_node("ReduceSum", 13), {Tensor(ElementType::boolean, {2})}); }),
              HasSubstr("not bool"));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("ReduceSum", 11, {{"axes", std::int64_t{1}}}), {x});
              }),
              HasSubstr("'axes'"));
}

TEST(ArgMax, TakesTheFirstOrTheLastOfEqualOnes) {
  const Tensor x = tensor<float>({2, 4}, {1, 3, 3, 0, 2, 2, 1, 2});
  const auto result = [&](const char* op, Attributes attributes) {
    return elements<std::int64_t>(run_node(one_node(op, 13, std::move(attributes)), {x})[0]);
  };
  const AttributeValue one = std::int64_t{1};
  EXPECT_THAT(result("ArgMax", {{"axis", one}}), ElementsAre(1, 0));
  EXPECT_THAT(result("ArgMax", {{"axis", one}, {"select_last_index", one}}), ElementsAre(2, 3));
  EXPECT_THAT(result("ArgMin", {{"axis", one}}), ElementsAre(3, 2));
  EXPECT_THAT(result("ArgMax", {}), ElementsAre(1, 0, 0, 1));
  const Tensor whole = tensor<std::uint64_t>({2}, {UINT64_MAX - 1, UINT64_MAX});
  EXPECT_THAT(elements<std::int64_t>(run_node(one_node("ArgMax", 13), {whole})[0]), ElementsAre(1));
  EXPECT_THAT(refusal([] {
                run_node(one_node("ArgMax", 13), {Tensor(ElementType::float32, {0, 2})});
              }),
              HasSubstr("no elements"));
  EXPECT_THAT(refusal([&] { result("ArgMin", {{"axis", std::int64_t{2}}}); }), HasSubstr("axis 2"));
}

TEST(CumSum, RunsForwardsAndBackwardsWithAndWithoutTheElementItself) {
  const Tensor x = tensor<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto result = [&](std::int32_t axis, std::int64_t exclusive, std::int64_t reverse) {
    return elements<std::int32_t>(
        run_node(one_node("CumSum", 14, {{"exclusive", exclusive}, {"reverse", reverse}}),
                 {x, Tensor::scalar(axis)})[0]);
  };
  EXPECT_THAT(result(1, 0, 0), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(result(-1, 1, 0), ElementsAre(0, 1, 3, 0, 4, 9));
  EXPECT_THAT(result(1, 0, 1), ElementsAre(6, 5, 3, 15, 11, 6));
  EXPECT_THAT(result(1, 1, 1), ElementsAre(5, 3, 0, 11, 6, 0));
  EXPECT_THAT(result(0, 0, 0), ElementsAre(1, 2, 3, 5, 7, 9));
  EXPECT_THAT(refusal([&] { result(2, 0, 0); }), HasSubstr("axis 2"));
}

}  // namespace
}  // namespace halfwave
