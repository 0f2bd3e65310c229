// Lost if this fails: a trained model. Every number, name and fact must come back from its file as it was.
#include "io/model_file.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/file.h"
#include "halfwave/error.h"
#include "io/model_samples.h"

namespace halfwave {
namespace {

namespace fs = std::filesystem;
using test::make_model;

class ModelFile : public testing::Test {
 protected:
  ModelFile() : folder_(fs::path(testing::TempDir()) / fmt::format("model_file_{}", ::getpid())) {
    fs::create_directories(folder_);
  }
  ~ModelFile() override { fs::remove_all(folder_); }
  fs::path path() const { return folder_ / "model.onnx"; }
  ModelParts round_trip(const ModelParts& parts) {
    write_model(parts, path());
    return read_model(path());
  }

  fs::path folder_;
};

std::vector<std::uint32_t> bits(std::span<const float> numbers) {
  std::vector<std::uint32_t> list;
  for (const float x : numbers) list.push_back(std::bit_cast<std::uint32_t>(x));
  return list;
}

void expect_same(const Schema& a, const Schema& b) {
  EXPECT_EQ(a.task, b.task);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.classes, b.classes);
  EXPECT_EQ(a.outputs, b.outputs);
  ASSERT_EQ(a.columns.size(), b.columns.size());
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    EXPECT_EQ(a.columns[i].name, b.columns[i].name);
    EXPECT_EQ(a.columns[i].kind, b.columns[i].kind);
    EXPECT_EQ(bits(std::span(&a.columns[i].fill, 1)), bits(std::span(&b.columns[i].fill, 1)));
    EXPECT_EQ(a.columns[i].categories, b.columns[i].categories);
  }
}

void expect_same(const ModelParts& a, const ModelParts& b) {
  EXPECT_EQ(a.network.line(), b.network.line());
  EXPECT_EQ(a.network.input(), b.network.input());
  EXPECT_EQ(bits(a.network.values()), bits(b.network.values()));
  EXPECT_EQ(bits(a.preprocessing.mean), bits(b.preprocessing.mean));
  EXPECT_EQ(bits(a.preprocessing.scale), bits(b.preprocessing.scale));
  EXPECT_EQ(bits(a.preprocessing.target_mean), bits(b.preprocessing.target_mean));
  EXPECT_EQ(bits(a.preprocessing.target_scale), bits(b.preprocessing.target_scale));
  EXPECT_EQ(a.facts, b.facts);
  expect_same(a.schema, b.schema);
}

TEST_F(ModelFile, EverySampleComesBackBitForBit) {
  for (const test::ModelSample& sample : test::model_samples()) {
    SCOPED_TRACE(sample.name);
    const ModelParts parts = make_model(sample, 11);
    expect_same(parts, round_trip(parts));
  }
}

TEST_F(ModelFile, ExtremeNumbersComeBack) {
  ModelParts parts =
      make_model({"", "dense 3, relu, dense", test::table_schema(test::mixed_columns(), 2)}, 1);
  using Limits = std::numeric_limits<float>;
  const std::vector<float> extremes{
      -0.0f, Limits::denorm_min(), -Limits::max(), Limits::min(), Limits::max(), 0.1f, 0.0f, 1e-40f, 1.0f};
  parts.preprocessing.mean = extremes;
  parts.preprocessing.scale = extremes;
  for (std::size_t i = 0; i < 3; ++i) parts.schema.columns[i].fill = extremes[i];
  const NetworkTensor& weight = parts.network.tensors()[0];
  std::vector<float> numbers = parts.network.get(weight);
  std::copy(extremes.begin(), extremes.end(), numbers.begin());
  parts.network.set(weight, numbers);
  expect_same(parts, round_trip(parts));
}

/// Shared and neutral rows are stored in less space: not even the sign of a zero may be lost with it.
TEST_F(ModelFile, CompactRowsComeBack) {
  ModelParts parts =
      make_model({"", "dense 3, relu, dense", test::regression(test::array_schema({4}, 0), 2)}, 1);
  Preprocessing& p = parts.preprocessing;
  for (const float number : {0.0f, -0.0f, 1.0f, 2.5f}) {
    p.mean.assign(4, number);
    p.scale.assign(4, number);
    p.target_mean.assign(2, number);
    p.target_scale.assign(2, number);
    expect_same(parts, round_trip(parts));
  }
  p.mean = {0.0f, -0.0f, 0.0f, 0.0f};
  expect_same(parts, round_trip(parts));

  ModelParts image = make_model({"", "conv 3 3, relu, flatten, dense", test::array_schema({2, 3, 3}, 2)}, 1);
  std::vector<float>& mean = image.preprocessing.mean;
  for (const auto& [first, second, odd] : {std::array{0.0f, 0.0f, 0.0f},
                                           {1.5f, 2.5f, 2.5f},
                                           {0.0f, -0.0f, -0.0f},
                                           {1.0f, 1.0f, 2.0f},
                                           {1.0f, 2.0f, 3.0f}}) {
    std::fill_n(mean.begin(), 9, first);
    std::fill_n(mean.begin() + 9, 9, second);
    mean[13] = odd;
    expect_same(image, round_trip(image));
  }
}

TEST_F(ModelFile, WritingTwiceGivesTheSameFile) {
  for (const test::ModelSample& sample :
       {test::ModelSample{"", "dense 3, relu, dense", test::table_schema(test::mixed_columns(), 2)},
        {"",
         "conv 6 3x2 groups=3, 2 * (residual(conv 6, prelu), pool 2), concat(input | relu), flatten, dense",
         test::array_schema({3, 9, 8}, 2)}}) {
    write_model(make_model(sample, 1), path());
    const Bytes first = read_file(path());
    write_model(read_model(path()), path());
    EXPECT_EQ(read_file(path()), first);
  }
}

TEST_F(ModelFile, WritesWholeOrNotAtAll) {
  ModelParts parts = make_model({"", "dense 3, relu, dense", test::array_schema({4}, 2)}, 1);
  write_model(parts, path());
  const Bytes before = read_file(path());
  parts.network.values()[1] = std::nanf("");
  try {
    write_model(parts, path());
    ADD_FAILURE() << "a file that read_model refuses";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_THAT(error.what(), testing::HasSubstr("'dense_1.weight'"));
  }
  EXPECT_EQ(read_file(path()), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "nothing is left behind";
  EXPECT_THROW(write_model(read_model(path()), folder_ / "no" / "such" / "folder.onnx"), Error);
}

TEST_F(ModelFile, RefusesPartsThatDoNotFit) {
  const test::ModelSample sample{"", "dense 3, relu, dense", test::regression(test::array_schema({4}, 0), 2)};
  const std::vector<void (*)(ModelParts&)> changes{
      [](ModelParts& p) { p.preprocessing.mean.pop_back(); },
      [](ModelParts& p) { p.preprocessing.scale.clear(); },
      [](ModelParts& p) { p.preprocessing.target_mean = {}; },
      [](ModelParts& p) { p.schema.shape = {5}; },
      [](ModelParts& p) { p.schema.shape = {}; },
      [](ModelParts& p) { p.schema.shape = {0}; },
      [](ModelParts& p) { p.schema.outputs = 3; },
      [](ModelParts& p) { p.schema.columns.resize(3); },
      [](ModelParts& p) { p.schema.task = Task::classification; },
      [](ModelParts& p) { p.preprocessing.target_scale[1] = INFINITY; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    ModelParts parts = make_model(sample, 1);
    changes[i](parts);
    EXPECT_THROW(write_model(parts, path()), Error) << "change " << i;
    EXPECT_FALSE(fs::exists(path()));
  }
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{4, 2, 3}, {24}, {4, 6}, {1, 2, 3, 4}}) {
    ModelParts parts = make_model({"", "conv 3 3, flatten, dense", test::array_schema({2, 3, 4}, 2)}, 1);
    parts.schema.shape = shape;
    EXPECT_THROW(write_model(parts, path()), Error) << "as many numbers, but another image";
  }
}

}  // namespace
}  // namespace halfwave
