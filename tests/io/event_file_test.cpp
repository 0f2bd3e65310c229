// Lost if these fail: event files that TensorBoard opens, and that are whole whatever happens to the run.
#include "io/event_file.h"

#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <io/tensorboard.pb.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <numeric>

#include "core/file.h"

namespace halfwave {
namespace {
namespace fs = std::filesystem;

using testing::HasSubstr;

class EventFiles : public testing::Test {
 protected:
  EventFiles()
      : folder_(fs::temp_directory_path() / ("halfwave-events-" + std::to_string(::getpid()) + "-" +
                                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
  }
  ~EventFiles() override { fs::remove_all(folder_); }

  fs::path folder_;
};

template <class Number>
Number number_at(const Bytes& bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// TFRecord's masking undone: ((crc >> 15) | (crc << 17)) + 0xa282ead8.
std::uint32_t unmasked(std::uint32_t masked) { return std::rotl(masked - 0xa282ead8u, 15); }

/// The events of a file, both checksums of each record compared.
std::vector<tensorboard::Event> events_of(const fs::path& path) {
  const Bytes bytes = read_file(path);
  std::vector<tensorboard::Event> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = static_cast<std::size_t>(number_at<std::uint64_t>(bytes, at));
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(bytes, at + 8)), crc32c(std::span(bytes).subspan(at, 8)));
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(bytes, at + 12 + length)),
              crc32c(std::span(bytes).subspan(at + 12, length)));
    EXPECT_TRUE(events.emplace_back().ParseFromArray(bytes.data() + at + 12, static_cast<int>(length)));
    at += 16 + length;
  }
  return events;
}

TEST(Crc32c, IsThatOfTheStandard) {  // RFC 3720, appendix B.4
  Bytes bytes(32, 0x00);
  EXPECT_EQ(crc32c(bytes), 0x8a9136aau);
  bytes.assign(32, 0xff);
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(crc32c(bytes), 0x46dd794eu);
  std::reverse(bytes.begin(), bytes.end());
  EXPECT_EQ(crc32c(bytes), 0x113fdb5cu);
  const std::uint8_t command[48] = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                    0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
                                    0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
                                    0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(crc32c(command), 0xd9963a56u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST_F(EventFiles, HaveTheirVersionTheirStartAndWhatWasWritten) {
  EventFile file(folder_ / "a/b", 7);
  EXPECT_THAT(file.path().filename().string(), testing::StartsWith("events.out.tfevents."));
  file.add_scalar("loss/train", 0.25);
  file.add_text("network", "dense 4, relu");
  Histogram histogram;
  histogram.add(std::vector<float>{0.0f, 0.0f, -1.0f, 2.0f});
  file.add_histogram("weights/dense_1", histogram);
  file.add_histogram("biases/dense_1", Histogram());
  file.write(8);
  file.add_scalar("loss/train", 0.125);
  file.write(16);

  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
  EXPECT_EQ(events[1].step(), 7);
  const auto& values = events[2].summary().value();
  ASSERT_EQ(values.size(), 3) << "of nothing there is no histogram";
  EXPECT_EQ(events[2].step(), 8);
  EXPECT_EQ(values[0].tag(), "loss/train");
  EXPECT_EQ(values[0].simple_value(), 0.25f);
  EXPECT_EQ(values[1].metadata().plugin_data().plugin_name(), "text");
  EXPECT_EQ(values[1].tensor().string_val(0), "dense 4, relu");
  const tensorboard::HistogramProto& message = values[2].histo();
  EXPECT_EQ(message.num(), 4.0);
  EXPECT_EQ(message.min(), -1.0);
  EXPECT_EQ(message.max(), 2.0);
  EXPECT_EQ(message.sum(), 1.0);
  EXPECT_EQ(message.sum_squares(), 5.0);
  ASSERT_EQ(message.bucket_size(), message.bucket_limit_size());
  EXPECT_EQ(std::accumulate(message.bucket().begin(), message.bucket().end(), 0.0), 4.0);
  ASSERT_EQ(events[3].summary().value_size(), 1) << "what was written is not written again";
  EXPECT_EQ(events[3].step(), 16);
  EXPECT_GE(events[3].wall_time(), events[0].wall_time());
}

TEST_F(EventFiles, HyperparametersKeepTheirTypes) {
  EventFile file(folder_, 0);
  const std::vector<EventFile::Hyperparameter> given{
      {"epochs", 10.0}, {"health", true}, {"net", std::string("relu")}};
  file.add_hyperparameters(given);
  file.write(0);
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 3u);
  const auto& plugin = events[2].summary().value(0).metadata().plugin_data();
  EXPECT_EQ(plugin.plugin_name(), "hparams");
  tensorboard::HParamsPluginData data;
  ASSERT_TRUE(data.ParseFromString(plugin.content()));
  const auto& values = data.session_start_info().hparams();
  EXPECT_EQ(values.at("epochs").number_value(), 10.0);
  EXPECT_TRUE(values.at("health").bool_value());
  EXPECT_EQ(values.at("net").string_value(), "relu");
}

TEST_F(EventFiles, OfOneFolderHaveNamesInTheirOrder) {
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {  // within a second
    EventFile file(folder_, 0);
    EXPECT_EQ(file.follows_others(), i > 0);
    names.push_back(file.path().filename().string());
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST_F(EventFiles, TextsThatAreNoUtf8AreMadeSo) {
  EventFile file(folder_, 0);
  file.add_scalar("loss/\xff", 1.0);
  file.add_text("data",
                "Gr\xc3\xb6\xc3\x9f"
                "e \xe4.csv");
  file.write(0);
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].summary().value(0).tag(), "loss/\xef\xbf\xbd");
  EXPECT_EQ(events[2].summary().value(1).tensor().string_val(0),
            "Gr\xc3\xb6\xc3\x9f"
            "e \xef\xbf\xbd.csv");
}

TEST_F(EventFiles, AFolderThatCannotBeMadeIsNamed) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "file") << "not a folder";
  for (const char* place : {"file", "file/below"}) {
    try {
      EventFile file(folder_ / place, 0);
      ADD_FAILURE() << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_THAT(error.what(), HasSubstr((folder_ / place).string()));
      EXPECT_THAT(error.what(), HasSubstr("ot a directory"));
    }
  }
}

TEST_F(EventFiles, AFullDiskIsNamed) {
  EventFile file(folder_, 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{fs::file_size(file.path()) + 10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  file.add_scalar("loss/train", 1.0);
  EXPECT_THROW(file.write(1), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

}  // namespace
}  // namespace halfwave
