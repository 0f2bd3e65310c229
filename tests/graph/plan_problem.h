#pragma once
// A network with random numbers, its plan's inputs, and what it computes according to the references of its
// layers, in double.
#include <gtest/gtest.h>

#include <ostream>

#include "graph/plan.h"
#include "graph/read_line.h"
#include "layers/layer_testing.h"

namespace halfwave {

class NoSink final : public UpdateSink {
 public:
  Companions companions() const override { return {}; }
  void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
};

/// A network line and the input that it is for.
struct PlanCase {
  const char* line;
  Shape input = Shape::row(11);
};

struct Problem {
  static constexpr std::size_t kBatch = 9;

  Network network;
  std::vector<Tensors> tensors;  ///< by layer
  Matrix x, c;                   ///< the input, and the gradient by the output
  float l1;

  Problem(const PlanCase& given, float penalty)
      : network(read_network_line(given.line), given.input), l1(penalty) {
    Random random(21, 22);
    for (std::size_t i = 0; i < network.size(); ++i)
      tensors.push_back(random_tensors(random, network.layer(i)));
    for (const NetworkTensor& tensor : network.tensors()) {
      const std::vector<double>& numbers = tensors[tensor.layer][tensor.index];
      network.set(tensor, std::vector<float>(numbers.begin(), numbers.end()));
    }
    x = random_matrix(random, kBatch * given.input.positions(), given.input.channels);
    c = random_matrix(random, kBatch, network.outputs());
  }

  PlanOptions options(std::size_t batch = kBatch) const { return {batch, true, l1, true}; }
  static StepContext context(std::size_t batch = kBatch, int threads = 1) {
    return {.batch = batch, .training = true, .threads = threads, .seed = 5, .step = 6};
  }

  void fill(Plan& plan, std::size_t batch = kBatch) const {
    for (std::size_t i = 0; i < batch * network.input().positions(); ++i)
      for (std::size_t j = 0; j < x.columns; ++j)
        plan.input()[i * plan.input_stride() + j] = static_cast<float>(x(i, j));
  }
  void fill_gradient(Plan& plan, std::size_t batch = kBatch) const {
    for (std::size_t i = 0; i < batch; ++i)
      for (std::size_t j = 0; j < plan.outputs(); ++j)
        plan.output_gradient()[i * plan.output_stride() + j] = static_cast<float>(c(i, j));
  }
  void step(Plan& plan, std::size_t batch = kBatch, int threads = 1) const {
    NoSink sink;
    fill(plan, batch);
    plan.forward(context(batch, threads));
    fill_gradient(plan, batch);
    plan.backward(context(batch, threads), sink);
  }
  /// The plan's gradient of a tensor without padding.
  static std::vector<double> gradient(const Plan& plan, const NetworkTensor& tensor) {
    const std::vector<float> numbers = tensor.spec.load(plan.gradients().data() + tensor.offset);
    return {numbers.begin(), numbers.end()};
  }

  /// What a layer takes, of the outputs of all layers so far.
  Inputs inputs_of(std::size_t layer, const std::vector<Matrix>& outputs) const {
    Inputs inputs;
    for (const std::size_t from : network.inputs_of(layer))
      inputs.push_back(from == Network::kInput ? x : outputs[from]);
    return inputs;
  }
  /// The output of every layer. What batch norm keeps changes in `numbers`.
  std::vector<Matrix> outputs(std::vector<Tensors>& numbers, const StepContext& step) const {
    std::vector<Matrix> all;
    for (std::size_t i = 0; i < network.size(); ++i) {
      const Inputs inputs = inputs_of(i, all);
      all.push_back(reference_forward(
          {network.layer(i), inputs[0], numbers[i], step, i, joined(network.layer(i), inputs)}));
    }
    return all;
  }
  double loss(std::vector<Tensors> numbers) const {
    const std::vector<Matrix> all = outputs(numbers, context());
    double sum = 0;
    for (std::size_t i = 0; i < network.size(); ++i) {
      if (!network.layer(i).is_activation()) continue;
      for (const double value : all[i].numbers) sum += static_cast<double>(l1) / kBatch * std::fabs(value);
    }
    for (std::size_t k = 0; k < c.numbers.size(); ++k) sum += c.numbers[k] * all.back().numbers[k];
    return sum;
  }
};

}  // namespace halfwave
