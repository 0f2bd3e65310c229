// Lost if these fail: tensors would come back from a network other than they went in, or two would share
// their memory.
#include "graph/network.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>

#include "core/random.h"
#include "graph/read_line.h"

namespace halfwave {
namespace {

TEST(Network, TensorsRoundTripAndPaddingStaysZero) {
  Network network = parse_network("dense 70, batch_norm, prelu, dense 33, brelu, dense", 13, 5);
  Random random(1, 1);
  std::vector<std::vector<float>> numbers;
  for (const NetworkTensor& tensor : network.tensors()) {
    std::vector<float>& values = numbers.emplace_back(tensor.spec.count());
    for (float& x : values) x = static_cast<float>(random.normal());
    network.set(tensor, values);
  }
  std::size_t zeros = 0, learned = 0, all = 0;
  for (const NetworkTensor& tensor : network.tensors()) {
    EXPECT_EQ(network.get(tensor), numbers[static_cast<std::size_t>(&tensor - network.tensors().data())])
        << tensor.name;
    EXPECT_EQ(tensor.offset % kLineFloats, 0u);
    EXPECT_EQ(tensor.spec.learned, tensor.offset < network.learned_floats()) << tensor.name;
    learned += tensor.spec.learned ? tensor.spec.count() : 0;
    all += tensor.spec.count();
  }
  for (const float x : network.values()) zeros += x == 0.0f ? 1 : 0;
  EXPECT_EQ(network.values().size() - zeros, all) << "what is no tensor's number is zero";
  EXPECT_EQ(network.parameters(), learned);
  EXPECT_EQ(network.parameters(), 13u * 70 + 70 + 70 + 70 + 70 + 70 * 33 + 33 + 33 + 33 * 5 + 5);
}

TEST(Network, TensorsBeginAsTheirLayersSay) {
  const Network network = parse_network("batch_norm, prelu 0.3, dense", 4, 2);
  for (const NetworkTensor& tensor : network.tensors())
    for (const float x : network.get(tensor)) EXPECT_EQ(x, tensor.spec.start) << tensor.name;
  EXPECT_EQ(network.tensors()[network.first_tensor(1)].spec.start, 0.3f);
}

TEST(Network, ATensorOfAnotherSizeIsRefused) {
  Network network = parse_network("dense", 4, 2);
  for (const std::size_t n : {0u, 7u, 9u}) try {
      network.set(network.tensors()[0], std::vector<float>(n));
      ADD_FAILURE() << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_THAT(error.what(), testing::HasSubstr("dense_1.weight"));
    }
}

constexpr std::size_t kInput = Network::kInput;

std::vector<std::size_t> numbers(std::span<const std::size_t> layers) {
  return {layers.begin(), layers.end()};
}

TEST(Network, LayersStandBehindThoseTheyTake) {
  const Network network =
      parse_network("residual(dense 4, concat(relu | input), dense 4 | tanh), flatten, dense", 4, 2);
  const std::vector<std::string> names{"dense_1", "relu_1",     "concat_1",  "dense_2",
                                       "tanh_1",  "residual_1", "flatten_1", "dense_3"};
  const std::vector<std::vector<std::size_t>> inputs{{kInput}, {0}, {1, 0}, {2}, {kInput}, {3, 4}, {5}, {6}};
  const std::vector<std::vector<std::size_t>> users{{1, 2}, {2}, {3}, {5}, {5}, {6}, {7}, {}};
  ASSERT_EQ(network.size(), names.size());
  for (std::size_t i = 0; i < network.size(); ++i) {
    EXPECT_EQ(network.layer_name(i), names[i]);
    EXPECT_EQ(numbers(network.inputs_of(i)), inputs[i]) << names[i];
    EXPECT_EQ(numbers(network.users_of(i)), users[i]) << names[i];
    EXPECT_EQ(network.only_user_of(i), users[i].size() == 1 ? users[i][0] : network.size()) << names[i];
  }
  EXPECT_EQ(numbers(network.users_of(kInput)), (std::vector<std::size_t>{0, 4}));
  EXPECT_EQ(network.only_user_of(kInput), network.size());
  EXPECT_EQ(network.multiply_adds(), 16u + 32 + 8);
  EXPECT_EQ(network.line(), "residual(dense 4, concat(relu | input), dense 4 | tanh), flatten, dense 2");
}

TEST(Network, FindsTheActivationBehindALayerThroughNormalisationAndJoins) {
  const auto behind = [](const std::string& line) {
    const Network network = parse_network(line, 4, 4);
    const std::size_t at = network.activation_behind(0);
    return at == network.size() ? "none" : network.layer_name(at);
  };
  EXPECT_EQ(behind("dense 4, batch_norm, dropout, relu, dense"), "relu_1");
  EXPECT_EQ(behind("residual(dense 4, batch_norm), tanh, dense"), "tanh_1");
  EXPECT_EQ(behind("residual(dense 4 | dense 4, sigmoid), tanh, dense"), "tanh_1");
  EXPECT_EQ(behind("residual(dense 4, gelu), tanh, dense"), "gelu_1");
  EXPECT_EQ(behind("dense 4, dense 4, relu"), "none");
  EXPECT_EQ(behind("dense 4"), "none");
  EXPECT_EQ(behind("dense 4, residual(relu), dense"), "none");  // the sum takes the layer's output as well
}

TEST(Network, LooksBehindIdentities) {
  const Network network = parse_network("flatten, flatten, dense 4, residual(flatten), flatten", 4, 4);
  EXPECT_EQ(network.behind_identities(0), 2u);
  EXPECT_EQ(network.behind_identities(2), 2u);
  EXPECT_EQ(network.behind_identities(3), 4u);
  EXPECT_EQ(network.behind_identities(5), network.size());
  EXPECT_EQ(network.behind_identities(network.size()), network.size());
}

TEST(Network, IsCheckedBeforeItsNumbersAreAllocated) {
  struct Stop {};
  const auto check = [](const Network& bound) {
    EXPECT_EQ(bound.size(), 2u);
    EXPECT_EQ(bound.outputs(), 1u << 24);
    EXPECT_EQ(bound.tensors()[0].name, "dense_1.weight");
    EXPECT_TRUE(bound.values().empty());
    throw Stop();
  };
  EXPECT_THROW(Network(read_network_line("relu, dense 16777216"), Shape::row(1 << 24), check), Stop);
}

TEST(Network, LayersThatDoNotFitAreNamed) {
  const auto message = [](const char* line, const Shape& input) -> std::string {
    try {
      const Network network(read_network_line(line), input);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("relu, dense 3", {2, 4, 5, 3}),
              testing::AllOf(testing::HasSubstr("Layer 2 ('dense 3')"), testing::HasSubstr("flatten")));
  EXPECT_THAT(message("relu, conv 3", Shape::row(4)), testing::HasSubstr("Layer 2 ('conv 3')"));
  EXPECT_THAT(message("concat(relu | flatten)", {2, 4, 5, 3}), testing::HasSubstr("Layer 1 ('concat')"));
  EXPECT_THAT(message("relu", {2, 4, 5, 3}),
              testing::AllOf(testing::HasSubstr("4x5"), testing::HasSubstr("flatten")));
}

TEST(Network, NeedsALayer) { EXPECT_THROW(Network({}, Shape::row(3)), Error); }

}  // namespace
}  // namespace halfwave
