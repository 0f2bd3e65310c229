#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <halfwave/model.h>

#include <cmath>
#include <random>

#include "layers/operators.h"
#include "recognise/recognise.h"

namespace halfwave::testing {

/// A graph made node by node, its constants random.
class GraphBuilder {
 public:
  /// dims of the input, the batch in front; -1: any batch.
  explicit GraphBuilder(Dims dims, std::int64_t opset = 17, std::uint32_t seed = 1)
      : opset_(opset), random_(seed) {
    graph.inputs.push_back({.name = "x", .type = ElementType::float32, .dims = std::move(dims), .names = {}});
  }

  std::string node(const std::string& op, std::vector<std::string> inputs,
                   std::map<std::string, AttributeValue, std::less<>> attributes = {},
                   const std::string& name = "") {
    OperatorNode made;
    made.op = op;
    made.opset = opset_;
    made.inputs = std::move(inputs);
    made.attributes = std::move(attributes);
    made.name = name.empty() ? fmt::format("{}_{}", op, graph.nodes.size()) : name;
    made.outputs = {made.name + "_out"};
    graph.nodes.push_back(made);
    return made.outputs[0];
  }
  std::string constant(Tensor tensor) {
    std::string name = fmt::format("c{}", graph.constants.size());
    graph.constants[name] = std::move(tensor);
    return name;
  }
  std::string number(float value) { return constant(Tensor::scalar(value)); }
  std::string integers(const std::vector<std::int64_t>& values) {
    return constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  /// Uniform random numbers.
  std::string numbers(Dims dims, float low = -1.0f, float high = 1.0f) {
    return constant(random(std::move(dims), low, high));
  }
  Tensor random(Dims dims, float low = -1.0f, float high = 1.0f) {
    Tensor made(ElementType::float32, std::move(dims));
    std::uniform_real_distribution<float> draw(low, high);
    for (float& x : made.elements<float>()) x = draw(random_);
    return made;
  }
  std::string gemm(const std::string& x, std::int64_t in, std::int64_t out, const std::string& name = "") {
    return node("Gemm", {x, numbers({out, in}), numbers({out})}, {{"transB", std::int64_t{1}}}, name);
  }
  std::string conv(const std::string& x, std::int64_t in, std::int64_t out, std::int64_t kernel,
                   std::int64_t pad) {
    return node("Conv", {x, numbers({out, in, kernel, kernel}), numbers({out})},
                {{"pads", std::vector<std::int64_t>{pad, pad, pad, pad}}});
  }
  void result(const std::string& value) {
    graph.outputs.push_back(
        {.name = value, .type = ElementType::float32, .dims = {}, .names = {}, .has_dims = false});
  }

  OperatorGraph graph;

 private:
  std::int64_t opset_;
  std::mt19937 random_;
};

/// What the graph's own operators make of examples, all results of an example in one row. A graph for a fixed
/// batch gets so many at a time.
inline std::vector<float> run_operators(const OperatorGraph& graph, const Tensor& x) {
  const Dims& declared = graph.inputs[0].dims;
  const auto count = static_cast<std::size_t>(x.dims()[0]);
  const std::size_t together = declared[0] < 0 ? count : static_cast<std::size_t>(declared[0]);
  const std::size_t features = x.count() / count;
  std::vector<std::vector<float>> rows(count);
  for (std::size_t first = 0; first < count; first += together) {
    Dims dims = x.dims();
    dims[0] = static_cast<std::int64_t>(together);
    const Tensor part =
        Tensor::of<float>(dims, x.elements<float>().subspan(first * features, together * features));
    for (const Tensor& result : run_graph(graph, std::span(&part, 1))) {
      const Tensor floats = result.cast(ElementType::float32);
      const std::size_t each = floats.count() / together;
      for (std::size_t e = 0; e < together; ++e) {
        const auto from = floats.elements<float>().subspan(e * each, each);
        rows[first + e].insert(rows[first + e].end(), from.begin(), from.end());
      }
    }
  }
  std::vector<float> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

inline std::vector<float> run_network(ModelParts parts, const Tensor& x) {
  const Model model(std::make_shared<ModelParts>(std::move(parts)));
  return model.predict(x.elements<float>(), static_cast<std::size_t>(x.dims()[0]), 1);
}

inline void expect_close(const std::vector<float>& got, const std::vector<float>& expected,
                         const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  float largest = 1e-3f;
  for (const float y : expected) largest = std::max(largest, std::fabs(y));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], 2e-5f * largest) << what << ", number " << i;
}

inline Tensor examples_for(GraphBuilder& builder, std::int64_t count = 4) {
  Dims dims = builder.graph.inputs[0].dims;
  dims[0] = count;
  return builder.random(dims, -2.0f, 2.0f);
}

/// The network computes what the graph does; returns its line.
inline std::string expect_same(GraphBuilder& builder, const std::string& what = "") {
  Recognised made = recognise(builder.graph);
  const std::string line = made.parts.network.line();
  const Tensor x = examples_for(builder);
  expect_close(run_network(std::move(made.parts), x), run_operators(builder.graph, x), what + ": " + line);
  return line;
}

}  // namespace halfwave::testing
