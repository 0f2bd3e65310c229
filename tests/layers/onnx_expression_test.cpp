// Lost if this fails: the one notation from which every layer gets its ONNX nodes.
#include "layers/onnx_expression.h"

#include <gtest/gtest.h>

#include "halfwave/error.h"
#include "layers/registry.h"

namespace halfwave {
namespace {

/// The expression in one spelling, from what the parser understood.
std::string spell(const OnnxExpression& expression) {
  if (!expression.is_operation) return expression.text;
  std::string text;
  for (const OnnxExpression& argument : expression.arguments)
    text += (text.empty() ? "" : ", ") + spell(argument);
  for (const auto& [name, value] : expression.attributes)
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  return expression.text + "(" + text + ")";
}

TEST(OnnxExpression, KeepsStructure) {
  for (const char* text :
       {"x", "0.5", "Relu(x)", "Gemm(x, weight, bias)", "Clip(x, -1, 6)", "LeakyRelu(x, alpha=slope)",
        "Concat(Relu(x), Relu(Neg(x)), axis=1)", "Conv(x, weight, bias?, kernel_shape=kernel)",
        "Shrink(x, lambd=lambda, bias=0)", "Mul(Mul(x, 0.5), Add(1, Erf(Mul(x, 0.7071067811865476))))"})
    EXPECT_EQ(spell(parse_onnx_expression(text)), text);
  EXPECT_EQ(spell(parse_onnx_expression("  Concat ( Relu(x),x ,axis = -1 ) ")),
            "Concat(Relu(x), x, axis=-1)");
}

TEST(OnnxExpression, EveryLayerHasOne) {
  for (const LayerInfo& kind : layer_kinds())
    EXPECT_EQ(spell(parse_onnx_expression(kind.onnx)), kind.onnx) << kind.name;
}

TEST(OnnxExpression, NamesThePlaceOfAMistake) {
  for (const auto& [text, place] :
       {std::pair{"", "character 1:"}, std::pair{"Relu(", "character 6:"},
        std::pair{"Relu(x", "character 7:"}, std::pair{"Relu(x))", "character 8:"},
        std::pair{"Relu()", "character 6:"}, std::pair{"Add(x,,y)", "character 7:"},
        std::pair{"Elu(x, alpha=)", "character 14:"}, std::pair{"Elu(Neg(x)=1)", "character 11:"},
        std::pair{"x y", "character 3:"}, std::pair{"Elu(x, =1)", "character 8:"}}) {
    try {
      parse_onnx_expression(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::fault);
      EXPECT_NE(std::string(error.what()).find(place), std::string::npos) << error.what();
    }
  }
}

TEST(OnnxExpression, Numbers) {
  EXPECT_EQ(parse_number("-1"), -1.0);
  EXPECT_EQ(parse_number("1e-05"), 1e-5);
  for (const char* text : {"", "x", "1x", " 1", "1 ", "--1", "0x10"})
    EXPECT_FALSE(parse_number(text)) << text;
}

}  // namespace
}  // namespace halfwave
