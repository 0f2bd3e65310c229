// Lost if these fail: that ONNX operators compute what ONNX says, in every form since opset 1, and that a
// network of Halfwave's layers computes what its ONNX graph does.
#include "onnx_suite.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "halfwave/error.h"
#include "halfwave/model.h"
#include "io/onnx_decode.h"
#include "recognise/recognise.h"

namespace halfwave::test {
namespace {

/// What the suite has and Halfwave does not: no tensors, or no networks. docs/onnx.md has the same list.
const std::set<std::string> kNotOfNetworks{
    "Gradient",  // of training
};

/// Cases that are not run although their operators are known.
const std::set<std::string> kLeftOut{
    // Of Identity, for a value that may be none.
    "test_identity_opt",
    // Dropout as in training, by numpy's random numbers.
    "test_training_dropout",
    "test_training_dropout_default",
    "test_training_dropout_default_mask",
    "test_training_dropout_mask",
    // Their second input is declared [3, 4] and given as [1].
    "test_castlike_BFLOAT16_to_FLOAT",
    "test_castlike_BFLOAT16_to_FLOAT_expanded",
    "test_castlike_FLOAT_to_BFLOAT16",
    "test_castlike_FLOAT_to_BFLOAT16_expanded",
};

struct Case {
  fs::path folder;
};
void PrintTo(const Case& tested, std::ostream* to) { *to << tested.folder; }

/// Of the cases of single nodes those whose operators are known; of the others those that are networks.
bool is_for_us(const fs::path& folder, const std::string& kind) {
  if (kLeftOut.count(folder.filename()) > 0) return false;
  const auto model = read_message<onnx::ModelProto>(folder / "model.onnx");
  if (kind == "node") return knows_operators(model);
  return std::none_of(model.graph().node().begin(), model.graph().node().end(),
                      [](const auto& node) { return kNotOfNetworks.count(node.op_type()) > 0; });
}

std::vector<Case> cases(const std::string& kind) {
  std::vector<Case> found;
  if (!fs::exists(kSuite)) return found;
  for (const auto& entry : fs::directory_iterator(kSuite / kind))
    if (is_for_us(entry.path(), kind)) found.push_back({entry.path()});
  std::sort(found.begin(), found.end(), [](const Case& a, const Case& b) { return a.folder < b.folder; });
  return found;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.folder.filename().string().substr(std::string("test_").size());
}

/// "" or how the tensors differ, by the suite's own tolerances (onnx.backend.test: rtol 1e-3, atol 1e-7;
/// bfloat16 two of its steps); integers and texts exactly.
/// `rounded_to`: the type that the numbers have been rounded to, where it is not their own.
std::string difference(const Tensor& got, const Tensor& wanted, ElementType rounded_to = ElementType::none) {
  if (got.type() != wanted.type())
    return fmt::format("is {}, not {}", type_name(got.type()), type_name(wanted.type()));
  if (got.dims() != wanted.dims())
    return fmt::format("has shape {}, not {}", describe(got.dims()), describe(wanted.dims()));
  if (rounded_to == ElementType::none) rounded_to = got.type();
  if (got.type() == ElementType::sequence) {
    for (std::size_t i = 0; i < got.count(); ++i)
      if (const std::string how = difference(got.elements<Tensor>()[i], wanted.elements<Tensor>()[i]);
          !how.empty())
        return fmt::format("tensor {} {}", i, how);
    return "";
  }
  return visit_type(got.type(), [&]<class T>(TypeTag<T>) -> std::string {
    if constexpr (!std::is_void_v<T>) {
      const auto x = got.elements<T>(), y = wanted.elements<T>();
      for (std::size_t i = 0; i < x.size(); ++i) {
        if constexpr (std::is_same_v<T, std::string>) {
          if (x[i] != y[i]) return fmt::format("is '{}' at place {}, not '{}'", x[i], i, y[i]);
        } else if constexpr (std::is_integral_v<T>) {
          if (x[i] != y[i]) return fmt::format("is {} at place {}, not {}", x[i], i, y[i]);
        } else {
          const auto a = static_cast<double>(x[i]), b = static_cast<double>(y[i]);
          const double rtol = rounded_to == ElementType::bfloat16 ? std::ldexp(1.0, -6) : 1e-3;
          const bool equal =
              a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-7 + rtol * std::abs(b);
          if (!equal || std::isinf(a) != std::isinf(b))
            return fmt::format("is {} at place {}, not {}", a, i, b);
        }
      }
    }
    return "";
  });
}

/// Data of a case as the graph declares them: numpy has no bfloat16, so that the suite stores its bits as
/// uint16.
std::vector<Tensor> read_as(const std::vector<GraphValue>& declared, const fs::path& set,
                            const std::string& prefix) {
  std::vector<Tensor> tensors = read_tensors(declared, set, prefix);
  for (std::size_t i = 0; i < std::min(tensors.size(), declared.size()); ++i) {
    if (declared[i].type != ElementType::bfloat16 || tensors[i].type() != ElementType::uint16) continue;
    Tensor bits(ElementType::bfloat16, tensors[i].dims());
    std::memcpy(bits.data(), tensors[i].data(), bits.bytes());
    tensors[i] = bits;
  }
  return tensors;
}

TEST(OnnxSuiteItself, IsAllThere) {
  if (!fs::exists(kSuite)) GTEST_SKIP() << "the package libonnx-testdata is not installed";
  EXPECT_EQ(cases("node").size(), 699u);
  EXPECT_EQ(cases("pytorch-converted").size(), 82u);
  EXPECT_EQ(cases("pytorch-operator").size(), 35u);
  EXPECT_EQ(cases("simple").size(), 21u);
}

/// docs/onnx.md lists the operators, a family a line; where this fails, the line that it should be is shown.
TEST(OnnxDocument, ListsTheOperators) {
  std::ifstream file(std::string(HALFWAVE_SOURCE_DIR) + "/docs/onnx.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const OperatorFamily& family : operator_families()) {
    std::map<std::string_view, std::int64_t> first;
    for (const Operator& op : family.declared()) {
      const auto [place, fresh] = first.emplace(op.name, op.since);
      if (!fresh) place->second = std::min(place->second, op.since);
    }
    std::string line = fmt::format("| {} | ", family.name);
    for (const auto& [name, since] : first)
      line += fmt::format("{}`{}`{}", line.ends_with("| ") ? "" : ", ", name,
                          since > 7 ? fmt::format(" {}", since) : "");
    EXPECT_NE(page.find(line + " |\n"), std::string::npos) << line << " |";
  }
}

class OnnxSuite : public testing::TestWithParam<Case> {};

TEST_P(OnnxSuite, GraphComputesWhatOnnxSays) {
  const fs::path& folder = GetParam().folder;
  auto model = read_message<onnx::ModelProto>(folder / "model.onnx");
  const OperatorGraph graph = decode_graph(model, folder);
  check_operators(graph);
  for (const fs::path& set : data_sets(folder)) {
    const std::vector<Tensor> inputs = read_as(graph.inputs, set, "input_"),
                              wanted = read_as(graph.outputs, set, "output_");
    const std::vector<Tensor> got = run_graph(graph, inputs);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(difference(got[i], wanted[i]), "") << "output '" << graph.outputs[i].name << "'";
  }
}

/// The inputs as a model takes them: an example is its part of each input, as floats.
std::vector<float> as_examples(std::span<const Tensor> inputs, std::size_t examples) {
  std::vector<float> rows;
  for (std::size_t i = 0; i < examples; ++i)
    for (const Tensor& input : inputs) {
      const Tensor numbers = input.cast(ElementType::float32);
      const std::size_t part = input.count() / examples;
      const std::span<const float> own = numbers.elements<float>().subspan(i * part, part);
      rows.insert(rows.end(), own.begin(), own.end());
    }
  return rows;
}

/// A model's predictions [examples, outputs] as tensors like these.
std::vector<Tensor> as_outputs(std::span<const float> rows, std::size_t examples,
                               std::span<const Tensor> like) {
  std::vector<Tensor> outputs;
  std::size_t first = 0;
  for (const Tensor& other : like) {
    Tensor output(ElementType::float32, other.dims());
    const std::size_t part = output.count() / examples, width = rows.size() / examples;
    for (std::size_t i = 0; i < examples; ++i)
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i * width + first), part,
                  output.elements<float>().begin() + static_cast<std::ptrdiff_t>(i * part));
    first += part;
    outputs.push_back(std::move(output));
  }
  return outputs;
}

TEST_P(OnnxSuite, NetworkComputesWhatTheGraphDoes) {
  const fs::path& folder = GetParam().folder;
  auto model = read_message<onnx::ModelProto>(folder / "model.onnx");
  const OperatorGraph graph = decode_graph(model, folder);
  std::shared_ptr<ModelParts> parts;
  try {
    parts = std::make_shared<ModelParts>(recognise(graph).parts);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
    return;  // no network
  }
  for (const fs::path& set : data_sets(folder)) {
    const std::vector<Tensor> inputs = read_as(graph.inputs, set, "input_"),
                              wanted = read_as(graph.outputs, set, "output_");
    std::size_t numbers = 0, wanted_numbers = 0;
    for (const Tensor& input : inputs) numbers += input.count();
    for (const Tensor& output : wanted) wanted_numbers += output.count();
    const Model model_of_layers(parts);
    const std::size_t features = model_of_layers.schema().features();
    const std::size_t examples = features == 0 ? 1 : numbers / features;
    if (examples == 0 && numbers > 0) continue;  // an open size that is 0 here, where the network has 1
    const std::vector<float> rows = model_of_layers.predict(as_examples(inputs, examples), examples, 1);
    ASSERT_EQ(rows.size(), wanted_numbers);
    const std::vector<Tensor> got = as_outputs(rows, examples, wanted);
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(difference(got[i], wanted[i].cast(ElementType::float32), wanted[i].type()), "")
          << "output '" << graph.outputs[i].name << "'";
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnnxSuite);
INSTANTIATE_TEST_SUITE_P(Node, OnnxSuite, testing::ValuesIn(cases("node")), name_of);
INSTANTIATE_TEST_SUITE_P(PytorchConverted, OnnxSuite, testing::ValuesIn(cases("pytorch-converted")), name_of);
INSTANTIATE_TEST_SUITE_P(PytorchOperator, OnnxSuite, testing::ValuesIn(cases("pytorch-operator")), name_of);
INSTANTIATE_TEST_SUITE_P(Simple, OnnxSuite, testing::ValuesIn(cases("simple")), name_of);

}  // namespace
}  // namespace halfwave::test
