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

TEST(OriginalMlp, AConstantThatIsSpreadIsDeclaredInItsNewShape) {
  onnx::ModelProto model = mlp();
  onnx::GraphProto& graph = *model.mutable_graph();
  add_floats(graph, "one", {1}, {0.5f});
  graph.mutable_node(0)->set_input(2, "one");
  for (onnx::ValueInfoProto* info : {graph.add_input(), graph.add_value_info()}) {
    info->set_name("one");
    info->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    info->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(1);
  }
  ModelParts parts = decode_model(bytes_of(model), ".");
  for (const NetworkTensor& tensor : parts.network.tensors())
    parts.network.set(tensor, random_numbers(tensor.spec.count(), 9));
  const Bytes bytes = encode_model(parts);
  const onnx::ModelProto written = parse(bytes);
  const std::string name = written.graph().node(0).input(2);
  EXPECT_EQ(name, "one");
  for (const onnx::TensorProto& tensor : written.graph().initializer())
    for (const auto* list : {&written.graph().input(), &written.graph().value_info()})
      for (const onnx::ValueInfoProto& info : *list)
        if (info.name() == tensor.name()) {
          const auto& dims = info.type().tensor_type().shape().dim();
          ASSERT_EQ(dims.size(), tensor.dims_size()) << name;
          for (int i = 0; i < dims.size(); ++i) EXPECT_EQ(dims[i].dim_value(), tensor.dims(i)) << name;
        }
  const std::vector<float> inputs = random_numbers(6 * 3, 3);
  expect_near(run_file(bytes, inputs, 3),
              Model(std::make_shared<ModelParts>(std::move(parts))).predict(inputs, 3, 1));
}

/// y [batch] = |x|, x [batch].
onnx::ModelProto one_number() {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  set_shape(*graph.mutable_input(0), {});
  set_shape(*graph.mutable_output(0), {});
  add_node(graph, "Abs", {"x"}, {"y"}, "abs");
  return model;
}

TEST(OriginalInputs, AnExampleOfOneNumberIsReadAgain) {
  ModelParts parts = decode_model(bytes_of(one_number()), ".");
  EXPECT_THAT(parts.schema.shape, ElementsAre(1));
  parts.facts["data"] = "numbers";  // as training writes it
  const ModelParts again = decode_model(encode_model(parts), ".");
  EXPECT_EQ(again.facts, parts.facts);
  EXPECT_THAT(again.schema.shape, ElementsAre(1));
}

/// The error that training throws before its first step; "" where there is none.
std::string refusal(const onnx::ModelProto& model, const Dataset& data) {
  const halfwave::testing::Folder folder;
  const Model start = Model::load(folder.write("start.onnx", model.SerializeAsString()));
  struct Observer : TrainObserver {
    void step(const Progress&) override { ADD_FAILURE() << "a step was trained"; }
  } observer;
  TrainOptions options;
  options.epochs = 1;
  options.threads = 1;
  try {
    train(data, options, &observer, &start);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "";
}

/// [batch, 6] → 8 → 3 with a layer norm between that is written out and has neither scale nor bias, which its
/// layer learns; behind an operator that no layer stands for where `opaque`.
onnx::ModelProto bare_norm(bool opaque) {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  set_shape(*graph.mutable_input(0), {6});
  add_random(graph, "w1", {6, 8});
  add_random(graph, "w2", {8, 3});
  add_floats(graph, "two", {1}, {2});
  add_floats(graph, "epsilon", {1}, {1e-5f});
  if (opaque) {
    onnx::TensorProto& places = *graph.add_initializer();
    places.set_name("places");
    places.set_data_type(onnx::TensorProto::INT64);
    places.add_dims(6);
    for (std::int64_t i = 5; i >= 0; --i) places.add_int64_data(i);
    add_integer(add_node(graph, "Gather", {"x", "places"}, {"g"}, "gather"), "axis", 1);
  }
  const auto mean = [&](const char* from, const char* to) {
    onnx::NodeProto& node = add_node(graph, "ReduceMean", {from}, {to}, to);
    add_integer(node, "keepdims", 1);
    onnx::AttributeProto& axes = *node.add_attribute();
    axes.set_name("axes");
    axes.set_type(onnx::AttributeProto::INTS);
    axes.add_ints(-1);
  };
  add_node(graph, "MatMul", {opaque ? "g" : "x", "w1"}, {"h"}, "first");
  mean("h", "mean");
  add_node(graph, "Sub", {"h", "mean"}, {"d"}, "off");
  add_node(graph, "Pow", {"d", "two"}, {"squares"}, "squares");
  mean("squares", "variance");
  add_node(graph, "Add", {"variance", "epsilon"}, {"more"}, "more");
  add_node(graph, "Sqrt", {"more"}, {"deviation"}, "deviation");
  add_node(graph, "Div", {"d", "deviation"}, {"n"}, "norm");
  add_node(graph, "MatMul", {"n", "w2"}, {"y"}, "last");
  return model;
}

TEST(OriginalTraining, WhatCannotBeWrittenIsRefusedBeforeTheFirstStep) {
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal(bare_norm(true), thirds({6})),
              ::testing::AllOf(HasSubstr("'norm'"), HasSubstr("'gather'"), HasSubstr("own format")));
}

TEST(OriginalTraining, TheOtherFormatIsAnnounced) {
  const halfwave::testing::Folder folder;
  const Model start = Model::load(folder.write("start.onnx", bare_norm(false).SerializeAsString()));
  TrainOptions options;
  options.epochs = 1;
  options.threads = 1;
  const TrainResult result = train(thirds({6}), options, nullptr, &start);
  EXPECT_THAT(result.warnings, Contains(::testing::HasSubstr("written in Halfwave's own format")));
  result.model.save(folder.file("trained.onnx"));
  EXPECT_EQ(Model::load(folder.file("trained.onnx")).predict(thirds({6}).test, 1),
            result.model.predict(thirds({6}).test, 1));
}

TEST(OriginalTraining, AModelWithNothingToLearnIsRefused) {
  onnx::ModelProto model = empty_model();
  add_node(*model.mutable_graph(), "Relu", {"x"}, {"y"}, "relu");
  EXPECT_THAT(refusal(model, thirds({3})), ::testing::HasSubstr("nothing to learn"));
}

TEST(OriginalTraining, OneOutputForTwoClassesIsALogit) {
  const halfwave::testing::Folder folder;
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  set_shape(*graph.mutable_input(0), {6});
  set_shape(*graph.mutable_output(0), {1});
  add_random(graph, "w", {6, 1});
  add_node(graph, "MatMul", {"x", "w"}, {"h"}, "product");
  add_node(graph, "Sigmoid", {"h"}, {"y"}, "sigmoid");
  const Model start = Model::load(folder.write("start.onnx", model.SerializeAsString()));
  Dataset data = thirds({6});
  data.schema.classes.pop_back();
  for (Examples* part : {&data.train, &data.test})
    for (std::int32_t& label : part->labels) label = label == 2 ? 1 : 0;
  TrainOptions options;
  options.epochs = 20;
  options.threads = 1;
  options.batch = 16;
  const TrainResult result = train(data, options, nullptr, &start);
  EXPECT_EQ(result.options.loss, "binary_cross_entropy");
  EXPECT_LT(result.epochs.back().test_loss, result.epochs.front().test_loss);
}

}  // namespace
}  // namespace halfwave::test
