// Lost if these fail: a file with senseless attributes, shapes or numbers would not be an error that names
// the node but a crash, a read outside of a tensor, or minutes of work; and what is inferred of a graph
// before it runs would not be what comes out.
#include <gmock/gmock.h>

#include <limits>

#include "operator_samples.h"

namespace halfwave {
namespace {

TEST(EveryOperator, GivesWhatWasInferred) {
  for (const OperatorSample& sample : operator_samples()) {
    SCOPED_TRACE(sample.node.place());
    OperatorGraph graph = graph_of(sample.node, sample.inputs);
    std::vector<Tensor> inputs;
    std::vector<Dims> dims;
    for (const Tensor& input : sample.inputs)
      if (input) inputs.push_back(input), dims.push_back(input.dims());
    const std::vector<Tensor> outputs = run_graph(graph, inputs);
    // Where the inputs are constants all is known; where only their shapes are, nothing that is told differs.
    const auto from_shapes = infer_graph(graph, dims);
    for (std::size_t i = 0; const GraphValue& input : graph.inputs) graph.constants[input.name] = inputs[i++];
    graph.inputs.clear();
    const auto folded = infer_graph(graph, {});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string name = sample.node.outputs[i];
      EXPECT_EQ(folded.at(name).type, outputs[i].type());
      EXPECT_EQ(folded.at(name).dims, outputs[i].dims());
      ASSERT_TRUE(folded.at(name).value);
      EXPECT_EQ(folded.at(name).value.dims(), outputs[i].dims());
      EXPECT_EQ(from_shapes.at(name).type, outputs[i].type());
      if (from_shapes.at(name).dims) {
        EXPECT_EQ(from_shapes.at(name).dims, outputs[i].dims());
      }
    }
  }
}

/// All numbers of a value.
std::vector<double> numbers(const Tensor& value) {
  if (value.type() != ElementType::sequence) return elements<double>(value.cast(ElementType::float64));
  std::vector<double> all;
  for (const Tensor& tensor : value.elements<Tensor>())
    std::ranges::copy(numbers(tensor), std::back_inserter(all));
  return all;
}

TEST(EveryOperator, TakesAnyNumberOfThreads) {
  for (const OperatorSample& sample : operator_samples()) {
    SCOPED_TRACE(sample.node.place());
    const OperatorGraph graph = graph_of(sample.node, sample.inputs);
    std::vector<Tensor> inputs;
    for (const Tensor& input : sample.inputs)
      if (input) inputs.push_back(input);
    const Tensor one = run_graph(graph, inputs, 1)[0], four = run_graph(graph, inputs, 4)[0];
    EXPECT_EQ(numbers(one), numbers(four));
  }
}

/// Draws what nobody would write.
class Nonsense {
 public:
  explicit Nonsense(std::uint64_t seed) : random_(seed, 0) {}

  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(random_.uniform_double() * static_cast<double>(n));
  }

  std::int64_t number() {
    constexpr std::int64_t kNumbers[] = {std::numeric_limits<std::int64_t>::min(),
                                         -(std::int64_t{1} << 62),
                                         -(std::int64_t{1} << 31),
                                         -7,
                                         -2,
                                         -1,
                                         0,
                                         1,
                                         2,
                                         3,
                                         5,
                                         8,
                                         1000,
                                         (std::int64_t{1} << 31) - 1,
                                         std::int64_t{1} << 31,
                                         std::int64_t{1} << 62,
                                         std::numeric_limits<std::int64_t>::max()};
    return kNumbers[below(std::size(kNumbers))];
  }

  Dims dims() {
    constexpr std::int64_t kLengths[] = {0, 1, 1, 2, 3, 4, 5};
    Dims dims(below(6));
    for (std::int64_t& dim : dims) dim = kLengths[below(std::size(kLengths))];
    return dims;
  }

  Tensor tensor() {
    constexpr ElementType kTypes[] = {ElementType::float32, ElementType::float32, ElementType::float64,
                                      ElementType::int64,   ElementType::int32,   ElementType::uint8,
                                      ElementType::boolean, ElementType::float16, ElementType::text};
    switch (below(8)) {
      case 0:
        return sequence(std::vector<Tensor>(below(3), Tensor(kTypes[below(std::size(kTypes))], dims())));
      case 1:
      case 2:
        return Tensor();
      case 3:
      case 4: {
        std::vector<std::int64_t> numbers(below(5));
        for (std::int64_t& n : numbers) n = number();
        const auto count = static_cast<std::int64_t>(numbers.size());
        return Tensor::of<std::int64_t>({count}, numbers)
            .cast(below(2) == 0 ? ElementType::int64 : ElementType::float32);
      }
      default:
        return Tensor(kTypes[below(std::size(kTypes))], dims());
    }
  }

  void spoil(AttributeValue& value) {
    if (below(12) == 0) value = number();
    if (auto* one = std::get_if<std::int64_t>(&value)) *one = number();
    if (auto* real = std::get_if<float>(&value)) *real = static_cast<float>(number());
    if (auto* text = std::get_if<std::string>(&value)) *text = below(2) == 0 ? "" : "SAME_UPPER";
    if (auto* several = std::get_if<Ints>(&value)) {
      if (below(4) == 0) several->resize(below(6), number());
      if (!several->empty()) (*several)[below(several->size())] = number();
    }
    if (auto* reals = std::get_if<std::vector<float>>(&value))
      if (!reals->empty()) (*reals)[below(reals->size())] = static_cast<float>(number());
  }

  void spoil(OperatorSample& sample) {
    switch (below(5)) {
      case 0:
        if (!sample.inputs.empty()) sample.inputs[below(sample.inputs.size())] = tensor();
        break;
      case 1: {
        if (sample.inputs.empty()) break;
        Tensor& input = sample.inputs[below(sample.inputs.size())];
        if (!input || input.type() != ElementType::int64 || input.count() == 0) break;
        std::vector<std::int64_t> numbers = input.integers();
        numbers[below(numbers.size())] = number();
        input = Tensor::of<std::int64_t>(input.dims(), numbers);
        break;
      }
      case 2:
        if (below(4) == 0) sample.inputs.resize(below(6));
        if (below(4) == 0) sample.node.outputs.resize(below(5), "more");
        if (below(4) == 0) sample.node.opset = static_cast<std::int64_t>(below(26));
        break;
      default:
        if (sample.node.attributes.empty()) break;
        auto at = sample.node.attributes.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(below(sample.node.attributes.size())));
        spoil(at->second);
    }
  }

 private:
  Random random_;
};

constexpr int kSeeds = 4000;

TEST(EveryOperator, RefusesNonsenseOrGivesWhatItInferred) {
  const std::vector<OperatorSample> samples = operator_samples();
  int refused = 0, taken = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Nonsense nonsense(static_cast<std::uint64_t>(seed));
    OperatorSample sample = samples[nonsense.below(samples.size())];
    for (std::size_t i = 0; i <= nonsense.below(3); ++i) nonsense.spoil(sample);
    SCOPED_TRACE(fmt::format("{}, seed {}", sample.node.place(), seed));
    OperatorGraph graph = graph_of(sample.node, sample.inputs);
    for (std::size_t i = 0; i < sample.inputs.size(); ++i)
      if (sample.inputs[i]) graph.constants[graph.nodes[0].inputs[i]] = sample.inputs[i];
    graph.inputs.clear();
    try {
      // Constants are folded up to a size that a test can afford.
      const auto infos = infer_graph(graph, {});
      ++taken;
      for (const std::string& output : sample.node.outputs)
        if (const auto info = infos.find(output); info != infos.end() && info->second.value) {
          EXPECT_EQ(info->second.type, info->second.value.type());
          EXPECT_EQ(info->second.dims.value_or(info->second.value.dims()), info->second.value.dims());
        }
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
      EXPECT_THAT(error.what(), testing::StartsWith("node 'it'"));
    }
  }
  EXPECT_GT(refused, kSeeds / 4);
  EXPECT_GT(taken, kSeeds / 10);
}

}  // namespace
}  // namespace halfwave
