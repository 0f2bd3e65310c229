#pragma once
// Small data sets that are learned in milliseconds, runs that stop and go on, and the comparison of two runs
// bit by bit.
#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <halfwave/train.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>

#include "core/random.h"
#include "graph/model_parts.h"

namespace halfwave {

/// Three clouds of points in six dimensions that overlap a little; 97 and 41 of them.
inline Dataset clouds(std::size_t classes = 3) {
  Dataset data;
  data.name = "clouds";
  data.schema.shape = {6};
  for (std::size_t c = 0; c < classes; ++c) data.schema.classes.push_back("class " + std::to_string(c));
  Random random(1, stream_id(Stream::data, 300));
  const auto fill = [&](Examples& examples, std::size_t count) {
    examples.count = count;
    auto& values = examples.values.emplace<std::vector<float>>();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t label = i % classes;
      examples.labels.push_back(static_cast<std::int32_t>(label));
      for (std::size_t j = 0; j < 6; ++j)
        values.push_back(static_cast<float>(random.normal() + (j % classes == label ? 2.0 : 0.0) + 5.0));
    }
  };
  fill(data.train, 97);
  fill(data.test, 41);
  return data;
}

/// Two targets, far from zero and of different sizes, that a small network can follow.
inline Dataset curves() {
  Dataset data;
  data.name = "curves";
  data.schema.task = Task::regression;
  data.schema.shape = {4};
  data.schema.target = "height";
  data.schema.outputs = 2;
  Random random(2, stream_id(Stream::data, 300));
  const auto fill = [&](Examples& examples, std::size_t count) {
    examples.count = count;
    auto& values = examples.values.emplace<std::vector<float>>();
    for (std::size_t i = 0; i < count; ++i) {
      double x[4];
      for (double& v : x) values.push_back(static_cast<float>(v = random.normal()));
      examples.targets.push_back(static_cast<float>(100 + 10 * std::sin(x[0]) + 5 * x[1]));
      examples.targets.push_back(static_cast<float>(-3 + 0.1 * x[2] * x[0]));
    }
  };
  fill(data.train, 300);
  fill(data.test, 60);
  return data;
}

inline TrainOptions small_options() {
  TrainOptions options;
  options.net = "dense 16, relu, dense";
  options.epochs = 4;
  options.batch = 16;
  options.learning_rate = 0.01;
  options.threads = 1;
  options.seed = 3;
  return options;
}

/// A folder of its own that goes away with the test.
class RunFolder {
 public:
  RunFolder() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("halfwave-train-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::remove_all(path_);
  }
  ~RunFolder() { std::filesystem::remove_all(path_); }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  std::string path() const { return path_.string(); }
  std::string file() const { return (path_ / "checkpoint.safetensors").string(); }

 private:
  std::filesystem::path path_;
};

/// Asks a run to stop after so many steps; counts what it sees.
class StopAfter final : public TrainObserver {
 public:
  explicit StopAfter(std::int64_t stop) : left_(stop) {}
  void step(const Progress& progress) override {
    last = progress;
    ++steps;
    --left_;
  }
  void epoch(const EpochReport&) override { ++epochs; }
  bool stop_requested() override { return left_ <= 0; }

  Progress last{};
  int steps = 0, epochs = 0;

 private:
  std::int64_t left_;
};

inline std::vector<float> values_of(const TrainResult& result) {
  const auto values = std::as_const(result.model.parts().network).values();
  return {values.begin(), values.end()};
}

/// Everything but times is the same, bit by bit.
inline void expect_same(const TrainResult& a, const TrainResult& b) {
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.message, b.message);
  EXPECT_EQ(a.best_epoch, b.best_epoch);
  EXPECT_TRUE(values_of(a) == values_of(b)) << "the networks differ";
  ASSERT_EQ(a.epochs.size(), b.epochs.size());
  for (std::size_t i = 0; i < a.epochs.size(); ++i) {
    const EpochReport &x = a.epochs[i], &y = b.epochs[i];
    SCOPED_TRACE(testing::Message() << "epoch " << i + 1);
    EXPECT_EQ(x.epoch, y.epoch);
    EXPECT_EQ(x.loss, y.loss);
    EXPECT_EQ(x.train_accuracy, y.train_accuracy);
    EXPECT_EQ(x.test_loss, y.test_loss);
    EXPECT_EQ(x.test_accuracy, y.test_accuracy);
    EXPECT_EQ(x.test_rmse, y.test_rmse);
    EXPECT_EQ(x.learning_rate, y.learning_rate);
    ASSERT_EQ(x.layers.size(), y.layers.size());
    for (std::size_t k = 0; k < x.layers.size(); ++k) {
      EXPECT_EQ(x.layers[k].name, y.layers[k].name);
      EXPECT_EQ(x.layers[k].density, y.layers[k].density);
      EXPECT_EQ(x.layers[k].dead_units, y.layers[k].dead_units);
      EXPECT_EQ(x.layers[k].units, y.layers[k].units);
      EXPECT_EQ(x.layers[k].gradient_norm, y.layers[k].gradient_norm);
      EXPECT_EQ(x.layers[k].weight_norm, y.layers[k].weight_norm);
    }
  }
}

/// The message of the error that the body must throw.
template <class Body>
std::string error_of(ErrorKind kind, Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace halfwave
