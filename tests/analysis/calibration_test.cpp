// Lost if this fails: a calibration that is used where it belongs and nowhere else, a program that starts
// whatever is in its cache, and a warning where something is wrong there.
#include <halfwave/bench.h>
#include <stdlib.h>

#include <random>

#include "io/crossover_file.h"
#include "io/io_files.h"
#include "layers/skipping.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using ::testing::HasSubstr;

/// A cache of its own for each test; the built-in table is back in use after it.
class CalibrationTest : public ::testing::Test {
 protected:
  CalibrationTest() { ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
  ~CalibrationTest() override {
    ::unsetenv("XDG_CACHE_HOME");
    set_crossovers(Crossovers::built_in());
  }

  void expect_built_in(const Calibration& found) {
    EXPECT_FALSE(found.measured);
    EXPECT_EQ(crossovers().densities, Crossovers::built_in().densities);
    EXPECT_EQ(crossovers().processor, "");
  }

  Folder folder_;
  const std::string name_ = "halfwave/crossovers.json";
};

TEST_F(CalibrationTest, WithoutAFileTheBuiltInTableIsUsed) {
  const Calibration found = load_calibration();
  expect_built_in(found);
  EXPECT_EQ(found.warning, "");
  EXPECT_EQ(found.file, folder_.file(name_));
  EXPECT_EQ(calibration().file, found.file);
}

TEST_F(CalibrationTest, IsMeasuredKeptAndFoundAgain) {
  BenchOptions options;
  options.quick = true;
  options.seconds = 0.05;
  std::size_t steps = 0;
  const Calibration made = calibrate(options, [&](const std::string& what, double share) {
    ++steps;
    EXPECT_FALSE(what.empty());
    EXPECT_TRUE(share >= 0.0 && share <= 1.0);
  });
  EXPECT_GT(steps, 0u);
  EXPECT_TRUE(made.measured);
  const Crossovers measured = crossovers();
  EXPECT_EQ(measured.processor, crossover_machine());
  for (const auto& product : measured.densities) {
    ASSERT_EQ(product.size(), measured.batches.size());
    for (const auto& row : product) {
      ASSERT_EQ(row.size(), measured.outputs.size());
      EXPECT_THAT(row, ::testing::Each(::testing::AllOf(::testing::Ge(0.0), ::testing::Le(1.0))));
    }
  }
  set_crossovers(Crossovers::built_in());
  const Calibration found = load_calibration();
  EXPECT_TRUE(found.measured);
  EXPECT_TRUE(calibration().measured);
  EXPECT_EQ(found.warning, "");
  EXPECT_EQ(crossovers().densities, measured.densities);
}

TEST_F(CalibrationTest, OfAnotherMachineIsIgnoredWithAWarning) {
  Crossovers table = Crossovers::built_in();
  table.processor = "Abacus";
  for (auto& row : table.densities[0]) row.assign(row.size(), 1.0);
  write_crossovers(folder_.path() / name_, table);
  const Calibration found = load_calibration();
  expect_built_in(found);
  EXPECT_THAT(found.warning, HasSubstr("Abacus"));
  EXPECT_THAT(found.warning, HasSubstr(folder_.file(name_)));
  EXPECT_THAT(found.warning, HasSubstr("built-in"));
  EXPECT_THAT(found.warning, HasSubstr("bench --calibrate"));
}

TEST_F(CalibrationTest, DamagedIsIgnoredWithAWarning) {
  Crossovers table = Crossovers::built_in();
  table.processor = crossover_machine();
  write_crossovers(folder_.path() / name_, table);
  const std::string good = read_text(folder_.path() / name_);
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {  // cut anywhere but at the very end: never a whole table
    folder_.write(name_, good.substr(0, random() % (good.size() - 2)));
    const Calibration found = load_calibration();
    expect_built_in(found);
    EXPECT_THAT(found.warning, HasSubstr(folder_.file(name_)));
  }
  fs::remove(folder_.path() / name_);
  fs::create_directories(folder_.path() / name_);
  const Calibration found = load_calibration();
  expect_built_in(found);
  EXPECT_THAT(found.warning, HasSubstr("no file"));
}

TEST_F(CalibrationTest, ADamagedOneReplacesAnEarlierOne) {
  Crossovers table = Crossovers::built_in();
  table.processor = crossover_machine();
  write_crossovers(folder_.path() / name_, table);
  EXPECT_TRUE(load_calibration().measured);
  folder_.write(name_, "{");
  expect_built_in(load_calibration());
  EXPECT_FALSE(calibration().measured);
}

TEST_F(CalibrationTest, WithoutAPlaceToKeepItNothingIsMeasured) {
  const char* const home = ::getenv("HOME");
  const std::string kept = home ? home : "";
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(load_calibration().file, "");
  expect_error(ErrorKind::input, {"XDG_CACHE_HOME", "HOME"}, [] { calibrate({}); });
  if (home) ::setenv("HOME", kept.c_str(), 1);
}

TEST_F(CalibrationTest, AFolderThatCannotBeWrittenIsNamedAndTheOldTableStays) {
  folder_.write("halfwave", "a file where the folder should be");
  BenchOptions options;
  options.quick = true;
  options.seconds = 0.01;
  expect_error(ErrorKind::input, {folder_.file("halfwave")}, [&] { calibrate(options); });
  EXPECT_EQ(crossovers().processor, "");
}

}  // namespace
}  // namespace halfwave
