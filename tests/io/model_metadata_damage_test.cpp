// Lost if this fails: safety against model files whose metadata are damaged or describe something absurd.
// Each is refused with its reason, before anything large is allocated.
#include "io/model_damage.h"

namespace halfwave {
namespace {

using namespace test;
using testing::HasSubstr;

TEST_F(ModelDamage, Metadata) {
  const Damage damages[] = {
      {"halfwave.schema is not JSON", [](auto& m) { metadata(m, "halfwave.schema") = "{"; }},
      {"halfwave.schema is not JSON", [](auto& m) { metadata(m, "halfwave.schema") = "[]"; }},
      {"halfwave.schema is not JSON",
       [](auto& m) { metadata(m, "halfwave.schema") = std::string(100000, '['); }},
      {"halfwave.schema has no 'task'", [](auto& m) { metadata(m, "halfwave.schema") = "{}"; }},
      {"halfwave.schema, task is neither",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "classification", "clustering"); }},
      {"halfwave.schema, shape is not a list",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "9"); }},
      {"halfwave.schema, shape 0 is not a whole number",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[9.5]"); }},
      {"halfwave.schema, shape 0 is not a whole number",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[-9]"); }},
      {"halfwave.schema, shape 0 is not a whole number",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[18446744073709551615]"); }},
      {"shape", [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[0]"); }},
      {"no shape", [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[]"); }},
      {"columns make 9 features", [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[8]"); }},
      {"columns make 9 features", [](auto& m) { replace(metadata(m, "halfwave.schema"), "[9]", "[3,3]"); }},
      {"columns 0, fill is not a number",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "\"fill\":38", "\"fill\":1e39,\"old\":38"); }},
      {"columns 1 has no 'name'",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "\"name\":\"hours", "\"nom\":\"hours"); }},
      {"columns 3, kind is neither",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "\"text\"", "\"texts\""); }},
      {"numeric column after a text column",
       [](auto& m) {
         replace(metadata(m, "halfwave.schema"), "\"numeric\"", "\"text\",\"categories\":[\"a\"]");
       }},
      {"the network has 3 outputs, but the schema 4 classes",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "\"class 1\"", "\"class 1\",\"more\""); }},
      {"no outputs",
       [](auto& m) { replace(metadata(m, "halfwave.schema"), "\"outputs\":1", "\"outputs\":0"); }},
      {"halfwave.facts is not JSON", [](auto& m) { metadata(m, "halfwave.facts") = "epochs"; }},
      {"halfwave.facts, epochs", [](auto& m) { metadata(m, "halfwave.facts") = "{\"epochs\":12}"; }},
      {"halfwave.facts, a 0 is not a whole number",
       [](auto& m) { metadata(m, "halfwave.facts") = "{\"a\":[256]}"; }},
  };
  for (const Damage& damage : damages) {
    onnx::ModelProto model = good_table();
    damage.change(model);
    EXPECT_THAT(read(model.SerializeAsString()), HasSubstr(damage.reason));
  }
}

TEST_F(ModelDamage, NetworkLines) {
  for (const char* line : {"",
                           ", ",
                           "dense",
                           "transformer 6, relu, dense 3",
                           "dense 6 7, relu, dense 3",
                           "dense 0, relu, dense 3",
                           "dense -6, relu, dense 3",
                           "dense nan, relu, dense 3",
                           "dense 1e300, relu, dense 3",
                           "dense six, relu, dense 3",
                           "dense units, relu, dense 3",
                           "dense units=, relu, dense 3",
                           "dense 6, relu, dropout 2, dense 3",
                           "dense 6, relu, dropout reit=0.5, dense 3",
                           "dense 6, relu",
                           "dense 6, relu, dense 4",
                           "dense 7, relu, dense 3",
                           "dense 6, relu, dense 3, relu",
                           "dense 6, relu 1 2, dense 3",
                           "dense 6, relu slope=1, dense 3"}) {
    onnx::ModelProto model = good();
    metadata(model, "halfwave.network") = line;
    EXPECT_NE(read(model.SerializeAsString()), "") << line;
  }
  onnx::ModelProto conv = good_conv();
  const std::string written =
      "conv 4 3x2 stride=2, prelu, residual(conv 4 3 groups=2), pool 2, flatten, dense 3";
  metadata(conv, "halfwave.network") = written;
  ASSERT_EQ(read(conv.SerializeAsString()), "");
  for (const auto& [from, to] : {std::pair{"conv 4 3x2", "conv 4 3x0"},
                                 {"conv 4 3x2", "conv 4 3x2x1"},
                                 {"conv 4 3x2", "conv 4 x2"},
                                 {"conv 4 3x2", "conv 4 2x3"},
                                 {"conv 4 3x2", "conv 4 3.5"},
                                 {"conv 4 3x2", "conv 3x2"},
                                 {"stride=2", "stride=0"},
                                 {"stride=2", "stride=2x3"},
                                 {"stride=2", "stride=-1"},
                                 {"stride=2", "stride=2 padding=0"},
                                 {"stride=2", "stride=2 padding=samer"},
                                 {"stride=2", "stride=2 dilation=5"},
                                 {"groups=2", "groups=3"},
                                 {"groups=2", "groups=0"},
                                 {"groups=2", "bias=0"},
                                 {"residual(", "concat("},
                                 {"residual(", "residual((((("},
                                 {"residual(conv", "residual(pool 2, conv"},
                                 {"residual(conv", "residual(flatten, conv"},
                                 {"residual(conv", "residual(| conv"},
                                 {"), pool", ", pool"},
                                 {"pool 2", "pool 3"},
                                 {"pool 2", "average_pool 2"},
                                 {"pool 2", "pool 2 padding=2"},
                                 {"pool 2", "pool 1"},
                                 {"pool 2", "0 * pool 2"},
                                 {"pool 2", "2 * pool 2"},
                                 {"flatten, ", ""}}) {
    std::string line = written;
    replace(line, from, to);
    metadata(conv, "halfwave.network") = line;
    EXPECT_NE(read(conv.SerializeAsString()), "") << line;
  }
}

/// Small files that describe something huge: an allocation for it would end the test.
TEST_F(ModelDamage, AbsurdSizes) {
  std::string doubled = "dense 6";
  for (int i = 0; i < 80; ++i) doubled += ", crelu";
  for (const std::string& line :
       {std::string("dense 16777216, dense 16777216, dense 3"), doubled, doubled + ", dense 3",
        doubled.substr(0, 300) + ", prelu", std::string(2 << 20, 'r')}) {
    onnx::ModelProto model = good();
    metadata(model, "halfwave.network") = line;
    EXPECT_NE(read(model.SerializeAsString()), "") << line.substr(0, 60);
  }
  for (const char* shape : {"[1099511627776]", "[1099511627776,1099511627776]", "[4,1048576,4096]"}) {
    onnx::ModelProto model = good();
    replace(metadata(model, "halfwave.schema"), "[4]", shape);
    EXPECT_NE(read(model.SerializeAsString()), "") << shape;
    metadata(model, "halfwave.network") = "relu";
    EXPECT_THAT(read(model.SerializeAsString()),
                testing::AnyOf(HasSubstr("account for"), HasSubstr("too large")))
        << shape;
  }
  onnx::ModelProto model = good_regression();
  replace(metadata(model, "halfwave.schema"), "\"outputs\":2", "\"outputs\":1099511627776");
  EXPECT_THAT(read(model.SerializeAsString()), HasSubstr("the network has 2 outputs"));
}

/// The same of grids, whose sizes no tensor accounts for, and of nested lines.
TEST_F(ModelDamage, AbsurdGrids) {
  const std::string open(100000, '('), close(100000, ')');
  std::string tower = "input";
  for (int i = 0; i < 60; ++i) tower = fmt::format("concat({} | input | input)", tower);
  const std::vector<std::string> lines{"conv 4 16384",
                                       "conv 4 16384 padding=16384",
                                       "conv 4 1 padding=16384",
                                       "1000 * (conv 4 1 padding=16384)",
                                       "conv 1048576 16384 padding=16384",
                                       "conv 1048576 1, conv 1048576 1",
                                       "pool 16384 padding=16383 stride=1",
                                       "1000 * pool 3 stride=1 padding=2",
                                       "1000 * (1000 * (1000 * relu))",
                                       "10000000000 * relu",
                                       open + "relu" + close,
                                       open,
                                       "residual" + open,
                                       tower,
                                       tower + ", prelu"};
  for (const std::string& layers : lines) {
    onnx::ModelProto model = good_conv();
    metadata(model, "halfwave.network") = layers + ", flatten, dense 3";
    EXPECT_NE(read(model.SerializeAsString()), "") << layers.substr(0, 60);
  }
  for (const char* shape :
       {"[1,1099511627776]", "[3,1048576,1048576]", "[16777216,6,5]", "[3,6,5,1]", "[90]"}) {
    onnx::ModelProto model = good_conv();
    replace(metadata(model, "halfwave.schema"), "[3,6,5]", shape);
    EXPECT_NE(read(model.SerializeAsString()), "") << shape;
    metadata(model, "halfwave.network") = "pool 1";
    EXPECT_NE(read(model.SerializeAsString()), "") << shape;
  }
}

/// Random damage either leaves a model that can be read, or is refused; read() lets nothing else pass.
TEST_F(ModelDamage, RandomMutations) {
  Random random(2024, stream_id(Stream::data));
  int refused = 0;
  constexpr int kRounds = 4000;
  const std::string originals[] = {good().SerializeAsString(), good_table().SerializeAsString(),
                                   good_regression().SerializeAsString(), good_conv().SerializeAsString()};
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = originals[static_cast<std::size_t>(round) % std::size(originals)];
    for (std::uint64_t change = random.below(4) + 1; change-- > 0;) {
      const std::size_t at = random.below(bytes.size());
      switch (random.below(5)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
          break;
        case 2:
          bytes.erase(at, random.below(9));
          break;
        case 3:
          bytes.insert(at, random.below(9), static_cast<char>(random.below(256)));
          break;
        default:
          bytes.replace(at, 8, bytes.substr(random.below(bytes.size()), 8));
          break;
      }
    }
    refused += !read(bytes).empty();
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(refused, kRounds / 2);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace halfwave
