// Lost if these fail: a damaged or hostile model file gives an error of one line, and not a crash, a hang or
// a wrong network. ./dev fuzz looks for such files; this replays what it starts from and what it has found.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/file.h"
#include "core/random.h"
#include "fuzz/try_model.h"
#include "onnx_suite.h"

namespace halfwave::test {
namespace {

std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> found;
  if (fs::exists(folder))
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".onnx") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

TEST(FuzzCorpus, WhatWasFoundIsMended) {
  for (const fs::path& path : models_below(fs::path(HALFWAVE_SOURCE_DIR) / "tests/fuzz/found"))
    EXPECT_NO_THROW(try_model(read_file(path))) << path;
}

TEST(FuzzCorpus, TheSuitesFilesAreReadOrRefused) {
  const std::vector<fs::path> models = models_below(kSuite);
  if (models.empty()) GTEST_SKIP() << "the package libonnx-testdata is not installed";
  EXPECT_GE(models.size(), 1000u);
  for (const fs::path& path : models) EXPECT_NO_THROW(try_model(read_file(path))) << path;
}

/// Some bytes changed, taken away or doubled.
Bytes damaged(Bytes bytes, Random& random) {
  for (std::uint64_t changes = 1 + random.below(4); changes > 0 && !bytes.empty(); --changes) {
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()));
    switch (random.below(4)) {
      case 0:
        *at = static_cast<std::uint8_t>(random.below(256));
        break;
      case 1:
        *at = static_cast<std::uint8_t>(*at ^ (1u << random.below(8)));
        break;
      case 2:
        bytes.erase(at);
        break;
      default:
        bytes.insert(at, *at);
    }
  }
  return bytes;
}

TEST(FuzzCorpus, DamagedFilesAreReadOrRefused) {
  Random random(1, stream_id(Stream::data));
  for (const fs::path& path : models_below(kSuite)) {
    const Bytes bytes = read_file(path);
    for (int i = 0; i < 3; ++i) {
      const Bytes other = damaged(bytes, random);
      EXPECT_NO_THROW(try_model(other)) << path << " changed, number " << i;
    }
  }
}

}  // namespace
}  // namespace halfwave::test
