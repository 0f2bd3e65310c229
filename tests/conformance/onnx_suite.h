#pragma once
// ONNX's conformance suite as Debian's libonnx-testdata installs it: models, inputs and expected outputs.
#include <onnx/onnx-data_pb.h>
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/tensor_proto.h"
#include "operators/operator.h"

namespace halfwave::test {

namespace fs = std::filesystem;

inline const fs::path kSuite = "/usr/share/libonnx-testdata/data";

template <class Message>
Message read_message(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Message message;
  if (!message.ParseFromIstream(&file)) throw std::runtime_error("cannot read " + path.string());
  return message;
}

/// Whether every node's operator is one that Halfwave declares; the graph may be one that it refuses.
inline bool knows_operators(const onnx::ModelProto& model) {
  std::map<std::string, std::int64_t> opsets;
  for (const auto& opset : model.opset_import()) opsets[opset.domain()] = opset.version();
  for (const onnx::NodeProto& proto : model.graph().node()) {
    OperatorNode node;
    node.op = proto.op_type();
    node.domain = proto.domain();
    node.opset = opsets[node.domain];
    if (!find_operator(node)) return false;
  }
  return true;
}

inline Tensor read_sequence(const fs::path& path) {
  std::vector<Tensor> tensors;
  const auto message = read_message<onnx::SequenceProto>(path);
  for (const onnx::TensorProto& tensor : message.tensor_values()) tensors.push_back(decode_tensor(tensor));
  return Tensor::of<Tensor>({std::ssize(tensors)}, tensors);
}

/// One data set of a case: input_0.pb, input_1.pb, … of the declared values.
inline std::vector<Tensor> read_tensors(const std::vector<GraphValue>& declared, const fs::path& folder,
                                        const std::string& prefix) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0;; ++i) {
    const fs::path path = folder / (prefix + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return tensors;
    const bool sequence = i < declared.size() && declared[i].type == ElementType::sequence;
    tensors.push_back(sequence ? read_sequence(path) : decode_tensor(read_message<onnx::TensorProto>(path)));
  }
}

/// The data sets of a case.
inline std::vector<fs::path> data_sets(const fs::path& folder) {
  std::vector<fs::path> sets;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory()) sets.push_back(entry.path());
  return sets;
}

}  // namespace halfwave::test
