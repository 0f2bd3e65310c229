#include "train/run_layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <algorithm>

#include "core/suggest.h"
#include "core/team.h"
#include "layers/transpose.h"
#include "train/check_examples.h"
#include "train/evaluator.h"

namespace halfwave {
namespace {

std::vector<std::int64_t> channels_first(const Shape& shape) {
  const auto whole = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  if (shape.rank == 0) return {whole(shape.channels)};
  if (shape.rank == 1) return {whole(shape.channels), whole(shape.width)};
  return {whole(shape.channels), whole(shape.height), whole(shape.width)};
}

}  // namespace

void SparseRows::add(std::span<const float> row) {
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (row[j] == 0.0f) continue;
    indices.push_back(static_cast<std::int32_t>(j));
    values.push_back(row[j]);
  }
  starts.push_back(static_cast<std::int64_t>(values.size()));
}

int team_of(int threads) { return threads > 0 ? std::min(threads, 1024) : available_threads(); }

std::vector<LayerSummary> layers_of(const Network& network) {
  std::vector<LayerSummary> layers;
  for (std::size_t i = 0; i < network.size(); ++i)
    layers.push_back(
        {network.layer_name(i), network.layer(i).line(), channels_first(network.layer(i).output())});
  for (const NetworkTensor& tensor : network.tensors())
    if (tensor.spec.learned) layers[tensor.layer].parameters += tensor.spec.count();
  return layers;
}

std::size_t find_layer(const Network& network, std::string_view name) {
  constexpr std::size_t kMostNamed = 100;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < network.size(); ++i) {
    if (network.layer_name(i) == name) return i;
    names.push_back(network.layer_name(i));
  }
  const std::string near = did_you_mean(name, names);
  const bool more = names.size() > kMostNamed;
  if (more) names.resize(kMostNamed);
  throw usage_error(fmt::format("The network has no layer '{}'.{} Its layers are {}{}.", name, near,
                                fmt::join(names, ", "), more ? ", …" : ""));
}

void run_layer(ModelParts& model, std::size_t layer, const Examples& examples, int threads,
               const std::function<void(std::size_t done, std::span<const float> rows)>& take) {
  check_examples(examples, model.schema, Labels::unused, "The data");
  const Shape& shape = model.network.layer(layer).output();
  const std::size_t positions = shape.positions(), numbers = shape.numbers();
  std::vector<float> rows;
  Evaluator evaluator(model, layer + 1, examples.count, threads);
  evaluator.run(examples, [&](std::size_t first, std::size_t count, const Plan& plan) {
    const std::size_t stride = plan.output_stride();
    rows.resize(count * numbers);
    for (std::size_t i = 0; i < count; ++i) {
      const float* const from = plan.output() + i * positions * stride;
      float* const to = rows.data() + i * numbers;
      if (positions == 1)
        std::copy_n(from, numbers, to);
      else
        transpose(from, stride, positions, shape.channels, to, positions);
    }
    take(first + count, rows);
  });
}

}  // namespace halfwave
