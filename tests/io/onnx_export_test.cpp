// Lost if this fails: model files that every ONNX program accepts, with the inputs and outputs that
// docs/onnx.md promises.
#include "io/onnx_export.h"

#include <gmock/gmock.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <nlohmann/json.hpp>
#include <set>

#include "halfwave/error.h"
#include "halfwave/version.h"
#include "io/model_samples.h"

namespace halfwave {
namespace {

using test::make_model;
using test::ModelSample;
using testing::ElementsAre;

onnx::ModelProto exported(const std::string& line, const Schema& schema) {
  return to_onnx(make_model({"", line, schema}, 1), Weights::included);
}

/// "Gemm(input, dense_1.weight, dense_1.bias) -> logits"
std::vector<std::string> nodes(const onnx::ModelProto& model) {
  std::vector<std::string> list;
  for (const onnx::NodeProto& node : model.graph().node())
    list.push_back(fmt::format("{}({}) -> {}", node.op_type(), fmt::join(node.input(), ", "),
                               fmt::join(node.output(), ", ")));
  return list;
}

/// The attributes of the first node of that operator: "strides=2 3, group=1".
std::string attributes(const onnx::ModelProto& model, const std::string& op) {
  std::vector<std::string> list;
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.op_type() != op) continue;
    for (const onnx::AttributeProto& a : node.attribute())
      list.push_back(a.type() == onnx::AttributeProto::INTS
                         ? fmt::format("{}={}", a.name(), fmt::join(a.ints(), " "))
                         : fmt::format("{}={}", a.name(), a.i()));
    break;
  }
  return fmt::format("{}", fmt::join(list, ", "));
}

/// The shape of a tensor in the graph.
std::vector<std::int64_t> dims(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::TensorProto& tensor : model.graph().initializer())
    if (tensor.name() == name) return {tensor.dims().begin(), tensor.dims().end()};
  return {-1};
}

/// "features float [batch, 3]"
std::string describe(const onnx::ValueInfoProto& value) {
  const onnx::TypeProto::Tensor& tensor = value.type().tensor_type();
  std::string text =
      value.name() + (tensor.elem_type() == onnx::TensorProto::STRING ? " string [" : " float [");
  for (const auto& dim : tensor.shape().dim())
    text += dim.has_dim_param() ? dim.dim_param() : fmt::format(", {}", dim.dim_value());
  return text + "]";
}

std::vector<std::string> inputs(const onnx::ModelProto& model) {
  std::vector<std::string> list;
  for (const onnx::ValueInfoProto& value : model.graph().input()) list.push_back(describe(value));
  return list;
}

/// libonnx checks operators, attribute types and names; shape inference must arrive at the declared output.
TEST(OnnxExport, EverySampleIsAcceptedByOnnx) {
  for (const ModelSample& sample : test::model_samples()) {
    SCOPED_TRACE(sample.name);
    onnx::ModelProto model = to_onnx(make_model(sample, 3), Weights::included);
    EXPECT_NO_THROW(onnx::checker::check_model(model));
    const std::string declared = describe(model.graph().output(0));
    model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    const onnx::ShapeInferenceOptions strict(true, 1);
    EXPECT_NO_THROW(onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
    // Scaled, even by one, the batch is a number without a name to shape inference.
    std::string inferred = describe(model.graph().output(0));
    if (const std::size_t at = inferred.find("unk__0"); at != std::string::npos)
      inferred.replace(at, 6, "batch");
    EXPECT_EQ(inferred, declared);
  }
}

TEST(OnnxExport, GivesEveryValueItsOwnName) {
  for (const ModelSample& sample : test::model_samples()) {
    SCOPED_TRACE(sample.name);
    const onnx::ModelProto model = to_onnx(make_model(sample, 3), Weights::included);
    std::set<std::string> names{""};
    for (const auto& value : model.graph().input())
      EXPECT_TRUE(names.insert(value.name()).second) << value.name();
    for (const auto& tensor : model.graph().initializer())
      EXPECT_TRUE(names.insert(tensor.name()).second) << tensor.name();
    for (const auto& node : model.graph().node())
      EXPECT_TRUE(names.insert(node.output(0)).second) << node.output(0);
  }
}

TEST(OnnxExport, SamplesCoverEveryLayer) {
  std::set<std::string_view> seen;
  for (const ModelSample& sample : test::model_samples()) {
    const ModelParts parts = make_model(sample, 1);
    for (std::size_t i = 0; i < parts.network.size(); ++i) seen.insert(parts.network.layer(i).info().name);
  }
  EXPECT_EQ(seen.size(), layer_kinds().size());
}

TEST(OnnxExport, SaysWhatItIs) {
  const onnx::ModelProto model = exported("dense 4, relu, dense", test::array_schema({3}, 2));
  EXPECT_EQ(model.producer_name(), "halfwave");
  EXPECT_EQ(model.producer_version(), version());
  EXPECT_EQ(model.ir_version(), 8);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 17);
  std::map<std::string, std::string> metadata;
  for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
  EXPECT_EQ(metadata["halfwave.network"], "dense 4, relu, dense 2");
  EXPECT_EQ(metadata["classes"], R"(["class 0","class 1"])");
  EXPECT_EQ(nlohmann::json::parse(metadata["halfwave.schema"])["task"], "classification");
  EXPECT_EQ(nlohmann::json::parse(metadata["halfwave.facts"])["epochs"], "12");
}

TEST(OnnxExport, WritesLayersByTheirExpressions) {
  ModelParts parts = make_model({"", "dense 4, relu6, dropout, mish, dense", test::array_schema({3}, 2)}, 1);
  parts.preprocessing.mean.assign(3, 0.0f);
  parts.preprocessing.scale.assign(3, 1.0f);
  EXPECT_THAT(
      nodes(to_onnx(parts, Weights::included)),
      ElementsAre("Gemm(input, dense_1.weight, dense_1.bias) -> dense_1",
                  "Clip(dense_1, relu6_1.0, relu6_1.6) -> relu6_1", "Softplus(relu6_1) -> mish_1.Softplus_1",
                  "Tanh(mish_1.Softplus_1) -> mish_1.Tanh_2", "Mul(relu6_1, mish_1.Tanh_2) -> mish_1",
                  "Gemm(mish_1, dense_2.weight, dense_2.bias) -> logits"));
}

TEST(OnnxExport, StandardisesRawImages) {
  ModelParts parts = make_model({"", "dense", test::array_schema({1, 6, 5}, 2)}, 1);
  const onnx::ModelProto shared = to_onnx(parts, Weights::included);
  EXPECT_THAT(inputs(shared), ElementsAre("input float [batch, 1, 6, 5]"));
  EXPECT_THAT(nodes(shared),
              ElementsAre("Flatten(input) -> preprocessing.Flatten",
                          "Sub(preprocessing.Flatten, preprocessing.mean) -> preprocessing.Sub",
                          "Mul(preprocessing.Sub, preprocessing.scale) -> preprocessing.Mul",
                          "Gemm(preprocessing.Mul, dense_1.weight, dense_1.bias) -> logits"));
  EXPECT_EQ(shared.graph().initializer(0).dims_size(), 0) << "one mean for all pixels is one number";
  parts.preprocessing.mean[7] = 1.0f;
  EXPECT_THAT(to_onnx(parts, Weights::included).graph().initializer(0).dims(), ElementsAre(30));
}

/// The same attributes for every way to write a layer's fields: what was inferred or left out is in full.
TEST(OnnxExport, WritesConvolutionsAndPoolingInFull) {
  const Schema image = test::array_schema({4, 11, 14}, 2), signal = test::array_schema({29}, 2);
  const auto conv = [](const char* layer, const Schema& schema) {
    return attributes(exported(fmt::format("{}, flatten, dense", layer), schema), "Conv");
  };
  EXPECT_EQ(conv("conv 6 3x4", image), "kernel_shape=3 4, strides=1 1, pads=1 1 1 2, dilations=1 1, group=1");
  EXPECT_EQ(conv("conv 6 3 stride=2x3 groups=2", image),
            "kernel_shape=3 3, strides=2 3, pads=1 0 1 1, dilations=1 1, group=2");
  EXPECT_EQ(conv("conv 6 3 padding=0x2 dilation=2", image),
            "kernel_shape=3 3, strides=1 1, pads=0 2 0 2, dilations=2 2, group=1");
  EXPECT_EQ(conv("conv 6 4 stride=2", signal), "kernel_shape=4, strides=2, pads=1 2, dilations=1, group=1");
  const auto pool = [](const char* layer, const char* op, const Schema& schema) {
    return attributes(exported(fmt::format("{}, flatten, dense", layer), schema), op);
  };
  EXPECT_EQ(pool("pool 2", "MaxPool", image), "kernel_shape=2 2, strides=2 2, pads=0 0 0 0");
  EXPECT_EQ(pool("pool 3 stride=2 padding=1", "MaxPool", signal), "kernel_shape=3, strides=2, pads=1 1");
  EXPECT_EQ(pool("average_pool 2x3 stride=1 padding=1x0", "AveragePool", image),
            "kernel_shape=2 3, strides=1 1, pads=1 0 1 0");
}

TEST(OnnxExport, TurnsGridsWhereALayerNeedsIt) {
  const onnx::ModelProto model = exported(
      "conv 5 3 bias=0, prelu, layer_norm, concat(conv 2 1, softmax | input), "
      "residual(relu), residual(relu | input | input), flatten, dense",
      test::array_schema({4, 6}, 2));
  EXPECT_THAT(inputs(model), ElementsAre("input float [batch, 4, 6]"));
  EXPECT_THAT(
      nodes(model),
      ElementsAre("Constant() -> preprocessing.Constant",
                  "Unsqueeze(input, preprocessing.Constant) -> preprocessing.Unsqueeze",
                  "Sub(preprocessing.Unsqueeze, preprocessing.mean) -> preprocessing.Sub",
                  "Mul(preprocessing.Sub, preprocessing.scale) -> preprocessing.Mul",
                  "Conv(preprocessing.Mul, conv_1.weight) -> conv_1",
                  "PRelu(conv_1, prelu_1.slope) -> prelu_1", "Transpose(prelu_1) -> layer_norm_1.Transpose_1",
                  "LayerNormalization(layer_norm_1.Transpose_1, layer_norm_1.scale, layer_norm_1.bias) -> "
                  "layer_norm_1.LayerNormalization_2",
                  "Transpose(layer_norm_1.LayerNormalization_2) -> layer_norm_1",
                  "Conv(layer_norm_1, conv_2.weight, conv_2.bias) -> conv_2", "Softmax(conv_2) -> softmax_1",
                  "Concat(softmax_1, layer_norm_1) -> concat_1", "Relu(concat_1) -> relu_1",
                  "Add(relu_1, concat_1) -> residual_1", "Relu(residual_1) -> relu_2",
                  "Sum(relu_2, residual_1, residual_1) -> residual_2",
                  "Transpose(residual_2) -> flatten_1.Transpose_1",
                  "Flatten(flatten_1.Transpose_1) -> flatten_1",
                  "Gemm(flatten_1, dense_1.weight, dense_1.bias) -> logits"));
  EXPECT_THAT(dims(model, "conv_1.weight"), ElementsAre(5, 1, 3, 3));
  EXPECT_THAT(dims(model, "prelu_1.slope"), ElementsAre(5, 1, 1));
  EXPECT_THAT(dims(model, "layer_norm_1.scale"), ElementsAre(5));
  EXPECT_EQ(attributes(model, "Transpose"), "perm=0 2 3 1");
  EXPECT_EQ(attributes(model, "Softmax"), "axis=1");

  const onnx::ModelProto signal =
      exported("conv 5 3, prelu, layer_norm, flatten, dense", test::array_schema({9}, 2));
  EXPECT_EQ(attributes(signal, "Transpose"), "perm=0 2 1");
  EXPECT_THAT(dims(signal, "conv_1.weight"), ElementsAre(5, 1, 3));
  EXPECT_THAT(dims(signal, "prelu_1.slope"), ElementsAre(5, 1));

  const onnx::ModelProto rows = exported("layer_norm, flatten, dense", test::array_schema({9}, 2));
  EXPECT_THAT(dims(rows, "layer_norm_1.scale"), ElementsAre(9));
  EXPECT_EQ(attributes(rows, "Transpose") + attributes(rows, "Flatten"), "") << "rows have one form";
}

TEST(OnnxExport, StandardisesByChannelOrByNumber) {
  ModelParts parts = make_model({"", "conv 2 3, flatten, dense", test::array_schema({3, 6, 5}, 2)}, 1);
  const auto mean = [&] { return dims(to_onnx(parts, Weights::included), "preprocessing.mean"); };
  EXPECT_THAT(mean(), ElementsAre(3, 1, 1));
  parts.preprocessing.mean[7] = 1.0f;
  EXPECT_THAT(mean(), ElementsAre(3, 6, 5));
  parts.preprocessing.mean.assign(90, 1.0f);
  EXPECT_THAT(mean(), ElementsAre());
  EXPECT_THAT(dims(exported("conv 2 3, flatten, dense", test::array_schema({7}, 2)), "preprocessing.mean"),
              ElementsAre(1, 7));
}

TEST(OnnxExport, EncodesTables) {
  const onnx::ModelProto numeric =
      exported("dense", test::table_schema({test::numeric_column("a", 1.5f)}, 2));
  EXPECT_THAT(inputs(numeric), ElementsAre("features float [batch, 1]"));
  EXPECT_EQ(nodes(numeric)[1],
            "Where(preprocessing.IsNaN, preprocessing.fill, features) -> preprocessing.Where");

  const onnx::ModelProto mixed = exported("dense", test::table_schema(test::mixed_columns(), 2));
  EXPECT_THAT(inputs(mixed), ElementsAre("numeric float [batch, 3]", "marital-status string [batch, 1]",
                                         "sex string [batch, 1]"));
  EXPECT_THAT(
      nodes(mixed),
      testing::Contains("Concat(preprocessing.Where, preprocessing.Flatten_1, preprocessing.Flatten_2)"
                        " -> preprocessing.Concat"));
  ASSERT_EQ(mixed.opset_import_size(), 2);
  EXPECT_EQ(mixed.opset_import(1).domain(), "ai.onnx.ml");
}

TEST(OnnxExport, NamesInputsUniquely) {
  std::map<std::string, ModelSample> samples;
  for (const ModelSample& sample : test::model_samples()) samples[sample.name] = sample;
  const ModelSample &awkward = samples.at("awkward-names"), &latin = samples.at("latin-1");
  EXPECT_THAT(inputs(exported(awkward.line, awkward.schema)),
              ElementsAre("numeric float [batch, 1]", "column_2_dense_1.weight string [batch, 1]",
                          "column_2_logits string [batch, 1]", "column string [batch, 1]",
                          "column_3_dense_1.weight string [batch, 1]", "logits.2 string [batch, 1]"));
  EXPECT_THAT(inputs(exported(latin.line, latin.schema)), ElementsAre("S?o string [batch, 1]"));
}

TEST(OnnxExport, NamesOutputsByTheirMeaning) {
  const Schema classes = test::array_schema({3}, 2);
  const auto output = [](const onnx::ModelProto& model) { return describe(model.graph().output(0)); };
  EXPECT_EQ(output(exported("dense", classes)), "logits float [batch, 2]");
  EXPECT_EQ(output(exported("dense, softmax", classes)), "probabilities float [batch, 2]");
  EXPECT_EQ(output(exported("dense, sigmoid", classes)), "logits float [batch, 2]")
      << "they do not add up to 1";
  EXPECT_EQ(output(exported("dense, log_softmax", classes)), "log_probabilities float [batch, 2]");
  const onnx::ModelProto regression = exported("dense", test::regression(classes, 4));
  EXPECT_EQ(output(regression), "prediction float [batch, 4]");
  EXPECT_EQ(nodes(regression).back(), "Add(target.Mul, target.mean) -> prediction");
}

TEST(OnnxExport, CanLeaveOutTheWeights) {
  const ModelParts parts = make_model({"", "dense 4, prelu, dense", test::array_schema({3}, 2)}, 1);
  const onnx::ModelProto with = to_onnx(parts, Weights::included), without = to_onnx(parts, Weights::omitted);
  ASSERT_EQ(with.graph().initializer_size(), without.graph().initializer_size());
  for (int i = 0; i < with.graph().initializer_size(); ++i) {
    const onnx::TensorProto &full = with.graph().initializer(i), &bare = without.graph().initializer(i);
    EXPECT_EQ(full.name(), bare.name());
    EXPECT_EQ(bare.has_raw_data(), full.name().rfind("preprocessing.", 0) == 0) << full.name();
  }
}

}  // namespace
}  // namespace halfwave
