// Lost if these fail: curves in TensorBoard that are the run's, and runs that are the same with a log or
// without.
#include "train/training_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <map>
#include <set>

#include "io/tensorboard.pb.h"
#include "train/health.h"
#include "train_testing.h"

namespace halfwave {
namespace {
namespace fs = std::filesystem;

/// The messages of all event files of a folder, in the order of their names.
std::vector<tensorboard::Event> events_of(const std::string& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.insert(entry.path());
  std::vector<tensorboard::Event> events;
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    std::uint64_t length = 0;
    while (file.read(reinterpret_cast<char*>(&length), 8)) {
      std::string message(length, '\0');
      file.ignore(4);
      file.read(message.data(), static_cast<std::streamsize>(length));
      file.ignore(4);
      EXPECT_TRUE(events.emplace_back().ParseFromString(message));
    }
  }
  return events;
}

/// Values by tag and step, as TensorBoard shows them: a start makes it forget what comes after it.
std::map<std::string, std::map<std::int64_t, tensorboard::Summary::Value>> shown(const std::string& folder) {
  std::map<std::string, std::map<std::int64_t, tensorboard::Summary::Value>> values;
  for (const tensorboard::Event& event : events_of(folder)) {
    if (event.has_session_log())
      for (auto& [tag, steps] : values) steps.erase(steps.lower_bound(event.step()), steps.end());
    for (const auto& value : event.summary().value())
      EXPECT_TRUE(values[value.tag()].emplace(event.step(), value).second)
          << value.tag() << " twice at step " << event.step();
  }
  return values;
}

TrainOptions logged_options(const RunFolder& folder) {
  TrainOptions options = small_options();
  options.log_dir = folder.path();
  return options;
}

void expect_curves(const std::string& folder, const TrainResult& result, std::int64_t steps) {
  const auto values = shown(folder);
  const auto expect = [&](const std::string& tag, const EpochReport& epoch, double value) {
    ASSERT_TRUE(values.contains(tag)) << tag;
    ASSERT_EQ(values.at(tag).size(), result.epochs.size()) << tag;
    ASSERT_TRUE(values.at(tag).contains(epoch.epoch * steps)) << tag;
    EXPECT_EQ(values.at(tag).at(epoch.epoch * steps).simple_value(), static_cast<float>(value)) << tag;
  };
  for (const EpochReport& epoch : result.epochs) {
    expect("loss/train", epoch, epoch.loss);
    expect("loss/test", epoch, epoch.test_loss);
    if (values.contains("rmse/test")) {
      expect("rmse/test", epoch, epoch.test_rmse);
    } else {
      expect("accuracy/train", epoch, epoch.train_accuracy);
      expect("accuracy/test", epoch, epoch.test_accuracy);
    }
    expect("learning_rate", epoch, epoch.learning_rate);
    for (const LayerHealth& layer : epoch.layers) {
      expect("density/" + layer.name, epoch, layer.density);
      expect("dead_units/" + layer.name, epoch, static_cast<double>(layer.dead_units));
      expect("gradient_norm/" + layer.name, epoch, layer.gradient_norm);
      expect("weight_norm/" + layer.name, epoch, layer.weight_norm);
    }
  }
}

TEST(TrainingLog, HasTheFiguresOfTheReports) {
  const RunFolder folder;
  expect_curves(folder.path(), train(clouds(), logged_options(folder)), 7);
  const auto values = shown(folder.path());
  EXPECT_FALSE(values.contains("rmse/test"));
  EXPECT_NE(values.at("network").at(0).tensor().string_val(0).find("dense 16, relu, dense 3"),
            std::string::npos);
  EXPECT_TRUE(values.contains("_hparams_/session_start_info"));
}

TEST(TrainingLog, OfARegressionHasItsError) {
  const RunFolder folder;
  expect_curves(folder.path(), train(curves(), logged_options(folder)), 19);
  EXPECT_TRUE(shown(folder.path()).contains("rmse/test"));
  EXPECT_FALSE(shown(folder.path()).contains("accuracy/train"));
}

TEST(TrainingLog, ChangesNothingOfTheRun) {
  for (const char* net :
       {"dense 16, relu, dense", "dense 24, gelu, dropout 0.2, dense 8, batch_norm, elu, dropout 0.1, dense",
        "dense 16, residual(dense 16, tanh, dense 16), leaky_relu, dense"}) {
    SCOPED_TRACE(net);
    const RunFolder folder;
    TrainOptions options = logged_options(folder);
    options.net = net;
    const TrainResult with = train(clouds(), options);
    options.log_dir.clear();
    expect_same(with, train(clouds(), options));
  }
}

/// Of the last epoch: the model at its end is the one that its weights are of.
TEST(TrainingLog, HistogramsAreOfTheNumbersThereAreWithoutPadding) {
  const RunFolder folder;
  const TrainResult result = train(clouds(), logged_options(folder));
  const auto values = shown(folder.path());
  const auto last = [&](const std::string& tag) { return values.at(tag).at(4 * 7).histo(); };
  const Network& network = result.model.parts().network;
  for (const NetworkTensor& tensor : network.tensors()) {
    const std::vector<float> numbers = network.get(tensor);
    const tensorboard::HistogramProto histogram =
        last((tensor.spec.decays ? "weights/" : "biases/") + network.layer_name(tensor.layer));
    EXPECT_EQ(histogram.num(), static_cast<double>(numbers.size())) << tensor.name;
    EXPECT_EQ(histogram.max(), static_cast<double>(*std::ranges::max_element(numbers)));
    EXPECT_EQ(histogram.min(), static_cast<double>(*std::ranges::min_element(numbers)));
    if (!tensor.spec.decays) continue;
    const tensorboard::HistogramProto gradient = last("gradients/" + network.layer_name(tensor.layer));
    EXPECT_EQ(gradient.num(), static_cast<double>(numbers.size()));
    const LayerHealth& health = result.epochs.back().layers[tensor.layer == 0 ? 0 : 1];
    EXPECT_NEAR(std::sqrt(gradient.sum_squares()), health.gradient_norm, 1e-6 * health.gradient_norm);
  }
  // The last of 97 examples in batches of 16 is alone.
  const tensorboard::HistogramProto relu = last("activations/dense_1");
  EXPECT_EQ(relu.num(), 16.0);
  EXPECT_EQ(relu.min(), 0.0);
  EXPECT_GT(relu.max(), 0.0);
  EXPECT_FALSE(values.contains("activations/dense_2")) << "there is no activation behind the last layer";
}

/// What an activation made, not what a layer behind it made of that in place; nor what uses its memory later.
TEST(TrainingLog, ActivationsAreThoseOfTheForwardPass) {
  const std::vector<std::pair<std::string, double>> nets{
      {"dense 20, sigmoid, dropout 0.5, dense", 1.0},
      {"dense 20, gelu, dropout 0.5, dense", 1e9},
      {"dense 20, tanh, dropout 0.5, dense 5, tanh, dropout 0.5, dense", 1.0}};
  for (const auto& [net, most] : nets) {
    SCOPED_TRACE(net);
    const RunFolder folder;
    TrainOptions options = logged_options(folder);
    options.net = net;
    options.batch = 97;
    const TrainResult result = train(clouds(), options);
    for (const auto& [tag, steps] : shown(folder.path())) {
      if (!tag.starts_with("activations/")) continue;
      for (const auto& [step, value] : steps) {
        const tensorboard::HistogramProto& histogram = value.histo();
        EXPECT_LE(histogram.max(), most);                    // dropout would have doubled it
        for (int i = 0; i < histogram.bucket_size(); ++i) {  // and made zeros
          if (histogram.bucket_limit(i) != 1e-12) continue;
          EXPECT_EQ(histogram.bucket(i), 0.0) << tag;
        }
      }
    }
    ASSERT_TRUE(shown(folder.path()).contains("activations/dense_1"));
    EXPECT_EQ(shown(folder.path()).at("activations/dense_1").at(1).histo().num(), 97.0 * 20);
  }
}

/// Killed after the log has epochs that the checkpoint has not: they are trained again, and shown once.
TEST(TrainingLog, OfAResumedRunIsThatOfAWholeOne) {
  const RunFolder logs, whole_logs, saved;
  TrainOptions options = small_options();
  options.epochs = 6;
  options.log_dir = whole_logs.path();
  const TrainResult whole = train(clouds(), options);

  options.log_dir = logs.path();
  options.checkpoint = saved.path();
  StopAfter within(7 * 2 + 3);  // in the third epoch
  train(clouds(), options, &within);
  options.resume = true;
  fs::copy_file(saved.file(), saved.file() + ".early");
  StopAfter later(7 * 2);
  train(clouds(), options, &later);
  fs::rename(saved.file() + ".early", saved.file());
  expect_curves(logs.path(), train(clouds(), options), 7);

  const auto values = shown(logs.path()), expected = shown(whole_logs.path());
  for (const auto& [tag, steps] : expected) {
    if (!tag.starts_with("weights/") && !tag.starts_with("activations/")) continue;
    ASSERT_EQ(values.at(tag).size(), steps.size()) << tag;
    for (const auto& [step, value] : steps)
      EXPECT_EQ(values.at(tag).at(step).SerializeAsString(), value.SerializeAsString()) << tag << step;
  }
}

TEST(TrainingLog, OfADivergedRunHasItsGoodEpochsAndNoNan) {
  const RunFolder folder;
  TrainOptions options = logged_options(folder);
  options.optimiser = "sgd";
  options.learning_rate = 1e6;
  options.net = "dense 16, identity, dense 16, identity, dense";
  const TrainResult result = train(clouds(), options);
  ASSERT_EQ(result.end, TrainResult::End::diverged);
  for (const tensorboard::Event& event : events_of(folder.path()))
    for (const auto& value : event.summary().value())
      if (value.has_histo()) {
        EXPECT_TRUE(std::isfinite(value.histo().sum()));
        EXPECT_TRUE(std::isfinite(value.histo().max()));
      }
}

TEST(TrainingLog, BesideAnotherIsWarnedOf) {
  const RunFolder folder;
  EXPECT_TRUE(train(clouds(), logged_options(folder)).warnings.empty());
  const TrainResult again = train(clouds(), logged_options(folder));
  ASSERT_EQ(again.warnings.size(), 1u);
  EXPECT_NE(again.warnings[0].find("has event files already"), std::string::npos);
  expect_curves(folder.path(), again, 7);
}

TEST(TrainingLog, ThatCannotBeBegunIsAnErrorBeforeTraining) {
  const RunFolder folder;
  fs::create_directories(folder.path());
  std::ofstream(folder.path() + "/file") << "not a folder";
  TrainOptions options = small_options();
  options.log_dir = folder.path() + "/file/logs";
  StopAfter observer(1000000);
  const std::string message = error_of(ErrorKind::input, [&] { train(clouds(), options, &observer); });
  EXPECT_NE(message.find(options.log_dir), std::string::npos) << message;
  EXPECT_EQ(observer.steps, 0);
}

/// Lets files grow no further, once.
class FullDisk final : public TrainObserver {
 public:
  void step(const Progress& progress) override {
    if (progress.epoch != 2 || limited_) return;
    limited_ = true;
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{1, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() override {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  bool limited_ = false;
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST(TrainingLog, ThatCannotGoOnEndsAndTheRunDoesNot) {
  const RunFolder folder;
  TrainResult result = [&] {
    FullDisk disk;
    return train(clouds(), logged_options(folder), &disk);
  }();
  EXPECT_EQ(result.end, TrainResult::End::finished);
  EXPECT_EQ(result.epochs.size(), 4u);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("goes on without its log"), std::string::npos) << result.warnings[0];
  EXPECT_EQ(shown(folder.path()).at("loss/train").size(), 1u);
}

}  // namespace
}  // namespace halfwave
