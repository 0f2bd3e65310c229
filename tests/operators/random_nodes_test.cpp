// Lost if these fail: a damaged or hostile file could crash the program at the operators that compute element
// by element, or make it read what is not its own. Most is found when this runs under the sanitizers.
#include <gtest/gtest.h>

#include "one_node.h"
#include "operators/operator.h"

namespace halfwave {
namespace {

std::int64_t random_integer(Random& random) {
  constexpr std::int64_t kIntegers[]{0,  0, 0, 0, 1,  1,       1,        2,         -1,        -2,
                                     -3, 3, 7, 9, 13, 1000000, -1000000, INT64_MAX, INT64_MIN, INT32_MAX};
  return kIntegers[random.below(std::size(kIntegers))];
}

constexpr ElementType kTypes[]{ElementType::float32, ElementType::float64, ElementType::float16,
                               ElementType::int64,   ElementType::int32,   ElementType::int8,
                               ElementType::uint64,  ElementType::boolean, ElementType::text};
ElementType random_type(Random& random) { return kTypes[random.below(std::size(kTypes))]; }

/// Mostly of that type, and small.
Tensor random_input(ElementType type, Random& random) {
  if (random.below(12) == 0) return {};
  if (random.below(12) == 0)
    return sequence(
        std::vector<Tensor>(random.below(4), Tensor(random_type(random), Dims(random.below(3), 2))));
  if (random.below(8) == 0) type = random_type(random);
  Dims dims(random.below(5) * random.below(2));
  for (std::int64_t& dim : dims)
    dim = static_cast<std::int64_t>(random.below(6) == 0 ? random.below(2) : 1 + random.below(3));
  if (is_floating(type) || type == ElementType::text) return random_tensor(type, dims, random);
  Tensor made(ElementType::int64, dims);
  for (std::int64_t& x : made.elements<std::int64_t>()) x = random_integer(random);
  return made.cast(type);
}

AttributeValue random_attribute(Random& random) {
  switch (random.below(8)) {
    case 0:
      return random.uniform();
    case 1:
      return std::string(random.below(2) == 0 ? "tanh" : "FLOAT");
    case 2:
      return random_input(ElementType::float32, random);
    case 3:
    case 4: {
      std::vector<std::int64_t> numbers(random.below(5));
      for (std::int64_t& x : numbers) x = random_integer(random);
      return numbers;
    }
    default:
      return random_integer(random);
  }
}

OperatorNode random_node(const Operator& op, Random& random) {
  constexpr const char* kAttributes[]{"axis",        "new_axis",
                                      "axes",        "keepdims",
                                      "broadcast",   "to",
                                      "alpha",       "noop_with_empty_axes",
                                      "approximate", "beta",
                                      "min",         "ratio",
                                      "max",         "exclusive",
                                      "reverse",     "is_test",
                                      "fmod",        "select_last_index"};
  const std::int64_t opset = op.since + static_cast<std::int64_t>(random.below(3));
  OperatorNode node = one_node(std::string(op.name), opset, {}, 1 + random.below(2));
  for (const char* name : kAttributes)
    if (random.below(8) == 0) node.attributes[name] = random_attribute(random);
  return node;
}

/// Runs random nodes of the operator: each gives what was inferred, or an Error of kind input. Counts the
/// former.
void run_any(const Operator& op, int rounds, Random& random, int& computed) {
  for (int round = 0; round < rounds; ++round) {
    const OperatorNode node = random_node(op, random);
    const ElementType type = random_type(random);
    std::vector<Tensor> inputs(random.below(4));
    for (std::size_t i = 0; i < inputs.size(); ++i)  // some of one shape, so that they go together
      inputs[i] = i > 0 && random.below(2) == 0 ? inputs[0] : random_input(type, random);
    try {
      const Tensor y = run_node(node, inputs)[0];
      const ValueInfo info = inferred(node, inputs);
      ASSERT_EQ(y.type(), info.type);
      ASSERT_EQ(y.dims(), info.dims.value_or(y.dims()));
      ++computed;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::input) << error.what();
    }
  }
}

TEST(RandomNodes, AreComputedAsInferredOrRefused) {
  constexpr int kRounds = 300;
  Random random(1, 0);
  int all = 0, computed = 0;
  for (const auto family :
       {elementwise_operators, activation_operators, reduction_operators, sequence_operators})
    for (const Operator& op : family()) {
      SCOPED_TRACE(fmt::format("{}, since opset {}", op.name, op.since));
      run_any(op, kRounds, random, computed);
      all += kRounds;
    }
  EXPECT_GT(computed, all / 10);
}

}  // namespace
}  // namespace halfwave
