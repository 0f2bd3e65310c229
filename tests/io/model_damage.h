#pragma once
// Good model files, ways to damage them, and a fixture that reads the result.
#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <fstream>

#include "halfwave/error.h"
#include "io/model_file.h"
#include "io/model_samples.h"
#include "io/onnx_export.h"

namespace halfwave::test {

class ModelDamage : public testing::Test {
 protected:
  ModelDamage()
      : path_(std::filesystem::path(testing::TempDir()) / fmt::format("model_damage_{}.onnx", ::getpid())) {}
  ~ModelDamage() override { std::filesystem::remove(path_); }

  /// What read_model says of these bytes; "" where it reads them. Anything but an Error (input) escapes and
  /// fails.
  std::string read(std::string_view bytes) {
    std::filesystem::remove(path_);  // a new file is not forced to the disk
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    try {
      read_model(path_);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      const std::string message = error.what();
      EXPECT_THAT(message, testing::HasSubstr(path_.string()));
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return message;
    }
  }

  std::filesystem::path path_;
};

inline onnx::ModelProto good(const std::string& line = "dense 6, relu, dense",
                             Schema schema = array_schema({4}, 3)) {
  return to_onnx(make_model({"", line, std::move(schema)}, 2), Weights::included);
}
inline onnx::ModelProto good_table() {
  return good("dense 5, prelu, dense", table_schema(mixed_columns(), 3));
}
inline onnx::ModelProto good_conv() {
  return good("conv 4 3x2 stride=2, prelu, residual(conv 4 3 groups=2), pool 2, flatten, dense",
              array_schema({3, 6, 5}, 3));
}
inline onnx::ModelProto good_regression() {
  return good("dense 5, relu, dense", regression(array_schema({4}, 0), 2));
}

inline onnx::TensorProto& tensor(onnx::ModelProto& model, const std::string& name) {
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer())
    if (tensor.name() == name) return tensor;
  throw std::out_of_range(name);
}

inline onnx::NodeProto& node(onnx::ModelProto& model, const std::string& name) {
  for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node())
    if (node.name() == name) return node;
  throw std::out_of_range(name);
}

inline std::string& metadata(onnx::ModelProto& model, const std::string& key) {
  for (auto& entry : *model.mutable_metadata_props())
    if (entry.key() == key) return *entry.mutable_value();
  throw std::out_of_range(key);
}

inline void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::out_of_range(from);
  text.replace(at, from.size(), to);
}

struct Damage {
  const char* reason;  ///< part of the message
  void (*change)(onnx::ModelProto&);
};

}  // namespace halfwave::test
