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
    EXPECT_EQ(describe(model.graph().output(0)), declared);
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
