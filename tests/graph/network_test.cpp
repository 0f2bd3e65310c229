// Lost if these fail: tensors would come back from a network other than they went in, or two would share
// their memory.
#include "graph/network.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>

#include "core/random.h"

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

TEST(Network, NeedsALayer) { EXPECT_THROW(Network({}, 3), Error); }

}  // namespace
}  // namespace halfwave
