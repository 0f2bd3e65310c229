// Lost if these fail: a model file that someone sends can make Halfwave read other files, take all memory,
// hang or crash; and a wrong one is used although it contradicts itself.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "halfwave/error.h"
#include "io/io_files.h"
#include "io/model_file.h"
#include "io/onnx_builder.h"

namespace halfwave::test {
namespace {

namespace fs = std::filesystem;
using halfwave::testing::Folder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class OnnxUnsafe : public ::testing::Test {
 protected:
  /// What read_model says of the model, as a file in the folder.
  std::string read(const onnx::ModelProto& model) { return read_bytes(model.SerializeAsString()); }

  std::string read_bytes(const std::string& bytes) {
    const std::string path = folder_.write("model/net.onnx", bytes);
    const auto start = std::chrono::steady_clock::now();
    std::string message;
    try {
      read_model(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      message = error.what();
      EXPECT_THAT(message, HasSubstr(path));
      EXPECT_EQ(message.find_first_of("\n\r\t\x1b"), std::string::npos);
      EXPECT_LT(message.size(), 5000u);
    }
    // Generous: a busy machine, sanitizers. What it would take to allocate or compute is minutes.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    return message;
  }

  /// A model whose initialiser "shift" is in another file.
  static onnx::ModelProto external(const std::string& location) {
    onnx::ModelProto model = shift_relu();
    onnx::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(0);
    tensor.clear_float_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    set(tensor, "location", location);
    return model;
  }
  static void set(onnx::TensorProto& tensor, const std::string& key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  static onnx::ModelProto external(const std::string& location, const std::string& key,
                                   const std::string& value) {
    onnx::ModelProto model = external(location);
    set(*model.mutable_graph()->mutable_initializer(0), key, value);
    return model;
  }

  Folder folder_;
};

const std::string kNumbers(12, '\0');  // three floats

// --- other files ---

TEST_F(OnnxUnsafe, ExternalDataInTheFolderIsRead) {
  folder_.write("model/weights.bin", kNumbers);
  folder_.write("model/deeper/weights.bin", "1234" + kNumbers + "1234");
  EXPECT_EQ(read(external("weights.bin")), "");
  EXPECT_EQ(read(external("./weights.bin")), "");
  onnx::ModelProto model = external("deeper/weights.bin", "offset", "4");
  set(*model.mutable_graph()->mutable_initializer(0), "length", "12");
  EXPECT_EQ(read(model), "");
}

TEST_F(OnnxUnsafe, ExternalDataDoesNotLeaveTheFolder) {
  folder_.write("secret.bin", kNumbers);
  folder_.write("model/weights.bin", kNumbers);
  const auto refused = [](const std::string& why) {
    return AllOf(HasSubstr("tensor 'shift'"), HasSubstr(why));
  };
  EXPECT_THAT(read(external("../secret.bin")), refused("only files in the model's folder"));
  EXPECT_THAT(read(external("a/../../secret.bin")), refused("is not read"));
  EXPECT_THAT(read(external("./../secret.bin")), refused("only files in the model's folder"));
  EXPECT_THAT(read(external(folder_.file("model/weights.bin"))), refused("only files in the model's folder"));
  EXPECT_THAT(read(external("")), refused("no file's name"));
  EXPECT_THAT(read(external(std::string("weights.bin\0x", 13))), refused("no file's name"));
  EXPECT_THAT(read(external("absent.bin")), refused("No such file"));
}

TEST_F(OnnxUnsafe, ExternalDataFollowsNoLinks) {
  folder_.write("secret.bin", kNumbers);
  folder_.write("other/secret.bin", kNumbers);
  fs::create_directories(folder_.path() / "model");
  fs::create_symlink("../secret.bin", folder_.path() / "model/link.bin");
  fs::create_directory_symlink("../other", folder_.path() / "model/other");
  fs::create_hard_link(folder_.path() / "secret.bin", folder_.path() / "model/hard.bin");
  EXPECT_THAT(read(external("link.bin")), HasSubstr("it is a symbolic link"));
  EXPECT_THAT(read(external("other/secret.bin")), HasSubstr("it is a symbolic link"));
  EXPECT_THAT(read(external("hard.bin")), HasSubstr("it is a hard link"));
}

TEST_F(OnnxUnsafe, ExternalDataIsInRegularFiles) {
  fs::create_directories(folder_.path() / "model/folder");
  ASSERT_EQ(::mkfifo(folder_.file("model/pipe").c_str(), 0600), 0);
  EXPECT_THAT(read(external("folder")), HasSubstr("no regular file"));
  EXPECT_THAT(read(external(".")), HasSubstr("no regular file"));
  EXPECT_THAT(read(external("pipe")), HasSubstr("no regular file"));  // and nobody waits for a writer
}

TEST_F(OnnxUnsafe, ExternalDataFitsItsFile) {
  folder_.write("model/weights.bin", kNumbers);
  for (const char* offset : {"1", "12", "13", "18446744073709551615", "9223372036854775807"})
    EXPECT_THAT(read(external("weights.bin", "offset", offset)), HasSubstr("it asks for 12 bytes")) << offset;
  for (const char* offset : {"-1", "", " 0", "1e3", "18446744073709551616", "0x0"})
    EXPECT_THAT(read(external("weights.bin", "offset", offset)), HasSubstr("no number of bytes")) << offset;
  EXPECT_THAT(read(external("weights.bin", "length", "8")),
              HasSubstr("ask for 12 bytes, but its length is 8"));
  onnx::ModelProto model = external("weights.bin");
  model.mutable_graph()->mutable_initializer(0)->set_dims(0, std::int64_t{1} << 30);
  EXPECT_THAT(read(model), HasSubstr("it asks for 4294967296 bytes"));
  model.mutable_graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::STRING);
  EXPECT_THAT(read(model), HasSubstr("texts cannot be in another file"));
}

TEST_F(OnnxUnsafe, ManyTensorsCannotReadOneFileUntilMemoryIsFull) {
  folder_.write("model/weights.bin", "");
  fs::resize_file(folder_.path() / "model/weights.bin", std::uintmax_t{1} << 40);  // all holes
  onnx::ModelProto model = external("weights.bin");
  onnx::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.set_dims(0, std::int64_t{1} << 29);
  EXPECT_THAT(read(model), HasSubstr("larger than 2 GiB"));
}

// --- sizes ---

TEST_F(OnnxUnsafe, SizesAreCheckedBeforeAnythingIsAllocated) {
  onnx::ModelProto model = shift_relu();
  onnx::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(0);
  for (const std::int64_t size :
       {std::int64_t{1000000000000}, std::int64_t{1} << 31, std::int64_t{-1},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), std::int64_t{4},
        std::int64_t{0}}) {
    tensor.set_dims(0, size);
    EXPECT_THAT(read(model), HasSubstr("tensor 'shift'")) << size;
  }
  tensor.clear_dims();
  for (int i = 0; i < 3; ++i) tensor.add_dims(std::int64_t{1} << 31);  // the product is 2^93
  EXPECT_THAT(read(model), HasSubstr("elements"));
}

TEST_F(OnnxUnsafe, OperatorsCannotMakeHugeTensors) {
  onnx::ModelProto model = empty_model();
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::TensorProto& shape = *graph.add_initializer();
  shape.set_name("shape");
  shape.set_data_type(onnx::TensorProto::INT64);
  shape.add_dims(2);
  shape.add_int64_data(1000000);
  shape.add_int64_data(1000000);
  add_node(graph, "ConstantOfShape", {"shape"}, {"huge"}, "make");
  add_node(graph, "Add", {"x", "huge"}, {"y"}, "add");
  EXPECT_THAT(read(model), AllOf(HasSubstr("node 'make'"), HasSubstr("elements")));
}

TEST_F(OnnxUnsafe, SparseTensorsCannotClaimMoreThanALimit) {
  onnx::ModelProto model = shift_relu();
  onnx::SparseTensorProto& sparse = *model.mutable_graph()->add_sparse_initializer();
  sparse.mutable_values()->set_name("sparse");
  sparse.mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse.mutable_values()->add_dims(0);
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->add_dims(0);
  sparse.add_dims(1 << 30);
  EXPECT_THAT(read(model), HasSubstr("tensor 'sparse': sparse tensors of more than"));
}

TEST_F(OnnxUnsafe, FunctionsCannotGrowWithoutLimit) {
  onnx::ModelProto model = shift_relu();
  model.add_opset_import()->set_domain("mine");
  model.mutable_opset_import(1)->set_version(1);
  constexpr int kLevels = 40;  // 2^40 nodes
  for (int level = 0; level <= kLevels; ++level) {
    onnx::FunctionProto& function = *model.add_functions();
    function.set_name(fmt::format("f{}", level));
    function.set_domain("mine");
    function.add_input("a");
    function.add_output("c");
    const std::string called = fmt::format("f{}", level + 1);
    add_node(function, called, {"a"}, {"b"}).set_domain("mine");
    add_node(function, called, {"b"}, {"c"}).set_domain("mine");
    if (level == kLevels)
      for (onnx::NodeProto& node : *function.mutable_node()) node.set_op_type("Relu");
  }
  model.mutable_graph()->mutable_node(1)->set_op_type("f0");
  model.mutable_graph()->mutable_node(1)->set_domain("mine");
  EXPECT_THAT(read(model), HasSubstr("put in place of their calls, are too large"));
}

TEST_F(OnnxUnsafe, FunctionsCannotCallThemselves) {
  onnx::ModelProto model = shift_relu();
  model.add_opset_import()->set_domain("mine");
  model.mutable_opset_import(1)->set_version(1);
  onnx::FunctionProto& function = *model.add_functions();
  function.set_name("again");
  function.set_domain("mine");
  function.add_input("a");
  function.add_output("b");
  add_node(function, "again", {"a"}, {"b"}).set_domain("mine");
  model.mutable_graph()->mutable_node(1)->set_op_type("again");
  model.mutable_graph()->mutable_node(1)->set_domain("mine");
  EXPECT_THAT(read(model), HasSubstr("functions that call functions"));
}

TEST_F(OnnxUnsafe, DeeplyNestedMessagesAreNoModel) {
  std::string bytes;  // a graph in an attribute of a node of a graph in …, from the inside
  const auto wrap = [&](int field) {
    std::string size;
    for (std::size_t n = bytes.size();; n >>= 7) {
      size += static_cast<char>((n & 127) | (n > 127 ? 128 : 0));
      if (n <= 127) break;
    }
    bytes = fmt::format("{}{}{}", static_cast<char>(field << 3 | 2), size, bytes);
  };
  for (int level = 0; level < 10000; ++level)
    for (const int field : {6, 5, 1}) wrap(field);
  wrap(7);
  EXPECT_THAT(read_bytes(bytes), HasSubstr("not an ONNX file"));
}

TEST_F(OnnxUnsafe, FilesLargerThanTheFormatAllowsAreNotRead) {
  const std::string path = folder_.write("model/net.onnx", "");
  fs::resize_file(path, (std::uintmax_t{1} << 31) + 1);
  try {
    read_model(path);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("larger than 2 GiB"));
  }
}

// --- contradictions, each with its place ---

struct Fault {
  const char* what;
  std::function<void(onnx::ModelProto&)> make;
  std::string message;
};

onnx::GraphProto& graph_of(onnx::ModelProto& model) { return *model.mutable_graph(); }

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all{
      {"a circle", [](auto& m) { graph_of(m).mutable_node(0)->set_input(1, "y"); },
       "node 'add' ('Add') is part of a circle"},
      {"a node that takes its own output", [](auto& m) { graph_of(m).mutable_node(1)->set_input(0, "y"); },
       "node 'relu' ('Relu') is part of a circle"},
      {"a missing input", [](auto& m) { graph_of(m).mutable_node(1)->set_input(0, "nowhere"); },
       "node 'relu' ('Relu') takes 'nowhere', which nothing makes"},
      {"an output made twice", [](auto& m) { add_node(graph_of(m), "Relu", {"x"}, {"y"}, "again"); },
       "node 'relu' ('Relu') and node 'again' ('Relu') both make 'y'"},
      {"a node that makes an input",
       [](auto& m) { add_node(graph_of(m), "Relu", {"moved"}, {"x"}, "again"); },
       "node 'again' ('Relu') makes 'x', which is an input or initialiser"},
      {"a node that makes an initialiser",
       [](auto& m) { add_node(graph_of(m), "Relu", {"moved"}, {"shift"}, "again"); },
       "makes 'shift', which is an input or initialiser"},
      {"initialisers of one name",
       [](auto& m) { *graph_of(m).add_initializer() = graph_of(m).initializer(0); },
       "initialiser 'shift' is there twice"},
      {"inputs of one name", [](auto& m) { *graph_of(m).add_input() = graph_of(m).input(0); },
       "input 'x' is there twice"},
      {"outputs of one name", [](auto& m) { *graph_of(m).add_output() = graph_of(m).output(0); },
       "output 'y' is there twice"},
      {"an output that nothing makes", [](auto& m) { graph_of(m).mutable_output(0)->set_name("z"); },
       "output 'z': nothing makes it"},
      {"no output", [](auto& m) { graph_of(m).clear_output(); }, "the graph has no output"},
      {"no name", [](auto& m) { graph_of(m).mutable_input(0)->clear_name(); }, "has no name"},
      {"attributes of one name",
       [](auto& m) {
         add_integer(*graph_of(m).mutable_node(0), "axis", 0);
         add_integer(*graph_of(m).mutable_node(0), "axis", 1);
       },
       "node 'add' (Add, opset 17): attribute 'axis': it is there twice"},
      {"a graph within a node",
       [](auto& m) {
         onnx::AttributeProto& branch = *graph_of(m).mutable_node(1)->add_attribute();
         branch.set_name("then_branch");
         branch.set_type(onnx::AttributeProto::GRAPH);
         branch.mutable_g();
       },
       "node 'relu' (Relu, opset 17): attribute 'then_branch': it is a graph"},
      {"more outputs than the operator has", [](auto& m) { graph_of(m).mutable_node(1)->add_output("more"); },
       "node 'relu'"},
      {"no outputs",
       [](auto& m) {
         graph_of(m).mutable_node(0)->clear_output();
         graph_of(m).mutable_node(0)->clear_name();
         graph_of(m).mutable_node(1)->set_input(0, "x");
       },
       "a node ('Add') has no outputs"},
      {"a sequence", [](auto& m) { graph_of(m).mutable_input(0)->mutable_type()->mutable_sequence_type(); },
       "input 'x': it is no tensor"},
      {"no type", [](auto& m) { graph_of(m).mutable_input(0)->clear_type(); },
       "input 'x': the type of its elements is not told"},
      {"too few numbers",
       [](auto& m) { graph_of(m).mutable_initializer(0)->mutable_float_data()->RemoveLast(); },
       "tensor 'shift': its shape [3] asks for 3 elements, but it has 2"},
      {"too many numbers", [](auto& m) { graph_of(m).mutable_initializer(0)->add_float_data(0); },
       "but it has 4"},
      {"numbers in the wrong list",
       [](auto& m) {
         graph_of(m).mutable_initializer(0)->clear_float_data();
         for (int i = 0; i < 3; ++i) graph_of(m).mutable_initializer(0)->add_int64_data(i);
       },
       "but it has 0"},
      {"numbers twice", [](auto& m) { graph_of(m).mutable_initializer(0)->set_raw_data(kNumbers); },
       "tensor 'shift': its elements are there twice"},
      {"half a number",
       [](auto& m) {
         graph_of(m).mutable_initializer(0)->clear_float_data();
         graph_of(m).mutable_initializer(0)->set_raw_data("12345678901");
       },
       "tensor 'shift': its 11 bytes are not whole elements"},
      {"a segment", [](auto& m) { graph_of(m).mutable_initializer(0)->mutable_segment()->set_begin(0); },
       "only a segment"},
      {"a newer type of elements", [](auto& m) { graph_of(m).mutable_initializer(0)->set_data_type(17); },
       "tensor 'shift': elements of float8 (e4m3fn) are not supported"},
      {"int4", [](auto& m) { graph_of(m).mutable_initializer(0)->set_data_type(22); }, "elements of int4"},
      {"complex numbers", [](auto& m) { graph_of(m).mutable_initializer(0)->set_data_type(14); },
       "complex64"},
      {"no type of elements", [](auto& m) { graph_of(m).mutable_initializer(0)->clear_data_type(); },
       "no type"},
      {"an unknown type of elements", [](auto& m) { graph_of(m).mutable_initializer(0)->set_data_type(-5); },
       "elements of type -5 are not known"},
      {"a newer file format", [](auto& m) { m.set_ir_version(99); }, "version 99 of the format; up to"},
      {"a newer opset", [](auto& m) { m.mutable_opset_import(0)->set_version(99); },
       "the file uses opset 99"},
      {"a wrong opset", [](auto& m) { m.mutable_opset_import(0)->set_version(-1); },
       "the file uses opset -1"},
      {"two opsets", [](auto& m) { m.add_opset_import()->set_version(16); },
       "two versions of ONNX's operators"},
      {"a domain that is not imported",
       [](auto& m) { graph_of(m).mutable_node(1)->set_domain("com.example"); },
       "node 'relu' ('Relu'): the model does not import domain 'com.example'"},
      {"an operator that is not known", [](auto& m) { graph_of(m).mutable_node(1)->set_op_type("Reluu"); },
       "node 'relu' (Reluu, opset 17): this operator is not known. Known are: "},
      {"shapes that do not fit",
       [](auto& m) {
         graph_of(m).mutable_initializer(0)->set_dims(0, 2);
         graph_of(m).mutable_initializer(0)->mutable_float_data()->RemoveLast();
       },
       "node 'add'"},
      {"no graph", [](auto& m) { m.clear_graph(); }, "not an ONNX file"},
  };
  return all;
}

TEST_F(OnnxUnsafe, EveryContradictionIsNamedWithItsPlace) {
  EXPECT_EQ(read(shift_relu()), "");
  for (const Fault& fault : faults()) {
    onnx::ModelProto model = shift_relu();
    fault.make(model);
    EXPECT_THAT(read(model), HasSubstr(fault.message)) << fault.what;
  }
}

TEST_F(OnnxUnsafe, NamesOfAnyKindGiveMessagesOfOneReadableLine) {
  for (const std::string& name : {std::string(1 << 20, 'x'), std::string("a\nb\x1b[31m"),
                                  std::string("\xFF\xFE"), std::string(3, '\0')}) {
    onnx::ModelProto model = shift_relu();
    model.mutable_graph()->mutable_node(1)->set_name(name);
    model.mutable_graph()->mutable_node(1)->set_op_type("Reluu");
    EXPECT_THAT(read(model), HasSubstr("this operator is not known"));
    model.mutable_graph()->mutable_node(1)->set_op_type(name);
    EXPECT_THAT(read(model), HasSubstr("this operator is not known"));
    model.mutable_graph()->mutable_node(1)->set_op_type("Relu");
    model.mutable_graph()->mutable_node(1)->set_input(0, name);
    EXPECT_THAT(read(model), HasSubstr("which nothing makes"));
    model.mutable_graph()->mutable_initializer(0)->set_name(name);
    model.mutable_graph()->mutable_initializer(0)->add_float_data(0);
    EXPECT_THAT(read(model), HasSubstr("but it has 4"));
  }
}

TEST_F(OnnxUnsafe, CutFilesAreNoModels) {
  const std::string bytes = shift_relu().SerializeAsString();
  for (std::size_t size = 0; size < bytes.size(); ++size) read_bytes(bytes.substr(0, size));
  EXPECT_THAT(read_bytes(""), HasSubstr("empty"));
  EXPECT_THAT(read_bytes("PK\x03\x04 no model at all"), HasSubstr("not an ONNX file"));
}

}  // namespace
}  // namespace halfwave::test
