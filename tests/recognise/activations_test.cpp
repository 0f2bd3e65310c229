// Lost if this fails: activations that other programs write as several nodes, which would then run slowly and
// not be trained, diagnosed or named.
#include <halfwave/activation.h>

#include <algorithm>

#include "graph_builder.h"
#include "layers/onnx_expression.h"
#include "layers/registry.h"
#include "recognise/activations.h"

namespace halfwave::testing {
namespace {

constexpr std::int64_t kUnits = 6;

/// An expression as nodes; with `swapped` the operands of Add and Mul the other way round.
class ExpressionNodes {
 public:
  ExpressionNodes(GraphBuilder& builder, const LayerInfo& kind, std::vector<double> fields, std::string x,
                  bool swapped)
      : builder_(builder), kind_(kind), fields_(std::move(fields)), x_(std::move(x)), swapped_(swapped) {}

  std::string add(const OnnxExpression& expression) {
    if (!expression.is_operation) return value(expression.text);
    std::vector<std::string> inputs;
    for (const OnnxExpression& argument : expression.arguments) inputs.push_back(add(argument));
    if (swapped_ && (expression.text == "Add" || expression.text == "Mul")) std::ranges::reverse(inputs);
    std::map<std::string, AttributeValue, std::less<>> attributes;
    for (const auto& [name, text] : expression.attributes) {
      if (name == "axis")
        attributes[name] = static_cast<std::int64_t>(number(text));
      else
        attributes[name] = static_cast<float>(number(text));
    }
    return builder_.node(expression.text, inputs, attributes);
  }

 private:
  std::string value(const std::string& text) {
    if (text == "x") return x_;
    const bool per_unit = kind_.name == "prelu" || kind_.name == "brelu";
    return per_unit ? builder_.numbers({kUnits}, 0.1f, 0.9f)
                    : builder_.number(static_cast<float>(number(text)));
  }
  double number(const std::string& text) const {
    if (const auto number = parse_number(text)) return *number;
    for (std::size_t i = 0; i < kind_.fields.size(); ++i)
      if (kind_.fields[i].name == text) return fields_[i];
    ADD_FAILURE() << text;
    return 0;
  }

  GraphBuilder& builder_;
  const LayerInfo& kind_;
  std::vector<double> fields_;
  std::string x_;
  bool swapped_;
};

/// Other values than the defaults, where there is room.
std::vector<double> other_fields(const LayerInfo& kind) {
  std::vector<double> fields;
  for (const LayerField& field : kind.fields)
    fields.push_back(field.value > 0.0 && field.high >= 1.5 * field.value
                         ? as_written(static_cast<float>(1.5 * field.value))
                         : field.value);
  return fields;
}

TEST(RecogniseActivations, EachIsKnownByItsOwnExpression) {
  for (const ActivationInfo& activation : activations()) {
    if (activation.name == "identity" || activation.form == ActivationInfo::Form::random) continue;
    const LayerInfo& kind = *find_layer_kind(activation.name);
    const bool per_unit = activation.form == ActivationInfo::Form::per_unit;
    for (const bool swapped : {false, true})
      for (std::vector<double> fields : {std::vector<double>(), other_fields(kind)}) {
        if (fields.empty())
          for (const LayerField& field : kind.fields) fields.push_back(field.value);
        if (kind.name == "softplus") fields[1] = kind.fields[1].value;  // in no expression
        if (kind.name == "swish") fields[0] = 1.25;                     // 1: silu
        GraphBuilder builder({-1, 5});
        const std::string hidden = builder.gemm("x", 5, kUnits);
        ExpressionNodes nodes(builder, kind, fields, hidden, swapped);
        builder.result(nodes.add(parse_onnx_expression(kind.onnx)));
        const std::string line = expect_same(builder, std::string(kind.name));
        const std::string wanted =
            per_unit ? std::string(kind.name) : kind.make(kind, std::vector<double>(fields))->line();
        EXPECT_EQ(line, fmt::format("dense {}, {}", kUnits, wanted));
      }
  }
}

TEST(RecogniseActivations, AreKnownAsOthersWriteThem) {
  using Make = std::string (*)(GraphBuilder & b, const std::string& x);
  const std::pair<const char*, Make> cases[] = {
      {"gelu",
       [](GraphBuilder& b, const std::string& x) {  // PyTorch
         const std::string erf = b.node("Erf", {b.node("Div", {x, b.number(1.41421356f)})});
         const std::string product = b.node("Mul", {x, b.node("Add", {erf, b.number(1.0f)})});
         return b.node("Mul", {product, b.number(0.5f)});
       }},
      {"gelu",
       [](GraphBuilder& b, const std::string& x) {  // Keras
         const std::string erf = b.node("Erf", {b.node("Mul", {x, b.number(0.70710678f)})});
         const std::string half = b.node("Mul", {b.node("Add", {erf, b.number(1.0f)}), b.number(0.5f)});
         return b.node("Mul", {half, x});
       }},
      {"gelu_tanh",
       [](GraphBuilder& b, const std::string& x) {
         const std::string cube = b.node("Mul", {b.node("Pow", {x, b.number(3.0f)}), b.number(0.044715f)});
         const std::string inner = b.node("Mul", {b.node("Add", {x, cube}), b.number(0.79788456f)});
         const std::string outer = b.node("Add", {b.number(1.0f), b.node("Tanh", {inner})});
         return b.node("Mul", {b.number(0.5f), b.node("Mul", {x, outer})});
       }},
      {"relu6",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Min", {b.node("Relu", {x}), b.number(6.0f)});
       }},
      {"relu",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Max", {b.number(0.0f), x});
       }},
      {"relu",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Clip", {x, b.number(0.0f)});
       }},
      {"hardswish",
       [](GraphBuilder& b, const std::string& x) {
         const std::string sum = b.node("Add", {x, b.number(3.0f)});
         const std::string gate = b.node("Clip", {sum, b.number(0.0f), b.number(6.0f)});
         return b.node("Div", {b.node("Mul", {x, gate}), b.number(6.0f)});
       }},
      {"hardswish",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Mul", {b.node("HardSigmoid", {x}, {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}}), x});
       }},
      {"squared_relu",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Pow", {b.node("Relu", {x}), b.number(2.0f)});
       }},
      {"softplus",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Where", {b.node("Greater", {x, b.number(20.0f)}), x, b.node("Softplus", {x})});
       }},
      {"silu",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Identity", {b.node("Mul", {b.node("Sigmoid", {x}), x})});
       }},
      {"leaky_relu 0.2",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Max", {b.node("Mul", {b.number(0.2f), x}), x});
       }},
      {"softsign",
       [](GraphBuilder& b, const std::string& x) {
         return b.node("Div", {x, b.node("Add", {b.node("Abs", {x}), b.number(1.0f)})});
       }},
  };
  for (const auto& [name, make] : cases) {
    GraphBuilder builder({-1, 5});
    builder.result(make(builder, builder.gemm("x", 5, kUnits)));
    EXPECT_EQ(expect_same(builder, name), fmt::format("dense {}, {}", kUnits, name));
  }
}

TEST(RecogniseActivations, OldClipHasItsLimitsAsAttributes) {
  GraphBuilder builder({-1, 5}, 9);
  builder.result(builder.node("Clip", {builder.gemm("x", 5, kUnits)}, {{"min", 0.0f}, {"max", 6.0f}}));
  EXPECT_EQ(expect_same(builder), "dense 6, relu6");
}

/// What is used elsewhere cannot disappear in an activation.
TEST(RecogniseActivations, APartWithAnotherUserIsNoPart) {
  GraphBuilder builder({-1, 5});
  const std::string hidden = builder.gemm("x", 5, kUnits), gate = builder.node("Sigmoid", {hidden});
  const std::string silu = builder.node("Mul", {hidden, gate});
  builder.result(builder.node("Add", {silu, gate}));
  EXPECT_EQ(expect_same(builder), "dense 6, operators");
}

}  // namespace
}  // namespace halfwave::testing
