// If this failed, tables as people publish them (UCI's habits: no header, " ?" for missing, classes ending in
// a dot) could not be used as they are.
#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RealTables : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(folder_)) GTEST_SKIP() << folder_ << " is missing";
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  fs::path folder_ = fs::path(HALFWAVE_SOURCE_DIR) / ".." / "shared" / "data" / "tabular";
};

TEST_F(RealTables, Adult) {
  for (const bool header : {false, true}) {
    DataOptions options = options_for(file("adult-train.csv"));
    options.test = file("adult-test.csv");
    options.header = header;
    const Dataset data = load_dataset(options);
    EXPECT_EQ(data.train.count, 32561u);
    EXPECT_EQ(data.test.count, 16281u);
    EXPECT_THAT(data.schema.classes, ElementsAre("<=50K", ">50K"));
    EXPECT_EQ(std::count(data.train.labels.begin(), data.train.labels.end(), 1), 7841);
    EXPECT_EQ(std::count(data.test.labels.begin(), data.test.labels.end(), 1), 3846);
    EXPECT_EQ(data.schema.columns.size(), 14u);
    EXPECT_EQ(data.schema.features(), 6u + 8 + 16 + 7 + 14 + 6 + 5 + 2 + 41);
    EXPECT_THAT(data.warnings, Contains(HasSubstr("'column_1': 1,836 missing")));
    EXPECT_THAT(data.warnings, Contains(HasSubstr("16,281 classes end in a dot")));
  }
}

TEST_F(RealTables, CaliforniaHousing) {
  DataOptions options = options_for(file("california-housing.csv"));
  options.target = "median_house_value";
  const Dataset data = load_dataset(options);
  EXPECT_EQ(data.schema.task, Task::regression);
  EXPECT_EQ(data.train.count + data.test.count, 20640u);
  EXPECT_EQ(data.test.count, 4128u);
  EXPECT_EQ(data.feature_names.back(), "ocean_proximity=NEAR OCEAN");
  EXPECT_EQ(data.schema.features(), 8u + 5);
  EXPECT_THAT(data.warnings, Contains(HasSubstr("'total_bedrooms': 207 missing")));
  const Examples all = load_examples(options, data.schema);
  EXPECT_EQ(all.count, 20640u);
  EXPECT_EQ(all.targets[0], 452600.0f);
}

TEST_F(RealTables, LetterWineAndSonar) {
  DataOptions options = options_for(file("letter-recognition.data"));
  options.target = "0";
  const Dataset letter = load_dataset(options);
  EXPECT_EQ(letter.schema.classes.size(), 26u);
  EXPECT_EQ(letter.schema.features(), 16u);
  EXPECT_EQ(letter.train.count + letter.test.count, 20000u);
  const Dataset wine = load(file("winequality-red.csv"));
  EXPECT_EQ(wine.train.count + wine.test.count, 1599u);
  EXPECT_THAT(wine.schema.classes, ElementsAre("3", "4", "5", "6", "7", "8"));
  options = options_for(file("winequality-red.csv"));
  options.task = "regression";
  EXPECT_EQ(load_dataset(options).train.targets.size(), 1279u);
  const Dataset sonar = load(file("sonar.csv"));
  EXPECT_EQ(sonar.train.count + sonar.test.count, 208u);
  EXPECT_THAT(sonar.schema.classes, ElementsAre("M", "R"));
  EXPECT_EQ(sonar.schema.features(), 60u);
}

}  // namespace
}  // namespace halfwave
