// If this failed, a full disk or a killed run could leave a model or checkpoint half written in place of the
// old one.
#include "core/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

#include "halfwave/error.h"

namespace halfwave {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string text_of(const fs::path& path) {
    const Bytes bytes = read_file(path);
    return {bytes.begin(), bytes.end()};
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  std::string failure(const fs::path& path, std::string_view text) const {
    try {
      write_file_atomically(path, text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      return error.what();
    }
    return "no error";
  }
  fs::path folder_ = fs::temp_directory_path() / ("halfwave-file-" + std::to_string(::getpid()));
};

TEST_F(FileTest, WhatIsWrittenIsReadAndReplacesTheOld) {
  const fs::path path = folder_ / "a";
  for (const std::string& text : {std::string("one"), std::string(100000, 'x'), std::string()}) {
    write_file_atomically(path, text);
    EXPECT_EQ(text_of(path), text);
    EXPECT_EQ(files(), 1u);
  }
  const Bytes first{1, 2}, second{3};
  write_file_atomically(path, {first, second});
  EXPECT_EQ(read_file(path), (Bytes{1, 2, 3}));
}

TEST_F(FileTest, ModeOfTheOldFileAndTheLinkToItAreKept) {
  const fs::path path = folder_ / "a", link = folder_ / "link";
  write_file_atomically(path, "old");
  ::chmod(path.c_str(), 0640);
  fs::create_symlink(path, link);
  write_file_atomically(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
}

// A limit on the size of files fails the write half-way, as a full disk does.
TEST_F(FileTest, FailedWriteLeavesTheOldFileAndNothingElse) {
  const fs::path path = folder_ / "a";
  write_file_atomically(path, "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = failure(path, std::string(5000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr(path.string() + ": cannot be written: File too large"));
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(files(), 1u);
}

// A killed process leaves its temporary file, and a later one can have the same number: in a container
// always.
TEST_F(FileTest, FilesThatAKilledProcessLeftAreNoHindrance) {
  const fs::path path = folder_ / "a";
  constexpr std::size_t kLeft = 200;  // more than this program has written before
  const auto left = [&](std::size_t i) {
    return path.string() + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(i);
  };
  for (std::size_t i = 0; i < kLeft; ++i) std::ofstream(left(i)) << "theirs";
  write_file_atomically(path, "mine");
  EXPECT_EQ(text_of(path), "mine");
  EXPECT_EQ(files(), kLeft + 1);
  for (std::size_t i = 0; i < kLeft; ++i) EXPECT_EQ(text_of(left(i)), "theirs");
}

TEST_F(FileTest, ErrorsNameTheFileAndTheReason) {
  EXPECT_THAT(failure(folder_ / "no" / "a", "x"),
              HasSubstr("no/a: cannot be written: No such file or directory"));
  EXPECT_THAT(failure(folder_, "x"), HasSubstr("it is a folder"));
  EXPECT_THAT(failure("/dev/full", "x"), HasSubstr("/dev/full: cannot be written: No space left on device"));
  EXPECT_THROW(read_file(folder_ / "none"), Error);
  EXPECT_THROW(read_file(folder_), Error);
}

TEST_F(FileTest, AForbiddenFolderIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions do not bind the superuser";
  fs::permissions(folder_, fs::perms(0500));
  EXPECT_THAT(failure(folder_ / "a", "x"), HasSubstr("Permission denied"));
  fs::permissions(folder_, fs::perms(0700));
}

TEST_F(FileTest, DevicesAndPipesAreWrittenToNotReplaced) {
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace halfwave
