#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/aligned.h"
#include "core/random.h"
#include "layers/skipping.h"

// The three products of a convolution, 3x3 with stride 1 and as many positions of the output as of the input:
// what they are made of, whoever makes them.

namespace halfwave {

struct ConvCase {
  static constexpr std::size_t kKernel = 3;
  Product product;
  std::size_t batch, height, width, in, out;
  double zeros;  ///< percent of x

  std::size_t rows() const { return batch * height * width; }
};

inline AlignedVector<float> normal_numbers(Random& random, std::size_t count, double zeros = 0) {
  AlignedVector<float> numbers(count);
  for (float& number : numbers) {
    number = static_cast<float>(random.normal());
    if (random.uniform_double() * 100 < zeros) number = 0.0f;
  }
  return numbers;
}

/// What every variant of a case works on. There are two batches, used in turn as in training, so that no
/// processor learns the places of the zeros by heart.
struct ConvOperands {
  explicit ConvOperands(const ConvCase& c) {
    Random random(1, stream_id(Stream::data));
    for (int i = 0; i < 2; ++i) {
      x.push_back(normal_numbers(random, c.rows() * c.in, c.zeros));
      dy.push_back(normal_numbers(random, c.rows() * c.out));
    }
    weights = normal_numbers(random, c.out * c.in * ConvCase::kKernel * ConvCase::kKernel);
  }

  std::vector<AlignedVector<float>> x, dy;  ///< [batch, height, width, channels], without gaps
  AlignedVector<float> weights;             ///< [out, in, kernel, kernel]
};

/// One way to make a product: run(i) makes that of batch i, result() gives it as [batch, height, width,
/// channels] or [out, in, kernel, kernel]. Of the input gradient only what x keeps counts.
struct ConvVariant {
  std::string name;
  std::function<void(std::size_t)> run;
  std::function<std::vector<float>()> result;
};

}  // namespace halfwave
