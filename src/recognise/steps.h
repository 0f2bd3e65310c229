#pragma once
#include <memory>
#include <string>
#include <vector>

#include "layers/layer.h"
#include "layers/operators.h"
#include "recognise/view.h"

namespace halfwave {

/// A tensor of a layer to be, as a TensorLink has it.
struct StepTensor {
  static constexpr std::size_t kNoNode = ~std::size_t{0};

  std::size_t node = kNoNode;  ///< none: the numbers are in no constant of the graph
  std::size_t input = 0;
  Tensor constant;  ///< floating; of one element, or spread to dims
  Dims dims;
  std::vector<std::uint32_t> places;
  float factor = 1.0f;
  bool reciprocal = false;

  /// The tensor's numbers.
  std::vector<float> numbers() const;
};

/// A layer to be.
struct Step {
  const LayerInfo* kind = nullptr;
  std::vector<double> fields;
  std::vector<std::size_t> inputs;  ///< steps, or kInputStep
  Shape output;
  std::string name;  ///< of the node that makes its output; "" for none
  std::vector<StepTensor> tensors;
  std::shared_ptr<const OperatorRegion> region;  ///< of one that runs operators; kind is then null

  std::unique_ptr<Layer> make() const { return region ? make_operators(region) : kind->make(*kind, fields); }
};

/// What the network's input is made of.
struct InputStep {
  bool fixed = false;  ///< some step takes it
  Dims dims;           ///< of an example, as the file has it
  Shape shape;
  std::vector<std::uint32_t>
      order;  ///< of the network's numbers, channel by channel, in the file's; empty: same
  std::vector<float> mean, scale;  ///< of the file's numbers; empty: 0 and 1

  std::size_t numbers() const;
};

/// Where the layers of a part of the graph go: a NetworkLine by numbers of steps.
struct StepLine {
  struct Item {
    std::size_t step;
    std::vector<StepLine> branches;
  };
  std::vector<Item> items;
};

/// The steps from the output of `from` on to that of `to`, in lines with branches, each step once; or nothing
/// where they are no such lines.
std::optional<StepLine> line_of(const std::vector<Step>& steps, std::size_t from, std::size_t to);

}  // namespace halfwave
