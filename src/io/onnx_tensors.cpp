#include "io/onnx_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "halfwave/error.h"
#include "io/onnx_graph.h"

namespace halfwave {
namespace {

Error wrong(const std::string& tensor, const std::string& what) {
  return input_error(fmt::format("tensor '{}' {}", tensor, what));
}

/// How many numbers the tensor says it has; checks that it has them.
std::size_t checked_count(const onnx::TensorProto& tensor) {
  const std::string& name = tensor.name();
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0)
    throw wrong(name, "is stored in another file; Halfwave reads models in one file");
  if (tensor.data_type() != onnx::TensorProto::FLOAT) throw wrong(name, "is not of 32-bit floats");
  const bool raw = tensor.has_raw_data();
  if (raw && (tensor.raw_data().size() % sizeof(float) != 0 || tensor.float_data_size() > 0))
    throw wrong(name, "is damaged: its bytes are not whole numbers");
  const std::size_t present =
      raw ? tensor.raw_data().size() / sizeof(float) : static_cast<std::size_t>(tensor.float_data_size());
  std::size_t declared = 1;
  for (const std::int64_t size : tensor.dims()) {
    // Up to `present` the product cannot overflow; beyond it the tensor is wrong anyway.
    if (size < 1 || static_cast<std::uint64_t>(size) > present / declared)
      throw wrong(name, fmt::format("is damaged: shape [{}], but {} numbers", fmt::join(tensor.dims(), ", "),
                                    present));
    declared *= static_cast<std::size_t>(size);
  }
  if (declared != present)
    throw wrong(
        name, fmt::format("is damaged: shape [{}], but {} numbers", fmt::join(tensor.dims(), ", "), present));
  return present;
}

bool has_shape(const onnx::TensorProto& tensor, std::span<const std::size_t> shape) {
  return std::equal(tensor.dims().begin(), tensor.dims().end(), shape.begin(), shape.end(),
                    [](std::int64_t a, std::size_t b) { return static_cast<std::uint64_t>(a) == b; });
}

std::vector<float> numbers_of(const onnx::TensorProto& tensor) {
  std::vector<float> numbers;
  if (tensor.has_raw_data()) {
    numbers.resize(tensor.raw_data().size() / sizeof(float));
    if (!numbers.empty()) std::memcpy(numbers.data(), tensor.raw_data().data(), tensor.raw_data().size());
  } else {
    numbers.assign(tensor.float_data().begin(), tensor.float_data().end());
  }
  const auto bad = std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (bad != numbers.end())
    throw wrong(tensor.name(),
                fmt::format("is not finite at place {}: the file is damaged, or training diverged",
                            bad - numbers.begin()));
  return numbers;
}

}  // namespace

OnnxTensors::OnnxTensors(const onnx::GraphProto& graph) {
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    numbers_ += checked_count(tensor);
    if (!tensors_.emplace(tensor.name(), &tensor).second) throw wrong(tensor.name(), "is there twice");
  }
}

const onnx::TensorProto& OnnxTensors::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw wrong(name, "is missing");
  return *found->second;
}

void OnnxTensors::check_shape(const std::string& name, std::span<const std::size_t> shape) const {
  const onnx::TensorProto& tensor = find(name);
  if (!has_shape(tensor, shape))
    throw wrong(name, fmt::format("has shape [{}] where the network needs [{}]",
                                  fmt::join(tensor.dims(), ", "), fmt::join(shape, ", ")));
}

std::vector<float> OnnxTensors::get(const std::string& name, std::span<const std::size_t> shape) const {
  check_shape(name, shape);
  return numbers_of(find(name));
}

std::vector<float> OnnxTensors::get_constant(const std::string& name, const Shape& shape,
                                             float neutral) const {
  if (!has(name)) return std::vector<float>(shape.numbers(), neutral);
  const onnx::TensorProto& tensor = find(name);
  if (tensor.dims().empty()) return std::vector<float>(shape.numbers(), numbers_of(tensor)[0]);
  if (!has_shape(tensor, channel_shape(shape))) return get(name, value_shape(shape));
  std::vector<float> numbers;
  numbers.reserve(shape.numbers());
  for (const float number : numbers_of(tensor)) numbers.insert(numbers.end(), shape.positions(), number);
  return numbers;
}

}  // namespace halfwave
