// Lost if this fails: safety against damaged, foreign and hostile model files. Each is refused with its
// reason, and a changed graph is never mistaken for the network that its metadata describe.
#include "io/model_damage.h"

namespace halfwave {
namespace {

namespace fs = std::filesystem;
using namespace test;
using testing::HasSubstr;

TEST_F(ModelDamage, UntouchedFilesAreRead) {
  EXPECT_EQ(read(good().SerializeAsString()), "");
  EXPECT_EQ(read(good_table().SerializeAsString()), "");
  EXPECT_EQ(read(good_regression().SerializeAsString()), "");
  EXPECT_EQ(read(good_conv().SerializeAsString()), "");
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
  for (const std::string& bytes :
       {good().SerializeAsString(), good_table().SerializeAsString(), good_conv().SerializeAsString()})
    for (std::size_t size = 0; size < bytes.size(); ++size)
      ASSERT_NE(read(std::string_view(bytes).substr(0, size)), "") << size;
}

TEST_F(ModelDamage, FilesWithoutTheirMetadata) {
  onnx::ModelProto model = good();
  model.clear_metadata_props();
  EXPECT_THAT(read(model.SerializeAsString()), HasSubstr("metadata 'halfwave.schema' is missing"));
  model.set_producer_name("another program");  // its graph is all that counts
  EXPECT_EQ(read(model.SerializeAsString()), "");
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

TEST_F(ModelDamage, GridTensors) {
  const Damage damages[] = {
      {"tensor 'conv_2.weight' is missing", [](auto& m) { tensor(m, "conv_2.weight").set_name("conv"); }},
      {"'conv_1.weight' has shape [4, 3, 2, 3] where the network needs [4, 3, 3, 2]",
       [](auto& m) { tensor(m, "conv_1.weight").set_dims(2, 2), tensor(m, "conv_1.weight").set_dims(3, 3); }},
      {"'conv_2.weight' has shape [2, 4, 3, 3] where the network needs [4, 2, 3, 3]",
       [](auto& m) { tensor(m, "conv_2.weight").set_dims(0, 2), tensor(m, "conv_2.weight").set_dims(1, 4); }},
      {"'prelu_1.slope' has shape [4] where the network needs [4, 1, 1]",
       [](auto& m) { tensor(m, "prelu_1.slope").clear_dims(), tensor(m, "prelu_1.slope").add_dims(4); }},
      {"'preprocessing.mean' has shape [3] where the network needs [3, 6, 5]",
       [](auto& m) {
         tensor(m, "preprocessing.mean").clear_dims(), tensor(m, "preprocessing.mean").add_dims(3);
       }},
      {"'preprocessing.scale' is not finite at place 1",
       [](auto& m) {
         tensor(m, "preprocessing.scale").mutable_raw_data()->replace(4, 4, "\xFF\xFF\xFF\x7F");
       }},
  };
  for (const Damage& damage : damages) {
    onnx::ModelProto model = good_conv();
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
  const Damage conv_damages[] = {
      {"node 'conv_1'", [](auto& m) { node(m, "conv_1").mutable_attribute(1)->set_ints(0, 1); }},
      {"node 'conv_1'", [](auto& m) { node(m, "conv_1").mutable_attribute(2)->set_ints(3, 2); }},
      {"node 'conv_2'", [](auto& m) { node(m, "conv_2").mutable_attribute()->RemoveLast(); }},
      {"node 'residual_1'", [](auto& m) { node(m, "residual_1").set_input(1, "conv_1"); }},
      {"node 'residual_1'", [](auto& m) { node(m, "residual_1").set_op_type("Sub"); }},
      {"node 'pool_1'", [](auto& m) { node(m, "pool_1").set_op_type("AveragePool"); }},
      {"node 'flatten_1.Transpose_1'",
       [](auto& m) { node(m, "flatten_1.Transpose_1").mutable_attribute(0)->set_ints(1, 3); }},
      {"input 'input'", [](auto& m) { replace(metadata(m, "halfwave.schema"), "[3,6,5]", "[3,5,6]"); }},
      {"node 'residual_1'",
       [](auto& m) { replace(metadata(m, "halfwave.network"), "residual(conv", "residual(input | conv"); }},
  };
  for (const Damage& damage : conv_damages) {
    onnx::ModelProto model = good_conv();
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

}  // namespace
}  // namespace halfwave
