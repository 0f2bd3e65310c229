// Lost if this fails: safety against damaged, foreign and hostile model files. Each is refused with its
// reason, before anything large is allocated, and a changed graph is never mistaken for the network that its
// metadata describe.
#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "core/file.h"
#include "halfwave/error.h"
#include "io/model_file.h"
#include "io/model_samples.h"
#include "io/onnx_export.h"

namespace halfwave {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ModelDamage : public testing::Test {
 protected:
  ModelDamage() : path_(fs::path(testing::TempDir()) / fmt::format("model_damage_{}.onnx", ::getpid())) {}
  ~ModelDamage() override { fs::remove(path_); }

  /// What read_model says of these bytes; "" where it reads them. Anything but an Error (input) escapes and
  /// fails.
  std::string read(std::string_view bytes) {
    fs::remove(path_);  // a new file is not forced to the disk
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    try {
      read_model(path_);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      const std::string message = error.what();
      EXPECT_THAT(message, HasSubstr(path_.string()));
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return message;
    }
  }

  fs::path path_;
};

onnx::ModelProto good(const std::string& line = "dense 6, relu, dense",
                      Schema schema = test::array_schema({4}, 3)) {
  return to_onnx(test::make_model({"", line, std::move(schema)}, 2), Weights::included);
}
onnx::ModelProto good_table() {
  return good("dense 5, prelu, dense", test::table_schema(test::mixed_columns(), 3));
}
onnx::ModelProto good_regression() {
  return good("dense 5, relu, dense", test::regression(test::array_schema({4}, 0), 2));
}

onnx::TensorProto& tensor(onnx::ModelProto& model, const std::string& name) {
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer())
    if (tensor.name() == name) return tensor;
  throw std::out_of_range(name);
}

onnx::NodeProto& node(onnx::ModelProto& model, const std::string& name) {
  for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node())
    if (node.name() == name) return node;
  throw std::out_of_range(name);
}

std::string& metadata(onnx::ModelProto& model, const std::string& key) {
  for (auto& entry : *model.mutable_metadata_props())
    if (entry.key() == key) return *entry.mutable_value();
  throw std::out_of_range(key);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::out_of_range(from);
  text.replace(at, from.size(), to);
}

struct Damage {
  const char* reason;  ///< part of the message
  void (*change)(onnx::ModelProto&);
};

TEST_F(ModelDamage, UntouchedFilesAreRead) {
  EXPECT_EQ(read(good().SerializeAsString()), "");
  EXPECT_EQ(read(good_table().SerializeAsString()), "");
  EXPECT_EQ(read(good_regression().SerializeAsString()), "");
}

TEST_F(ModelDamage, FilesThatAreNoModels) {
  EXPECT_THAT(read(""), HasSubstr("is empty"));
  EXPECT_THAT(read("epoch,loss\n1,0.5\n"), HasSubstr("not an ONNX file"));
  EXPECT_THAT(read(std::string(1000, '\0')), HasSubstr("not an ONNX file"));
  EXPECT_THAT(read(onnx::ModelProto().SerializeAsString() + "\x08\x08"), HasSubstr("not an ONNX file"));
  EXPECT_THROW(read_model(path_ / "missing.onnx"), Error);
  EXPECT_THROW(read_model(testing::TempDir()), Error);
}

TEST_F(ModelDamage, FilesTooLargeForOnnxAreNotRead) {
  std::ofstream(path_, std::ios::binary) << "x";
  fs::resize_file(path_, std::uintmax_t{3} << 30);  // takes no space on disk
  try {
    read_model(path_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 GiB"));
  }
}

TEST_F(ModelDamage, EveryPlaceToCutItShort) {
  for (const std::string& bytes : {good().SerializeAsString(), good_table().SerializeAsString()})
    for (std::size_t size = 0; size < bytes.size(); ++size)
      ASSERT_NE(read(std::string_view(bytes).substr(0, size)), "") << size;
}

TEST_F(ModelDamage, ForeignFiles) {
  onnx::ModelProto model = good();
  model.clear_metadata_props();
  model.set_producer_name("pytorch");
  EXPECT_THAT(read(model.SerializeAsString()),
              AllOf(HasSubstr("'halfwave train'"), HasSubstr("written by 'pytorch'")));
  model.clear_producer_name();
  EXPECT_THAT(read(model.SerializeAsString()), HasSubstr("written by an unknown program"));
}

TEST_F(ModelDamage, Tensors) {
  const Damage damages[] = {
      {"tensor 'dense_1.weight' is missing", [](auto& m) { m.mutable_graph()->clear_initializer(); }},
      {"tensor 'dense_2.bias' is missing", [](auto& m) { tensor(m, "dense_2.bias").set_name("other"); }},
      {"tensor 'dense_2.bias' is there twice",
       [](auto& m) { tensor(m, "dense_1.bias").set_name("dense_2.bias"); }},
      {"tensor 'dense_1.weight' is damaged: shape [4, 6], but 23 numbers",
       [](auto& m) { tensor(m, "dense_1.weight").mutable_raw_data()->resize(92); }},
      {"'dense_1.weight' is damaged",
       [](auto& m) { tensor(m, "dense_1.weight").mutable_raw_data()->push_back('\0'); }},
      {"'dense_1.weight' is damaged", [](auto& m) { tensor(m, "dense_1.weight").add_float_data(1.0f); }},
      {"'dense_1.weight' is damaged: shape [4, -6]",
       [](auto& m) { tensor(m, "dense_1.weight").set_dims(1, -6); }},
      {"'dense_1.weight' is damaged: shape [0, 6]",
       [](auto& m) { tensor(m, "dense_1.weight").set_dims(0, 0); }},
      {"'dense_1.weight' is damaged: shape [4611686018427387904, 6]",
       [](auto& m) { tensor(m, "dense_1.weight").set_dims(0, std::int64_t{1} << 62); }},
      {"'dense_1.weight' has shape [6, 4] where the network needs [4, 6]",
       [](auto& m) {
         tensor(m, "dense_1.weight").set_dims(0, 6), tensor(m, "dense_1.weight").set_dims(1, 4);
       }},
      {"'dense_1.weight' has shape [24]",
       [](auto& m) { tensor(m, "dense_1.weight").clear_dims(), tensor(m, "dense_1.weight").add_dims(24); }},
      {"'dense_1.weight' is not of 32-bit floats",
       [](auto& m) { tensor(m, "dense_1.weight").set_data_type(onnx::TensorProto::DOUBLE); }},
      {"'dense_1.weight' is not of 32-bit floats",
       [](auto& m) { tensor(m, "dense_1.weight").set_data_type(1234567); }},
      {"'dense_1.weight' is stored in another file",
       [](auto& m) { tensor(m, "dense_1.weight").set_data_location(onnx::TensorProto::EXTERNAL); }},
      {"'dense_1.weight' is stored in another file",
       [](auto& m) { tensor(m, "dense_1.weight").add_external_data()->set_key("location"); }},
      {"'dense_1.weight' is not finite at place 2",
       [](auto& m) { tensor(m, "dense_1.weight").mutable_raw_data()->replace(8, 4, "\xFF\xFF\xFF\xFF"); }},
      {"'preprocessing.mean' is not finite",
       [](auto& m) {
         tensor(m, "preprocessing.mean").mutable_raw_data()->replace(0, 4, "\xFF\xFF\xFF\x7F");
       }},
      {"'preprocessing.scale' has shape [2, 2]",
       [](auto& m) {
         tensor(m, "preprocessing.scale").set_dims(0, 2), tensor(m, "preprocessing.scale").add_dims(2);
       }},
  };
  for (const Damage& damage : damages) {
    onnx::ModelProto model = good();
    damage.change(model);
    EXPECT_THAT(read(model.SerializeAsString()), HasSubstr(damage.reason));
  }
}

/// Tensors may be stored as a list of floats too.
TEST_F(ModelDamage, FloatListsAreRead) {
  onnx::ModelProto model = good();
  onnx::TensorProto& bias = tensor(model, "dense_1.bias");
  bias.clear_raw_data();
  for (int i = 0; i < 6; ++i) bias.add_float_data(static_cast<float>(i));
  ASSERT_EQ(read(model.SerializeAsString()), "");
  const ModelParts parts = read_model(path_);
  EXPECT_THAT(parts.network.get(parts.network.tensors()[1]), testing::ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(ModelDamage, ChangedGraphs) {
  const Damage damages[] = {
      {"node 'relu_1'", [](auto& m) { node(m, "relu_1").set_op_type("Elu"); }},
      {"node 'relu_1'", [](auto& m) { node(m, "relu_1").set_domain("com.example"); }},
      {"node 'relu_1'", [](auto& m) { node(m, "relu_1").set_input(0, "preprocessing.Mul"); }},
      {"node 'relu_1'", [](auto& m) { node(m, "relu_1").add_attribute()->set_name("alpha"); }},
      {"node 'dense_2'", [](auto& m) { node(m, "dense_2").mutable_input()->RemoveLast(); }},
      {"node 'dense_2' is missing", [](auto& m) { m.mutable_graph()->mutable_node()->RemoveLast(); }},
      {"node 'more' was added", [](auto& m) { m.mutable_graph()->add_node()->set_name("more"); }},
      {"node 'dense_1'", [](auto& m) { m.mutable_graph()->mutable_node()->SwapElements(1, 2); }},
      {"input 'input'",
       [](auto& m) {
         m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
             onnx::TensorProto::DOUBLE);
       }},
      {"input 'more' was added", [](auto& m) { m.mutable_graph()->add_input()->set_name("more"); }},
      {"output 'x'", [](auto& m) { m.mutable_graph()->mutable_output(0)->set_name("x"); }},
      {"operator versions", [](auto& m) { m.mutable_opset_import(0)->set_version(18); }},
      {"operator versions", [](auto& m) { m.clear_opset_import(); }},
      {"tensors were added",
       [](auto& m) {
         *m.mutable_graph()->add_initializer() = tensor(m, "dense_1.bias"),
         m.mutable_graph()->mutable_initializer()->rbegin()->set_name("y");
       }},
      {"sparse tensors", [](auto& m) { m.mutable_graph()->add_sparse_initializer(); }},
      {"functions were added", [](auto& m) { m.add_functions()->set_name("Relu"); }},
      {"node 'relu_1'", [](auto& m) { replace(metadata(m, "halfwave.network"), "relu", "silu"); }},
      {"node 'preprocessing.Sub'",
       [](auto& m) {
         tensor(m, "preprocessing.mean").clear_dims(),
             tensor(m, "preprocessing.mean").set_raw_data(std::string(4, '\0'));
       }},
  };
  for (const Damage& damage : damages) {
    onnx::ModelProto model = good();
    damage.change(model);
    EXPECT_THAT(read(model.SerializeAsString()),
                AllOf(HasSubstr("changed after Halfwave wrote it"), HasSubstr(damage.reason)));
  }
  onnx::ModelProto clip = good("dense 6, relu6, dense");
  tensor(clip, "relu6_1.6").mutable_raw_data()->assign("\0\0\x80\x3F", 4);
  EXPECT_THAT(read(clip.SerializeAsString()), HasSubstr("tensor 'relu6_1.6' is not as written"));
  onnx::ModelProto fill = good_table();
  replace(metadata(fill, "halfwave.schema"), "38.5", "39.5");
  EXPECT_THAT(read(fill.SerializeAsString()), HasSubstr("tensor 'preprocessing.fill' is not as written"));
  onnx::ModelProto categories = good_table();
  replace(metadata(categories, "halfwave.schema"), "Divorced", "Married");
  EXPECT_THAT(read(categories.SerializeAsString()), HasSubstr("node 'preprocessing.OneHotEncoder_1'"));
}

/// What does not change the function is no reason to refuse the file.
TEST_F(ModelDamage, HarmlessChangesAreRead) {
  onnx::ModelProto model = good();
  model.set_doc_string("seen");
  node(model, "relu_1").set_doc_string("seen");
  model.mutable_graph()->mutable_input(0)->set_doc_string("seen");
  model.mutable_graph()->mutable_initializer()->SwapElements(0, 3);
  *model.mutable_graph()->add_value_info() = model.graph().output(0);
  auto* entry = model.add_metadata_props();
  entry->set_key("their.own");
  EXPECT_EQ(read(model.SerializeAsString()), "");
}

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
                           "dense 6,relu",
                           "dense  6, relu, dense 3",
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

/// Random damage either leaves a model that can be read, or is refused; read() lets nothing else pass.
TEST_F(ModelDamage, RandomMutations) {
  Random random(2024, stream_id(Stream::data));
  int refused = 0;
  constexpr int kRounds = 4000;
  const std::string originals[] = {good().SerializeAsString(), good_table().SerializeAsString(),
                                   good_regression().SerializeAsString()};
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = originals[round % 3];
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
