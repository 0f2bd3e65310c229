#include "io/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <utility>

#include "core/file.h"
#include "graph/read_line.h"
#include "halfwave/error.h"
#include "io/model_file_schema.h"
#include "io/onnx_export.h"
#include "io/onnx_import.h"
#include "io/onnx_original.h"
#include "io/original_file.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLargest = INT_MAX;  // of a protobuf message, and so of an ONNX file in one piece

void check_finite(std::span<const float> numbers, const std::string& name) {
  const auto bad = std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (bad == numbers.end()) return;
  throw Error(
      ErrorKind::diverged,
      fmt::format("the model is not written: tensor '{}' is not finite at place {}; did training diverge?",
                  name, bad - numbers.begin()));
}

void check_weights(const Network& network) {
  for (const NetworkTensor& tensor : network.tensors()) check_finite(network.get(tensor), tensor.name);
}

/// What write_model needs of its caller, and what read_model refuses.
void check_parts(const ModelParts& parts) {
  const Preprocessing& p = parts.preprocessing;
  const std::size_t features = parts.network.inputs(), outputs = parts.network.outputs();
  check_schema(parts.schema);
  check_outputs(parts.schema, outputs);
  const std::size_t targets = parts.schema.task == Task::regression ? outputs : 0;
  // As reading the file will make it.
  const Shape input = input_shape(read_network_line(parts.network.line()), parts.schema.shape);
  if (input != parts.network.input() || p.mean.size() != features || p.scale.size() != features ||
      p.target_mean.size() != targets || p.target_scale.size() != targets)
    throw input_error("schema, preprocessing and network differ in their inputs or outputs");
  check_weights(parts.network);
  check_finite(p.mean, onnx_names::kMean);
  check_finite(p.scale, onnx_names::kScale);
  check_finite(p.target_mean, onnx_names::kTargetMean);
  check_finite(p.target_scale, onnx_names::kTargetScale);
  for (const Column& column : parts.schema.columns)
    check_finite(std::span(&column.fill, 1), "fill of " + column.name);
}

onnx::ModelProto parse(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) throw input_error("the file is empty");
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph())
    throw input_error("not an ONNX file, or damaged or cut short");
  return model;
}

/// A message that may hold texts from the file: one line, and no longer than people read.
std::string one_line(std::string_view message) {
  constexpr std::size_t kLongest = 4000;  // all operators that are known have room
  std::string text = valid_utf8(message.substr(0, kLongest));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return message.size() > kLongest ? text + " …" : text;
}

Error too_large() { return input_error("larger than 2 GiB, the most that an ONNX file in one piece can be"); }

/// The error with the file's name.
Error at_file(const fs::path& path, const Error& error) {
  return {error.kind(), fmt::format("{}: {}", path.string(), one_line(error.what()))};
}

/// Why a model of another program's file cannot be written in Halfwave's own format; "" where it can.
std::string reason_against_own_format(const ModelParts& parts) {
  const Network& network = parts.network;
  for (std::size_t i = 0; i < network.size(); ++i)
    if (!network.layer(i).has_backward())
      return fmt::format("layer '{}' runs operators of the file that have no layer", network.layer_name(i));
  if (!parts.preprocessing.order.empty()) return "the model takes the numbers of an example in another order";
  if (input_shape(read_network_line(network.line()), parts.schema.shape) != network.input())
    return "the model takes examples in another shape";
  return "";
}

onnx::ModelProto to_own(const ModelParts& parts) {
  check_parts(parts);
  return to_onnx(parts, Weights::included);
}

/// As Halfwave names them.
Network with_own_names(const Network& from) {
  Network network(read_network_line(from.line()), from.input());
  std::copy(from.values().begin(), from.values().end(), network.values().begin());
  return network;
}

onnx::ModelProto to_proto(const ModelParts& parts) {
  if (!parts.original) return to_own(parts);
  check_weights(parts.network);
  try {
    return to_original(parts);
  } catch (const Error& error) {
    // A layer has learned what the file has no constant for: better as a file of Halfwave's own than lost.
    if (error.kind() != ErrorKind::usage || !reason_against_own_format(parts).empty()) throw;
  }
  return to_own({with_own_names(parts.network), parts.schema, parts.preprocessing, parts.facts});
}

}  // namespace

Bytes encode_model(const ModelParts& parts) {
  std::size_t numbers = 0;
  for (const NetworkTensor& tensor : parts.network.tensors()) numbers += tensor.spec.count();
  if (numbers > kLargest / sizeof(float)) throw too_large();
  const onnx::ModelProto model = to_proto(parts);
  const std::size_t size = model.ByteSizeLong();
  if (size > kLargest) throw too_large();
  Bytes bytes(size);
  model.SerializeWithCachedSizesToArray(bytes.data());
  return bytes;
}

void write_model(const ModelParts& parts, const fs::path& path) {
  Bytes bytes;
  try {
    bytes = encode_model(parts);
  } catch (const Error& error) {
    throw at_file(path, error);
  }
  write_file_atomically(path, {bytes});
}

std::string own_format_after_training(const ModelParts& parts) {
  if (!parts.original) return "";
  const std::vector<TensorLink>& links = parts.original->links;
  for (std::size_t t = 0; t < parts.network.tensors().size(); ++t) {
    const NetworkTensor& tensor = parts.network.tensors()[t];
    if (!tensor.spec.learned || std::ranges::find(links, t, &TensorLink::tensor) != links.end()) continue;
    const std::string what =
        fmt::format("Layer '{}' learns its {}, for which the model file has no place among its constants",
                    parts.network.layer_name(tensor.layer), tensor.spec.name);
    if (const std::string reason = reason_against_own_format(parts); !reason.empty())
      throw usage_error(fmt::format(
          "{}; nor can the model be written in Halfwave's own format: {}. So it cannot be trained further.",
          what, reason));
    return what + ": the model will be written in Halfwave's own format, with other names.";
  }
  return "";
}

ModelParts decode_model(std::span<const std::uint8_t> bytes, const fs::path& folder) {
  if (bytes.size() > kLargest) throw too_large();
  onnx::ModelProto model = parse(bytes);
  return is_own(model) ? from_onnx(model) : from_original(std::move(model), folder);
}

ModelParts read_model(const fs::path& path) {
  std::error_code unknown;  // where it is no regular file; reading it says what is wrong
  const std::uintmax_t size = fs::file_size(path, unknown);
  if (!unknown && size > kLargest) throw at_file(path, too_large());
  const Bytes bytes = read_file(path);
  try {
    return decode_model(bytes, path.parent_path());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::fault) throw;
    throw at_file(path, input_error(error.what()));
  }
}

}  // namespace halfwave
