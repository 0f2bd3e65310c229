// Lost if these fail: convolutions and pools of loaded models would compute something else at borders, with
// steps, dilations or groups, or in fewer or more than two dimensions.
#include <gmock/gmock.h>

#include <functional>

#include "operator_samples.h"

namespace halfwave {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

/// The numbers of a random node with windows over `axes` axes.
struct Case {
  Random random;
  std::size_t axes;
  Dims image, kernel, strides, dilations, pads;

  explicit Case(std::uint64_t seed) : random(seed, 0), axes(1 + random.below(3)) {
    const auto between = [&](std::int64_t low, std::uint64_t count) {
      return low + static_cast<std::int64_t>(random.below(count));
    };
    for (std::size_t i = 0; i < axes; ++i) {
      image.push_back(between(5, 6));
      kernel.push_back(between(1, 3));
      strides.push_back(between(1, 3));
      dilations.push_back(between(1, 2));
    }
    for (std::size_t i = 0; i < 2 * axes; ++i)
      pads.push_back(between(0, static_cast<std::uint64_t>(kernel[i % axes])));
  }
  std::map<std::string, AttributeValue, std::less<>> attributes() const {
    return {{"kernel_shape", kernel}, {"strides", strides}, {"dilations", dilations}, {"pads", pads}};
  }
  std::vector<double> numbers(const Tensor& tensor) const {
    return elements<double>(tensor.cast(ElementType::float64));
  }

  /// Calls f(window, tap, place) for the place of each tap of each window; inside: it is in the image.
  template <class F>
  void for_places(const Dims& windows, F&& f) const {
    for (std::size_t w = 0; w < static_cast<std::size_t>(element_count(windows)); ++w)
      for (std::size_t t = 0; t < static_cast<std::size_t>(element_count(kernel)); ++t) {
        const Dims window = index_of(w, windows), tap = index_of(t, kernel);
        bool inside = true;
        std::size_t place = 0;
        for (std::size_t i = 0; i < axes; ++i) {
          const std::int64_t at = window[i] * strides[i] + tap[i] * dilations[i] - pads[i];
          inside = inside && at >= 0 && at < image[i];
          place = place * static_cast<std::size_t>(image[i]) + static_cast<std::size_t>(at);
        }
        if (inside) f(w, t, place);
      }
  }
};

Dims with(std::int64_t batch, std::int64_t channels, const Dims& places) {
  Dims dims = {batch, channels};
  dims.insert(dims.end(), places.begin(), places.end());
  return dims;
}
Dims places_of(const Tensor& tensor) { return {tensor.dims().begin() + 2, tensor.dims().end()}; }

TEST(Conv, IsTheSumOverItsTaps) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c(seed);
    const auto groups = static_cast<std::int64_t>(1 + c.random.below(2)),
               in = static_cast<std::int64_t>(1 + c.random.below(3)),
               out = static_cast<std::int64_t>(1 + c.random.below(9));  // a few, or many: other loops
    const ElementType type = seed % 3 == 0 ? ElementType::float64 : ElementType::float32;
    const Tensor x = random_tensor(type, with(2, groups * in, c.image), c.random),
                 weights = random_tensor(type, with(groups * out, in, c.kernel), c.random),
                 bias = random_tensor(type, {groups * out}, c.random);
    auto attributes = c.attributes();
    attributes["group"] = groups;
    const Tensor y = run_node(one_node("Conv", 11, attributes), {x, weights, bias})[0];
    std::vector<double> expected(y.count());
    const std::vector<double> xs = c.numbers(x), ws = c.numbers(weights), bs = c.numbers(bias);
    const std::size_t windows = y.count() / static_cast<std::size_t>(2 * groups * out),
                      size = x.count() / static_cast<std::size_t>(2 * groups * in),
                      taps = static_cast<std::size_t>(element_count(c.kernel));
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(2 * groups * out); ++plane) {
      const std::size_t channel = plane % bs.size(), group = plane / static_cast<std::size_t>(out);
      for (std::size_t w = 0; w < windows; ++w) expected[plane * windows + w] = bs[channel];
      for (std::size_t k = 0; k < static_cast<std::size_t>(in); ++k)
        c.for_places(places_of(y), [&](std::size_t w, std::size_t t, std::size_t place) {
          expected[plane * windows + w] += ws[(channel * static_cast<std::size_t>(in) + k) * taps + t] *
                                           xs[(group * static_cast<std::size_t>(in) + k) * size + place];
        });
    }
    EXPECT_THAT(c.numbers(y), Pointwise(DoubleNear(1e-3), expected)) << "seed " << seed;
  }
}

/// <Conv(x), y> = <x, ConvTranspose(y)> for the same weights.
TEST(ConvTranspose, IsTheTransposeOfConv) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case c(seed);
    const auto groups = static_cast<std::int64_t>(1 + c.random.below(2)),
               in = static_cast<std::int64_t>(1 + c.random.below(3)),
               out = static_cast<std::int64_t>(1 + c.random.below(6));
    auto attributes = c.attributes();
    attributes["group"] = groups;
    const Tensor x = random_tensor(ElementType::float32, with(2, groups * in, c.image), c.random),
                 weights = random_tensor(ElementType::float32, with(groups * out, in, c.kernel), c.random);
    const Tensor forward = run_node(one_node("Conv", 11, attributes), {x, weights})[0];
    const Tensor y = random_tensor(ElementType::float32, forward.dims(), c.random);
    Ints rest;  // places at the end that no window reaches
    for (std::size_t i = 0; i < c.axes; ++i)
      rest.push_back((c.image[i] + c.pads[i] + c.pads[c.axes + i] - (c.kernel[i] - 1) * c.dilations[i] - 1) %
                     c.strides[i]);
    attributes["output_padding"] = rest;
    const Tensor back = run_node(one_node("ConvTranspose", 11, attributes), {y, weights})[0];
    ASSERT_EQ(back.dims(), x.dims());
    const auto product = [&](const Tensor& a, const Tensor& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.count(); ++i) sum += c.numbers(a)[i] * c.numbers(b)[i];
      return sum;
    };
    const double left = product(forward, y);
    EXPECT_NEAR(left, product(x, back), 1e-3 * (1 + std::abs(left))) << "seed " << seed;
  }
}

TEST(Pools, ReduceWhatTheirWindowsCover) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c(seed);
    for (std::size_t i = 0; i < 2 * c.axes; ++i)
      c.pads[i] = std::min(c.pads[i], (c.kernel[i % c.axes] - 1) * c.dilations[i % c.axes]);
    const Tensor x = random_tensor(ElementType::float32, with(2, 3, c.image), c.random);
    const std::vector<Tensor> largest = run_node(one_node("MaxPool", 12, c.attributes(), 2), {x});
    const Tensor mean = run_node(one_node("AveragePool", 19, c.attributes()), {x})[0],
                 norm = run_node(one_node("LpPool", 18, c.attributes()), {x})[0];
    const std::size_t windows = mean.count() / 6, size = x.count() / 6;
    const std::vector<double> xs = c.numbers(x);
    for (std::size_t plane = 0; plane < 6; ++plane) {
      std::vector<double> max(windows, -9), sum(windows), count(windows), squares(windows),
          place(windows, -1);
      c.for_places(places_of(mean), [&](std::size_t w, std::size_t, std::size_t at) {
        const double value = xs[plane * size + at];
        if (value > max[w]) place[w] = static_cast<double>(plane * size + at);
        max[w] = std::max(max[w], value);
        sum[w] += value;
        squares[w] += value * value;
        count[w] += 1;
      });
      for (std::size_t w = 0; w < windows; ++w) {
        if (count[w] == 0) continue;
        EXPECT_FLOAT_EQ(elements<float>(largest[0])[plane * windows + w], static_cast<float>(max[w]));
        EXPECT_EQ(static_cast<double>(elements<std::int64_t>(largest[1])[plane * windows + w]), place[w]);
        EXPECT_NEAR(elements<float>(mean)[plane * windows + w], sum[w] / count[w], 1e-5);
        EXPECT_NEAR(elements<float>(norm)[plane * windows + w], std::sqrt(squares[w]), 1e-5);
      }
    }
  }
}

TEST(Pools, OverEverythingAreTheGlobalOnes) {
  const Tensor x = counted({2, 3, 4, 5});
  for (const std::string op : {"MaxPool", "AveragePool", "LpPool"}) {
    const Tensor whole_image = run_node(one_node(op, 18, {{"kernel_shape", Ints{4, 5}}}), {x})[0];
    EXPECT_EQ(elements<float>(run_node(one_node("Global" + op, 18), {x})[0]), elements<float>(whole_image));
  }
}

TEST(Pools, CountThePaddingWhereTheyAreToldTo) {
  const Tensor x = tensor<float>({1, 1, 3}, {3, 6, 9});
  const auto mean = [&](std::int64_t include, std::int64_t ceil) {
    return elements<float>(run_node(one_node("AveragePool", 19,
                                             {{"kernel_shape", Ints{3}},
                                              {"strides", Ints{2}},
                                              {"pads", Ints{1, 0}},
                                              {"ceil_mode", ceil},
                                              {"count_include_pad", include}}),
                                    {x})[0]);
  };
  EXPECT_THAT(mean(0, 0), ElementsAre(4.5f));
  EXPECT_THAT(mean(1, 0), ElementsAre(3.0f));
  // The last window ends outside of the padding too, where nothing is counted.
  EXPECT_THAT(mean(1, 1), ElementsAre(3.0f, 7.5f));
}

TEST(MaxPool, CountsPlacesByColumnsWhereToldTo) {
  const Tensor x = tensor<float>({1, 1, 2, 3}, {0, 1, 9, 2, 3, 4});
  const auto place = [&](std::int64_t order) {
    return elements<std::int64_t>(run_node(
        one_node("MaxPool", 12, {{"kernel_shape", Ints{2, 3}}, {"storage_order", order}}, 2), {x})[1]);
  };
  EXPECT_THAT(place(0), ElementsAre(2));
  EXPECT_THAT(place(1), ElementsAre(4));
}

TEST(AutoPad, GivesTheWindowsOfTensorFlow) {
  const Tensor x = counted({1, 1, 6}), ones = tensor<float>({1, 1, 4}, {1, 1, 1, 1});
  const auto pooled = [&](const char* pad) {
    return elements<float>(
        run_node(one_node("Conv", 11, {{"auto_pad", pad}, {"strides", Ints{2}}}), {x, ones})[0]);
  };
  EXPECT_THAT(pooled("VALID"), ElementsAre(6, 5));           // 0 1 2 3, 2 3 4 -4
  EXPECT_THAT(pooled("SAME_UPPER"), ElementsAre(3, 10, 3));  // . 0 1 2, 1 2 3 4, 3 4 -4 .
  EXPECT_THAT(pooled("SAME_LOWER"), ElementsAre(3, 10, 3));
  const Tensor three = tensor<float>({1, 1, 3}, {1, 1, 1});
  const auto odd = [&](const char* pad) {
    return elements<float>(
        run_node(one_node("Conv", 11, {{"auto_pad", pad}, {"strides", Ints{2}}}), {x, three})[0]);
  };
  EXPECT_THAT(odd("SAME_UPPER"), ElementsAre(3, 9, 0));  // 0 1 2, 2 3 4, 4 -4 .
  EXPECT_THAT(odd("SAME_LOWER"), ElementsAre(1, 6, 3));  // . 0 1, 1 2 3, 3 4 -4
}

TEST(Windows, ThatAreNoneAreRefused) {
  const Tensor x = counted({1, 4, 5, 5}), weights = counted({2, 4, 3, 3});
  const auto why = [&](std::map<std::string, AttributeValue, std::less<>> attributes, const Tensor& w) {
    return refusal([&] { run_node(one_node("Conv", 11, attributes), {x, w}); });
  };
  EXPECT_THAT(why({{"strides", Ints{0, 1}}}, weights), HasSubstr("strides cannot be [0, 1]"));
  EXPECT_THAT(why({{"pads", Ints{0, 0, 0, -1}}}, weights), HasSubstr("pads cannot be"));
  EXPECT_THAT(why({{"pads", Ints{0, 0}}}, weights), HasSubstr("pads must be 4 numbers"));
  EXPECT_THAT(why({{"dilations", Ints{1, std::int64_t{1} << 62}}}, weights),
              HasSubstr("dilations cannot be"));
  EXPECT_THAT(why({{"dilations", Ints{1, 3}}}, weights),
              HasSubstr("a window of 7 does not fit into the 5 of axis 3"));
  EXPECT_THAT(why({{"group", std::int64_t{0}}}, weights), HasSubstr("in 0 groups"));
  EXPECT_THAT(why({{"group", std::int64_t{2}}}, weights), HasSubstr("in 2 groups"));
  EXPECT_THAT(why({{"auto_pad", "SAME"}}, weights), HasSubstr("auto_pad 'SAME' is none of"));
  EXPECT_THAT(why({{"kernel_shape", Ints{3, 2}}}, weights), HasSubstr("not that of the weights"));
  EXPECT_THAT(why({}, counted({2, 4, 3})), HasSubstr("do not fit an input of"));
  EXPECT_THAT(why({{"auto_pad", std::int64_t{1}}}, weights), HasSubstr("attribute 'auto_pad'"));
  EXPECT_THAT(
      refusal([&] {
        run_node(one_node("MaxPool", 12, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{2, 0, 0, 0}}}), {x});
      }),
      HasSubstr("without an element"));
  EXPECT_THAT(refusal([&] { run_node(one_node("MaxPool", 12), {x}); }), HasSubstr("kernel_shape is missing"));
  EXPECT_THAT(refusal([&] {
                run_node(one_node("ConvTranspose", 11, {{"strides", Ints{std::int64_t{1} << 31, 1}}}),
                         {x, counted({4, 1, 2, 2})});
              }),
              HasSubstr("too large"));
}

}  // namespace
}  // namespace halfwave
