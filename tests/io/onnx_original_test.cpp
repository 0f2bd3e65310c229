// Lost if these fail: a model of another program that is trained here and written again has other names, or
// computes something else than what was trained.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/random.h"
#include "halfwave/model.h"
#include "halfwave/train.h"
#include "io/io_files.h"
#include "io/model_file.h"
#include "io/onnx_builder.h"
#include "io/onnx_decode.h"
#include "io/tensor_proto.h"

namespace halfwave::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::vector<float> random_numbers(std::size_t count, std::uint64_t seed, float scale = 1.0f) {
  Random random(seed, stream_id(Stream::data));
  std::vector<float> numbers(count);
  for (float& x : numbers) x = scale * static_cast<float>(random.normal());
  return numbers;
}

onnx::TensorProto& add_random(onnx::GraphProto& graph, const std::string& name, const Dims& dims) {
  const auto count = static_cast<std::size_t>(element_count(dims));
  const float fan_in = static_cast<float>(count) / static_cast<float>(dims[0]);
  return add_floats(graph, name, dims, random_numbers(count, count + name.size(), 1.0f / std::sqrt(fan_in)));
}

void set_shape(onnx::ValueInfoProto& value, const Dims& dims) {
  auto& shape = *value.mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.clear_dim();
  shape.add_dim()->set_dim_param("batch");
  for (const std::int64_t dim : dims) shape.add_dim()->set_dim_value(dim);
}

/// x [batch, 6] → 16 → 16 → 3 logits: a Gemm with transposed weights, a MatMul with an Add, and one whose
/// weights come from a Constant node. The second and the third layer have the same bias.
onnx::ModelProto mlp() {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  set_shape(*graph.mutable_input(0), {6});
  set_shape(*graph.mutable_output(0), {16});
  add_random(graph, "w1", {16, 6});
  add_random(graph, "b", {16});
  add_random(graph, "w2", {16, 16});
  add_integer(add_node(graph, "Gemm", {"x", "w1", "b"}, {"h1"}, "first"), "transB", 1);
  add_node(graph, "Relu", {"h1"}, {"r1"}, "rectify");
  add_node(graph, "MatMul", {"r1", "w2"}, {"m2"}, "second");
  add_node(graph, "Add", {"m2", "b"}, {"h2"}, "second_bias");
  add_node(graph, "Tanh", {"h2"}, {"r2"}, "tanh");
  onnx::AttributeProto& value = *add_node(graph, "Constant", {}, {"w3"}, "weights").add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  const std::vector<float> weights = random_numbers(16 * 3, 5, 0.25f);
  encode_tensor(Tensor::of<float>({16, 3}, weights), *value.mutable_t());
  add_node(graph, "MatMul", {"r2", "w3"}, {"y"}, "third");
  set_shape(*graph.mutable_output(0), {3});
  onnx::StringStringEntryProto& entry = *model.add_metadata_props();
  entry.set_key("author");
  entry.set_value("someone");
  return model;
}

/// Images [batch, 2, 8, 8] → 3 logits: Conv, BatchNormalization, Relu, MaxPool, Flatten, Gemm.
onnx::ModelProto cnn() {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  set_shape(*graph.mutable_input(0), {2, 8, 8});
  set_shape(*graph.mutable_output(0), {3});
  const auto integers = [](onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t number : values) attribute.add_ints(number);
  };
  add_random(graph, "kernel", {4, 2, 3, 3});
  add_floats(graph, "scale", {4}, {1, 1.5f, 0.5f, 1});
  add_floats(graph, "shift", {4}, {0, 0.1f, -0.1f, 0});
  add_floats(graph, "mean", {4}, {0.1f, 0, 0, -0.1f});
  add_floats(graph, "variance", {4}, {1, 2, 0.5f, 1});
  add_random(graph, "w", {3, 4 * 4 * 4});
  add_floats(graph, "b", {3}, {0, 0, 0});
  integers(add_node(graph, "Conv", {"x", "kernel"}, {"c"}, "conv"), "pads", {1, 1, 1, 1});
  add_node(graph, "BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"n"}, "norm");
  add_node(graph, "Relu", {"n"}, {"r"}, "relu");
  onnx::NodeProto& pool = add_node(graph, "MaxPool", {"r"}, {"p"}, "pool");
  integers(pool, "kernel_shape", {2, 2});
  integers(pool, "strides", {2, 2});
  add_node(graph, "Flatten", {"p"}, {"f"}, "flatten");
  add_integer(add_node(graph, "Gemm", {"f", "w", "b"}, {"y"}, "fc"), "transB", 1);
  return model;
}

Bytes bytes_of(const onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  return {text.begin(), text.end()};
}

onnx::ModelProto parse(const Bytes& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return model;
}

/// What the file's graph computes, without any network.
std::vector<float> run_file(const Bytes& bytes, std::span<const float> inputs, std::size_t count) {
  onnx::ModelProto model = parse(bytes);
  const OperatorGraph graph = decode_graph(model, ".");
  Dims dims = graph.inputs[0].dims;
  dims[0] = static_cast<std::int64_t>(count);
  const std::vector<Tensor> outputs = run_graph(graph, std::array{Tensor::of<float>(dims, inputs)});
  const auto numbers = outputs[0].elements<float>();
  return {numbers.begin(), numbers.end()};
}

void expect_near(std::span<const float> a, std::span<const float> b) {
  ASSERT_EQ(a.size(), b.size());
  float largest = 0.0f;
  for (const float x : b) largest = std::max(largest, std::fabs(x));
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5f * largest) << i;
}

std::vector<std::string> node_names(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::NodeProto& node : model.graph().node()) names.push_back(node.name());
  return names;
}

class Original : public ::testing::TestWithParam<onnx::ModelProto (*)()> {};

TEST_P(Original, IsWrittenAsItWasReadWhereNothingChanged) {
  const Bytes bytes = bytes_of(GetParam()());
  EXPECT_EQ(encode_model(decode_model(bytes, ".")), bytes);
}

TEST_P(Original, KeepsItsNamesAndTakesTheNewNumbers) {
  const onnx::ModelProto model = GetParam()();
  auto parts = std::make_shared<ModelParts>(decode_model(bytes_of(model), "."));
  std::uint64_t seed = 1;
  for (const NetworkTensor& tensor : parts->network.tensors()) {
    std::vector<float> numbers = parts->network.get(tensor);
    const std::vector<float> change = random_numbers(numbers.size(), ++seed, 0.1f);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] += std::fabs(change[i]);  // a variance stays one
    parts->network.set(tensor, numbers);
  }
  const Bytes written = encode_model(*parts);
  const onnx::ModelProto again = parse(written);
  EXPECT_EQ(node_names(again), node_names(model));
  EXPECT_EQ(again.graph().input(0).SerializeAsString(), model.graph().input(0).SerializeAsString());
  EXPECT_EQ(again.graph().output(0).SerializeAsString(), model.graph().output(0).SerializeAsString());
  EXPECT_EQ(again.producer_name(), model.producer_name());
  EXPECT_EQ(again.metadata_props_size(), model.metadata_props_size());

  const std::size_t features = parts->schema.features();
  const std::vector<float> inputs = random_numbers(7 * features, 3);
  const std::vector<float> wanted = Model(parts).predict(inputs, 7, 1);
  expect_near(run_file(written, inputs, 7), wanted);
  expect_near(Model(std::make_shared<ModelParts>(decode_model(written, "."))).predict(inputs, 7, 1), wanted);
  EXPECT_EQ(encode_model(decode_model(written, ".")), written);
}

/// Three classes that a network can tell apart: which third of the features is the largest. Not standardised
/// at all, so that a model that would standardise is another function.
Dataset thirds(const std::vector<std::int64_t>& shape) {
  Dataset data;
  data.name = "thirds";
  data.schema.shape = shape;
  data.schema.classes = {"first", "second", "third"};
  const std::size_t features = data.schema.features();
  Random random(4, stream_id(Stream::data));
  for (Examples* part : {&data.train, &data.test}) {
    part->count = 300;
    std::vector<float> values;
    for (std::size_t i = 0; i < part->count; ++i) {
      const auto label = static_cast<std::int32_t>(random.below(3));
      part->labels.push_back(label);
      for (std::size_t j = 0; j < features; ++j)
        values.push_back(0.5f + static_cast<float>(random.normal()) +
                         (static_cast<std::int32_t>(3 * j / features) == label ? 1.5f : 0.0f));
    }
    part->values = std::move(values);
  }
  return data;
}

TEST_P(Original, IsTrainedFurtherAndStaysTheSameGraph) {
  const halfwave::testing::Folder folder;
  const onnx::ModelProto model = GetParam()();
  const std::string path = folder.write("start.onnx", model.SerializeAsString());
  const Model start = Model::load(path);
  const Dataset data = thirds(start.schema().shape);
  TrainOptions options;
  options.epochs = 4;
  options.threads = 1;
  options.batch = 16;
  const TrainResult result = train(data, options, nullptr, &start);
  const Evaluation evaluation = evaluate(result.model, data.test, 1);
  EXPECT_GT(evaluation.accuracy, 0.7);
  result.model.save(folder.file("trained.onnx"));

  const Model trained = Model::load(folder.file("trained.onnx"));
  EXPECT_THAT(trained.schema().classes, ElementsAre("first", "second", "third"));
  EXPECT_FALSE(trained.facts().empty());
  EXPECT_NEAR(evaluate(trained, data.test, 1).accuracy, evaluation.accuracy, 0.01);
  const std::string text = halfwave::testing::read_text(folder.file("trained.onnx"));
  const Bytes written(text.begin(), text.end());
  EXPECT_EQ(node_names(parse(written)), node_names(model));
  // The graph alone, on the raw numbers, is the model.
  const auto& raw = std::get<std::vector<float>>(data.test.values);
  expect_near(run_file(written, raw, data.test.count), result.model.predict(data.test, 1));

  // And once more, from the file that was written.
  const TrainResult again = train(data, options, nullptr, &trained);
  EXPECT_GT(evaluate(again.model, data.test, 1).accuracy, 0.7);
}

TEST_P(Original, IsNotTrainedOnDataThatDoNotFit) {
  const halfwave::testing::Folder folder;
  const Model start = Model::load(folder.write("start.onnx", GetParam()().SerializeAsString()));
  TrainOptions options;
  options.epochs = 1;
  Dataset data = thirds(start.schema().shape);
  data.schema.classes.push_back("fourth");
  EXPECT_THROW(train(data, options, nullptr, &start), Error);
  data = thirds({5});
  EXPECT_THROW(train(data, options, nullptr, &start), Error);
}

INSTANTIATE_TEST_SUITE_P(Models, Original, ::testing::Values(mlp, cnn),
                         [](const auto& tested) { return tested.index == 0 ? "mlp" : "cnn"; });

TEST(OriginalMlp, SharedBiasesBecomeTwo) {
  ModelParts parts = decode_model(bytes_of(mlp()), ".");
  std::vector<std::string> changed;
  for (const NetworkTensor& tensor : parts.network.tensors())
    if (tensor.name == "second_bias.bias") {
      changed.push_back(tensor.name);
      parts.network.set(tensor, std::vector<float>(16, 2.0f));
    }
  ASSERT_THAT(changed, ElementsAre("second_bias.bias"));
  const onnx::ModelProto written = parse(encode_model(parts));
  EXPECT_EQ(written.graph().node(0).input(2), "b");
  EXPECT_EQ(written.graph().node(3).input(1), "b_2");
  EXPECT_EQ(written.graph().initializer_size(), 4);
  EXPECT_EQ(written.graph().initializer(1).SerializeAsString(),
            mlp().graph().initializer(1).SerializeAsString());
}

TEST(OriginalMlp, WhatTheFileHasNoPlaceForIsNotLost) {
  onnx::ModelProto model = mlp();
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.mutable_node(1)->set_op_type("Neg");  // a scale by -1, which can learn and has no constant
  ModelParts parts = decode_model(bytes_of(model), ".");
  for (const NetworkTensor& tensor : parts.network.tensors())
    if (tensor.name == "rectify.factor")
      parts.network.set(tensor, std::vector<float>(tensor.spec.count(), 2.0f));
  const Model changed(std::make_shared<ModelParts>(std::move(parts)));
  const std::vector<float> inputs = random_numbers(6 * 5, 9);
  const std::vector<float> expected = changed.predict(inputs, 5, 1);
  const Model read(std::make_shared<ModelParts>(decode_model(encode_model(changed.parts()), ".")));
  EXPECT_EQ(read.predict(inputs, 5, 1), expected);
  EXPECT_NE(Model(std::make_shared<ModelParts>(decode_model(bytes_of(model), "."))).predict(inputs, 5, 1),
            expected);
}

TEST(OriginalMlp, HalfPrecisionStaysHalfPrecision) {
  onnx::ModelProto model = mlp();
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::TensorProto& weights = *graph.mutable_initializer(0);
  encode_tensor(decode_tensor(weights).cast(ElementType::float16), weights);
  weights.set_name("w1_half");
  add_integer(add_node(graph, "Cast", {"w1_half"}, {"w1"}, "cast"), "to", onnx::TensorProto::FLOAT);
  ModelParts parts = decode_model(bytes_of(model), ".");
  for (const NetworkTensor& tensor : parts.network.tensors())
    parts.network.set(tensor, random_numbers(tensor.spec.count(), 9));
  const std::vector<float> inputs = random_numbers(6, 3);
  const Bytes written = encode_model(parts);
  expect_near(run_file(written, inputs, 1),
              Model(std::make_shared<ModelParts>(std::move(parts))).predict(inputs, 1, 1));
}

TEST(OriginalMlp, OldFilesDeclareTheirInitialisersAsInputs) {
  onnx::ModelProto model = mlp();
  model.set_ir_version(3);
  onnx::GraphProto& graph = *model.mutable_graph();
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    onnx::ValueInfoProto& input = *graph.add_input();
    input.set_name(tensor.name());
    input.mutable_type()->mutable_tensor_type()->set_elem_type(tensor.data_type());
    for (const std::int64_t dim : tensor.dims())
      input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
  }
  ModelParts parts = decode_model(bytes_of(model), ".");
  for (const NetworkTensor& tensor : parts.network.tensors())
    parts.network.set(tensor, random_numbers(tensor.spec.count(), 9));
  const onnx::ModelProto written = parse(encode_model(parts));
  std::vector<std::string> inputs;
  for (const onnx::ValueInfoProto& input : written.graph().input()) inputs.push_back(input.name());
  EXPECT_THAT(inputs, ElementsAre("x", "w1", "b", "w2", "b_2"));
}

}  // namespace
}  // namespace halfwave::test
