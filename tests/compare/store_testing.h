#pragma once
// Runs and data to keep, and a file to keep them in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <halfwave/compare.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace halfwave::testing {

/// The name of a file that is not there, and goes away with the test.
class StoreFile {
 public:
  StoreFile() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("halfwave-store-" + std::to_string(::getpid()) + "-" + std::to_string(number++) + ".db");
  }
  ~StoreFile() { std::filesystem::remove(path_); }
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline Dataset sample_data() {
  Dataset data;
  data.name = "sample";
  data.schema.shape = {2, 3};
  data.schema.classes = {"a", "b"};
  data.train = {2, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {0, 1}, {}};
  data.test = {1, std::vector<float>{5, 4, 3, 2, 1, 0}, {1}, {}};
  return data;
}

inline ComparedRun sample_run(std::uint64_t seed, double score) {
  ComparedRun run;
  run.seed = seed;
  run.learning_rate = 0.1;
  run.network = "dense 4, relu, dense";
  run.parameters = 30;
  run.score = score;
  run.seconds = 1.0 / 7.0;
  run.warnings = {"a warning with \"quotes\" and ü"};
  for (int epoch = 1; epoch <= 3; ++epoch) {
    EpochReport report;
    report.epoch = epoch;
    report.loss = 1.0 / (epoch + 2.0);
    report.train_accuracy = 0.25 * epoch;
    report.test_accuracy = score;
    report.seconds = 0.5;
    report.layers = {{"dense_1", 0.1 * epoch, 1, 4, 1e-300, 3.0}, {"dense_2", 1.0, 0, 2, 0.3, 0.1}};
    run.epochs.push_back(report);
  }
  return run;
}

}  // namespace halfwave::testing
