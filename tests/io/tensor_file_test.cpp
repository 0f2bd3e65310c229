// Lost if these fail: a saved run would not come back as it was, or damage would not be noticed.
#include "io/tensor_file.h"

#include <cmath>
#include <functional>
#include "io/io_files.h"

namespace halfwave {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "no error";
}

class TensorFiles : public ::testing::Test {
 protected:
  testing::Folder folder_;
  std::string path_ = folder_.file("a.safetensors");
  std::vector<float> floats_{1.5f, -0.0f, NAN, HUGE_VALF, 1e-45f, 3e38f, 7};
  std::vector<std::uint32_t> numbers_{0, 1, 0xFFFFFFFFu};

  void write(const std::string& text = "{\"a\": \"ü\\n\"}") {
    const TensorView views[] = {view("floats", floats_), view("numbers", numbers_),
                                view("none", std::span<const float>())};
    write_tensor_file(path_, text, views);
  }
};

TEST_F(TensorFiles, RoundTripEveryBit) {
  write();
  const TensorFile file = read_tensor_file(path_);
  EXPECT_EQ(file.text, "{\"a\": \"ü\\n\"}");
  EXPECT_EQ(file.entries.size(), 3u);
  std::vector<float> floats(floats_.size());
  std::vector<std::uint32_t> numbers(numbers_.size());
  file.read_into("floats", std::span<float>(floats), path_);
  file.read_into("numbers", std::span<std::uint32_t>(numbers), path_);
  file.read_into("none", std::span<float>(), path_);
  EXPECT_EQ(std::memcmp(floats.data(), floats_.data(), 4 * floats.size()), 0);
  EXPECT_EQ(numbers, numbers_);
}

TEST_F(TensorFiles, WithoutTensorsAndTextToo) {
  write_tensor_file(path_, "", {});
  const TensorFile file = read_tensor_file(path_);
  EXPECT_TRUE(file.text.empty());
  EXPECT_TRUE(file.entries.empty());
}

/// The format of Hugging Face's safetensors: length, JSON header, data; other tools can look into the file.
TEST_F(TensorFiles, AreSafetensors) {
  write();
  const std::string bytes = testing::read_text(path_);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  const std::string header = bytes.substr(8, length);
  EXPECT_THAT(header, AllOf(HasSubstr(R"("floats":{"dtype":"F32","shape":[7],"data_offsets":[0,28]})"),
                            HasSubstr(R"("numbers":{"dtype":"U32","shape":[3],"data_offsets":[28,40]})")));
  EXPECT_EQ(std::memcmp(bytes.data() + 8 + length, floats_.data(), 28), 0);
  EXPECT_EQ(bytes.size(), 8 + length + 40);
}

TEST_F(TensorFiles, WrongNamesTypesAndSizesNameTensorAndFile) {
  write();
  const TensorFile file = read_tensor_file(path_);
  std::vector<float> six(6), three(3);
  std::vector<std::uint32_t> seven(7);
  const auto names = [&](const std::string& message, const char* tensor) {
    EXPECT_THAT(message, AllOf(HasSubstr(path_), HasSubstr(tensor)));
  };
  names(error_of([&] { file.read_into("floats", std::span<float>(six), path_); }), "'floats'");
  names(error_of([&] { file.read_into("floats", std::span<std::uint32_t>(seven), path_); }), "'floats'");
  names(error_of([&] { file.read_into("numbers", std::span<float>(three), path_); }), "'numbers'");
  names(error_of([&] { file.read_into("other", std::span<float>(three), path_); }), "'other'");
}

TEST_F(TensorFiles, DamageIsAnErrorThatNamesTheFile) {
  write();
  const std::string good = testing::read_text(path_);
  const auto message = [&](const std::string& contents) {
    folder_.write("a.safetensors", contents);
    return error_of([&] { read_tensor_file(path_); });
  };
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_THAT(message(good.substr(0, n)), HasSubstr(path_)) << n;
  for (std::size_t at = good.size() - 40; at < good.size(); ++at) {  // every byte of the data
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_THAT(message(bad), AllOf(HasSubstr(path_), HasSubstr("checksum")));
  }
  const auto with_header = [](std::string header) {
    std::string length(8, '\0');
    length[0] = static_cast<char>(header.size());
    return length + header;
  };
  for (const char* header :
       {"", "{}", "[]", "null", "7", "\"x\"", "{", "{\"__metadata__\":1}",
        "{\"__metadata__\":{\"text\":1,\"crc32\":\"\"}}",
        "{\"__metadata__\":{\"text\":\"\",\"crc32\":\"00000000\"},\"a\":1}",
        "{\"__metadata__\":{\"text\":\"\",\"crc32\":\"00000000\"},\"a\":{\"dtype\":\"F32\"}}"})
    EXPECT_THAT(message(with_header(header)), HasSubstr(path_)) << header;
  for (const char* offsets :
       {"[0,8]", "[-8,0]", "[4,0]", "[0]", "[18446744073709551608,0]", "[0,1e30]", "\"x\""})
    EXPECT_THAT(message(with_header("{\"__metadata__\":{\"text\":\"\",\"crc32\":\"00000000\"},\"a\":{"
                                    "\"dtype\":\"F32\",\"data_offsets\":" +
                                    std::string(offsets) + "}}")),
                HasSubstr(path_))
        << offsets;
}

TEST_F(TensorFiles, AFlippedBitIsAnErrorOrReadsTheSameNumbers) {
  write("text");
  const std::string good = testing::read_text(path_);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    folder_.write("a.safetensors", bad);
    try {
      const TensorFile file = read_tensor_file(path_);
      std::vector<float> floats(floats_.size());
      file.read_into("floats", std::span<float>(floats), path_);
      EXPECT_EQ(std::memcmp(floats.data(), floats_.data(), 4 * floats.size()), 0) << "byte " << at;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_));
    }
  }
}

TEST_F(TensorFiles, AMissingFileOrFolderIsAnErrorThatNamesIt) {
  EXPECT_THAT(error_of([&] { read_tensor_file(folder_.file("none")); }), HasSubstr("none"));
  EXPECT_THAT(error_of([&] { write_tensor_file(folder_.file("no/such/place"), "", {}); }),
              HasSubstr("no/such/place"));
}

}  // namespace
}  // namespace halfwave
