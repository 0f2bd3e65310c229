#include "try_model.h"

#include <halfwave/error.h>
#include <halfwave/model.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "io/model_file.h"
#include "io/onnx_decode.h"

namespace halfwave::test {
namespace {

constexpr char kNowhere[] = "/nowhere";  // no tensors in other files

/// What f gives; nothing where it throws an Error about the input. A network with numbers that are not finite
/// is not written (diverged).
template <class F>
auto attempt(F&& f) -> std::optional<decltype(f())> {
  try {
    return f();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::diverged) throw;
    return {};
  }
}

/// The graph's inputs, zero, every open dimension 1.
std::vector<Tensor> zeros_for(const OperatorGraph& graph) {
  std::vector<Tensor> zeros;
  for (const GraphValue& input : graph.inputs) {
    Dims dims = input.dims;
    std::replace(dims.begin(), dims.end(), std::int64_t{-1}, std::int64_t{1});
    if (element_count(dims) > (1 << 16)) throw input_error("larger than what is computed here");
    zeros.emplace_back(input.type, std::move(dims));
    if (input.type == ElementType::sequence)
      std::ranges::fill(zeros.back().elements<Tensor>(), Tensor(input.element, {}));
  }
  return zeros;
}

/// Whether the whole graph is computed in an instant.
bool is_small(const OperatorGraph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Dims> dims;
  for (const Tensor& input : inputs) dims.push_back(input.dims());
  std::int64_t elements = 0;
  for (const auto& [name, info] : infer_graph(graph, dims)) {
    if (!info.dims) return false;
    elements += element_count(*info.dims);
  }
  return elements < (1 << 14);
}

/// Computes the graph; whether it is small.
bool compute(std::span<const std::uint8_t> bytes) {
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) return false;
  const OperatorGraph graph = decode_graph(model, kNowhere);
  check_operators(graph);
  const std::vector<Tensor> zeros = zeros_for(graph);
  if (!is_small(graph, zeros)) return false;
  attempt([&] { return run_graph(graph, zeros); });
  return true;
}

std::vector<float> predict(const Model& model) {
  return model.predict(std::vector<float>(model.schema().features()), 1, 1);
}

}  // namespace

void try_model(std::span<const std::uint8_t> bytes) {
  const bool small = attempt([&] { return compute(bytes); }).value_or(false);
  const auto parts =
      attempt([&] { return std::make_shared<ModelParts>(decode_model(bytes, kNowhere)); }).value_or(nullptr);
  if (!parts || !small) return;
  const auto prediction = attempt([&] { return predict(Model(parts)); });
  const auto written = attempt([&] { return encode_model(*parts); });
  if (!prediction || !written) return;
  const std::vector<float> again =
      predict(Model(std::make_shared<ModelParts>(decode_model(*written, kNowhere))));
  if (again.size() != prediction->size() ||
      std::memcmp(again.data(), prediction->data(), again.size() * sizeof(float)) != 0)
    throw std::logic_error("the model that was written is another function than the one that was read");
}

}  // namespace halfwave::test
