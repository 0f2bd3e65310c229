// Lost if this fails: layers that compute what PyTorch computes, so that networks mean the same in both. The
// values are PyTorch's own, written by golden.py.
#include <fstream>
#include <nlohmann/json.hpp>

#include "layers/layer_testing.h"

namespace halfwave {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-5;

Shape shape_of(const json& sizes) {
  const auto size = [&](std::size_t i) { return sizes[i].get<std::size_t>(); };
  if (sizes.size() == 1) return Shape::row(size(0));
  if (sizes.size() == 2) return {1, 1, size(1), size(0)};
  return {2, size(1), size(2), size(0)};
}

/// [batch, channels, positions], as PyTorch has it, as a matrix [batch · positions, channels].
Matrix channels_last(const json& numbers, const Shape& shape, std::size_t batch) {
  Matrix m(batch * shape.positions(), shape.channels);
  std::size_t k = 0;
  for (std::size_t e = 0; e < batch; ++e)
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t p = 0; p < shape.positions(); ++p)
        m(e * shape.positions() + p, c) = numbers.at(k++).get<double>();
  EXPECT_EQ(k, numbers.size());
  return m;
}

std::vector<double> fields_of(const LayerInfo& info, const json& named) {
  std::vector<double> fields = default_fields(info, 0);
  std::size_t found = 0;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (const auto field = named.find(info.fields[i].name); field != named.end()) {
      fields[i] = field->get<double>();
      ++found;
    }
  EXPECT_EQ(found, named.size()) << info.name << " lacks a field of " << named;
  return fields;
}

void expect_equal(const std::vector<double>& numbers, const std::vector<double>& golden, const char* what) {
  ASSERT_EQ(numbers.size(), golden.size()) << what;
  for (std::size_t k = 0; k < golden.size(); ++k)
    ASSERT_NEAR(numbers[k], golden[k], kTolerance * (1 + std::fabs(golden[k]))) << what << ", number " << k;
}

void check(const json& golden, std::size_t batch) {
  const LayerInfo* info = find_layer_kind(golden["kind"].get<std::string>());
  ASSERT_NE(info, nullptr);
  std::vector<Shape> shapes;
  Inputs inputs;
  for (std::size_t i = 0; i < golden["inputs"].size(); ++i) {
    shapes.push_back(shape_of(golden["inputs"][i]));
    inputs.push_back(channels_last(golden["x"][i], shapes[i], batch));
  }
  const std::unique_ptr<Layer> layer = make_bound(*info, fields_of(*info, golden["fields"]), shapes);
  ASSERT_EQ(layer->output(), shape_of(golden["output"])) << describe(layer->output());
  Tensors tensors;
  for (const TensorSpec& spec : layer->tensors())
    tensors.push_back(golden["tensors"].at(spec.name).get<std::vector<double>>());
  ASSERT_EQ(tensors.size(), golden["tensors"].size());

  const bool training = golden["training"].get<bool>();
  LayerRun run(*layer, {.batch = batch, .training = training, .threads = 1, .seed = 0, .step = 0}, inputs,
               tensors, false);
  const auto expect_matrix = [&](const Matrix& matrix, const json& numbers, const Shape& shape,
                                 const char* what) {
    expect_equal(matrix.numbers, channels_last(numbers, shape, batch).numbers, what);
  };
  run.forward();
  expect_matrix(run.output(), golden["y"], layer->output(), "y");
  if (!training) return;
  std::vector<std::vector<double>> kept;
  for (std::size_t t = 0; t < tensors.size(); ++t) kept.push_back(run.tensor(t));
  run.backward(channels_last(golden["dy"], layer->output(), batch));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    expect_matrix(run.input_gradient(i), golden["dx"][i], shapes[i], "dx");
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const TensorSpec& spec = run.specs()[t];
    const json& numbers = golden[spec.learned ? "gradients" : "kept"].at(spec.name);
    expect_equal(spec.learned ? run.gradient(t) : kept[t], numbers.get<std::vector<double>>(),
                 spec.name.c_str());
  }
}

TEST(Golden, LayersComputeWhatPytorchDoes) {
  std::ifstream file(HALFWAVE_SOURCE_DIR "/tests/layers/golden_values.json");
  const json golden = json::parse(file);
  const auto batch = golden["batch"].get<std::size_t>();
  EXPECT_GE(golden["cases"].size(), 50u);
  for (const json& each : golden["cases"]) {
    SCOPED_TRACE(testing::Message() << each["kind"] << " " << each["fields"] << " on " << each["inputs"]
                                    << (each["training"].get<bool>() ? "" : ", not training"));
    check(each, batch);
  }
}

}  // namespace
}  // namespace halfwave
