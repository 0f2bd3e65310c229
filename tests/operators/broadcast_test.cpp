// Lost if these fail: biases and scales would be added to the wrong channels, of old files (opset 6) above
// all.
#include "operators/broadcast.h"

#include <gmock/gmock.h>

#include "one_node.h"
#include "operators/arguments.h"

namespace halfwave {
namespace {

using ::testing::HasSubstr;

/// Dimensions that NumPy's rule stretches to `whole`: some are 1, some at the front are missing.
Dims stretchable(const Dims& whole, Random& random) {
  Dims dims(whole.begin() + static_cast<std::ptrdiff_t>(random.below(whole.size() + 1)), whole.end());
  for (std::int64_t& dim : dims)
    if (random.below(3) == 0) dim = 1;
  return dims;
}

Dims random_dims(Random& random) {
  Dims dims(random.below(6));
  for (std::int64_t& dim : dims) dim = 1 + static_cast<std::int64_t>(random.below(4));
  return dims;
}

TEST(RowWalk, VisitsEveryElementOnceNextToTheOnesThatItIsLinedUpWith) {
  Random random(1, 0);
  for (int round = 0; round < 500; ++round) {
    const Dims dims = random_dims(random), a = stretchable(dims, random), b = stretchable(dims, random),
               c = stretchable(dims, random);
    std::size_t next = 0;
    for (RowWalk walk(dims, {&a, &b, &c}); walk; walk.next()) {
      ASSERT_EQ(walk.begin(), next);
      for (std::size_t i = 0; i < walk.size(); ++i) {
        const Dims index = index_of(walk.begin() + i, dims);
        ASSERT_EQ(walk.from(0) + i * walk.step(0), place_of(index, a)) << describe(dims) << describe(a);
        ASSERT_EQ(walk.from(1) + i * walk.step(1), place_of(index, b)) << describe(dims) << describe(b);
        ASSERT_EQ(walk.from(2) + i * walk.step(2), place_of(index, c)) << describe(dims) << describe(c);
      }
      next += walk.size();
    }
    ASSERT_EQ(next, static_cast<std::size_t>(element_count(dims)));
  }
}

TEST(RowWalk, RowsAreAsLongAsTheyCanBe) {
  const Dims dims{2, 3, 4}, whole = dims, channels{3, 1}, one{1};
  EXPECT_EQ(RowWalk(dims, {&whole, &whole}).size(), 24u);
  EXPECT_EQ(RowWalk(dims, {&whole, &one}).size(), 24u);
  EXPECT_EQ(RowWalk(dims, {&whole, &channels}).size(), 4u);
  EXPECT_FALSE(RowWalk({2, 0, 3}, {&one}));
}

TEST(Broadcasting, AddsAsIndexArithmeticDoes) {
  Random random(2, 0);
  for (int round = 0; round < 200; ++round) {
    const Dims whole = random_dims(random);
    const Tensor a = random_tensor(ElementType::float32, stretchable(whole, random), random),
                 b = random_tensor(ElementType::float32, stretchable(whole, random), random);
    const Tensor sum = run_node(one_node("Add", 13), {a, b})[0];
    const auto values = elements<float>(sum), x = elements<float>(a), y = elements<float>(b);
    ASSERT_EQ(sum.dims(), broadcast_dims(a.dims(), b.dims()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Dims index = index_of(i, sum.dims());
      ASSERT_EQ(values[i], x[place_of(index, a.dims())] + y[place_of(index, b.dims())]);
    }
  }
}

struct OldCase {
  Dims second;
  std::int64_t axis;  ///< -9: no such attribute
  Dims lined_up;      ///< as NumPy's rule takes it
};

TEST(Broadcasting, BeforeOpset7IsByAttributes) {
  Random random(3, 0);
  const Tensor a = random_tensor(ElementType::float32, {2, 3, 4, 5}, random);
  // The cases of ONNX's documentation of Add-6, and negative axes.
  for (const OldCase& one :
       {OldCase{{}, -9, {}}, OldCase{{1, 1}, -9, {}}, OldCase{{5}, -9, {5}}, OldCase{{4, 5}, -9, {4, 5}},
        OldCase{{3, 4}, 1, {3, 4, 1}}, OldCase{{2}, 0, {2, 1, 1, 1}}, OldCase{{3}, -3, {3, 1, 1}},
        OldCase{{2, 3, 4, 5}, 0, {2, 3, 4, 5}}}) {
    const Tensor b = random_tensor(ElementType::float32, one.second, random);
    OperatorNode node = one_node("Sub", 6, {{"broadcast", std::int64_t{1}}});
    if (one.axis != -9) node.attributes["axis"] = one.axis;
    const Tensor old = run_node(node, {a, b})[0];
    const Tensor now = run_node(one_node("Sub", 13), {a, b.reshaped(one.lined_up)})[0];
    EXPECT_EQ(elements<float>(old), elements<float>(now)) << describe(one.second);
    EXPECT_EQ(old.dims(), a.dims());
  }
}

TEST(Broadcasting, ShapesThatDoNotFitAreRefused) {
  const auto message = [](std::int64_t opset, Dims a, Dims b,
                          std::map<std::string, AttributeValue, std::less<>> attributes = {}) {
    return refusal([&] {
      run_node(one_node("Mul", opset, std::move(attributes)),
               {Tensor(ElementType::float32, std::move(a)), Tensor(ElementType::float32, std::move(b))});
    });
  };
  EXPECT_THAT(message(13, {2, 3}, {2}), HasSubstr("node 'it' (Mul, opset 13)"));
  EXPECT_THAT(message(13, {2, 3}, {2}), HasSubstr("[2, 3] and [2]"));
  EXPECT_THAT(message(6, {2, 3}, {3}), HasSubstr("broadcast is not set"));
  const AttributeValue yes = std::int64_t{1}, far = std::int64_t{2}, beyond = INT64_MAX,
                       text = std::string("1");
  EXPECT_NE(message(6, {2, 3}, {2}, {{"broadcast", yes}}), "");
  EXPECT_NE(message(6, {3}, {2, 3}, {{"broadcast", yes}}), "");
  EXPECT_NE(message(6, {2, 3, 4}, {3, 4}, {{"broadcast", yes}, {"axis", far}}), "");
  EXPECT_NE(message(6, {2, 3, 4}, {3}, {{"broadcast", yes}, {"axis", beyond}}), "");
  EXPECT_THAT(message(6, {2, 3}, {3}, {{"broadcast", text}}), HasSubstr("'broadcast'"));
  EXPECT_NE(refusal([] {  // Max broadcasts from opset 8 on only
              run_node(one_node("Max", 6),
                       {Tensor(ElementType::float32, {2, 3}), Tensor(ElementType::float32, {3})});
            }),
            "");
}

}  // namespace
}  // namespace halfwave
