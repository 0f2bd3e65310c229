// Lost if these fail: models of other programs that can be run on ordinary data. Their files say nothing of
// the data but sizes, so what is plainly meant must do, and labels that cannot fit must not stop a
// prediction.
#include "io/io_files.h"
#include "io/npz_write.h"

namespace halfwave::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Schema foreign(Task task, std::vector<std::int64_t> shape, std::size_t outputs) {
  Schema schema;
  schema.foreign = true;
  schema.task = task;
  schema.shape = std::move(shape);
  schema.outputs = outputs;
  for (std::size_t c = 0; c < outputs && task == Task::classification; ++c)
    schema.classes.push_back(std::to_string(c));
  return schema;
}

struct Read {
  Examples examples;
  std::vector<std::string> warnings;
  std::vector<float> numbers() const { return std::get<std::vector<float>>(examples.values); }
};

Read read(const std::string& path, const Schema& schema) {
  DataOptions options;
  options.source = path;
  Read result;
  result.examples = load_examples(options, schema, &result.warnings);
  return result;
}

/// A .npy of 0, 1, 2, … in this shape.
std::string counting(const Folder& folder, const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t axis : shape) count *= axis;
  std::vector<float> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(i);
  write_npy(folder.file("a.npy"), numbers, shape);
  return folder.file("a.npy");
}

TEST(ForeignData, AxesOfSizeOneAndFlatExamplesAreTheSame) {
  const Folder folder;
  const std::vector<std::vector<std::int64_t>> models{{1, 4, 6}, {4, 6, 1}, {24}, {24, 1}, {1, 24}, {4, 6}};
  const std::vector<std::vector<std::size_t>> data{
      {2, 4, 6}, {2, 1, 4, 6}, {2, 4, 6, 1}, {2, 24}, {2, 24, 1}};
  for (const auto& model : models)
    for (const auto& shape : data) {
      const Read in = read(counting(folder, shape), foreign(Task::regression, model, 3));
      for (std::size_t i = 0; i < 48; ++i) ASSERT_EQ(in.numbers()[i], static_cast<float>(i));
      EXPECT_EQ(in.examples.count, 2u);
      EXPECT_THAT(in.warnings, IsEmpty());
    }
}

/// Examples are channels first in memory, whatever the number of channels, and never turned where they fit.
TEST(ForeignData, ChannelsAtTheEndMoveToTheFront) {
  const Folder folder;
  const Read turned = read(counting(folder, {1, 2, 3, 5}), foreign(Task::regression, {5, 2, 3}, 3));
  EXPECT_EQ(turned.numbers()[1], 5.0f);
  EXPECT_EQ(turned.numbers()[6], 1.0f);
  const Read same = read(counting(folder, {1, 5, 2, 3}), foreign(Task::regression, {5, 2, 3}, 3));
  EXPECT_EQ(same.numbers()[1], 1.0f);
  for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{1, 3, 2, 5}, {1, 6, 5}, {1, 31}}) {
    const std::string path = counting(folder, shape);
    EXPECT_THROW(read(path, foreign(Task::regression, {5, 2, 3}, 3)), Error);
  }
}

std::string with_labels(const Folder& folder, const std::vector<std::int32_t>& labels) {
  const std::vector<float> x(labels.size() * 2);
  const std::vector<std::size_t> shape{labels.size(), 2}, count{labels.size()};
  write_npz(folder.file("a.npz"),
            std::vector{npz_member("X", std::span(x), shape), npz_member("y", std::span(labels), count)});
  return folder.file("a.npz");
}

TEST(ForeignData, ChannelsMoveToTheEndForAModelThatHasThemThere) {
  const Folder folder;
  const Read turned = read(counting(folder, {2, 3, 4, 5}), foreign(Task::regression, {4, 5, 3}, 3));
  EXPECT_EQ(turned.numbers()[1], 20.0f);
  EXPECT_EQ(turned.numbers()[3], 1.0f);
  EXPECT_EQ(turned.numbers()[60], 60.0f);
  const Read same = read(counting(folder, {2, 4, 5, 3}), foreign(Task::regression, {4, 5, 3}, 3));
  EXPECT_EQ(same.numbers()[1], 1.0f);
}

TEST(ForeignData, LabelsAreClassesWhereTheyCountTheOutputs) {
  const Folder folder;
  for (const Task task : {Task::classification, Task::regression}) {
    const Read fits = read(with_labels(folder, {0, 2, 1, 2}), foreign(task, {2}, 3));
    EXPECT_THAT(fits.examples.labels, ElementsAre(0, 2, 1, 2));
    EXPECT_THAT(fits.warnings, IsEmpty());
    const Read more = read(with_labels(folder, {0, 3, 1, 2}), foreign(task, {2}, 3));
    EXPECT_FALSE(more.examples.labelled());
    EXPECT_EQ(more.examples.count, 4u);
    EXPECT_THAT(more.warnings, ElementsAre(HasSubstr("do not fit the model and are left out")));
  }
  const Read few = read(with_labels(folder, {0, 1, 1}), foreign(Task::regression, {2}, 3));
  EXPECT_FALSE(few.examples.labelled()) << "an autoencoder's outputs are no classes";
  const Read numbers = read(with_labels(folder, {7, 8, -9}), foreign(Task::regression, {2}, 1));
  EXPECT_THAT(numbers.examples.targets, ElementsAre(7, 8, -9));
  Schema own = foreign(Task::regression, {2}, 3);
  own.foreign = false;
  const std::string path = with_labels(folder, {0, 2, 1, 2});
  EXPECT_THROW(read(path, own), Error) << "a model that knows its data is exact about them";
}

TEST(ForeignData, TablesAreTakenColumnByColumn) {
  const Folder folder;
  const Schema three = foreign(Task::classification, {1, 2}, 3);
  const Read named = read(folder.write("t.csv", "a,b,kind\n1,2,cat\n3,4,ant\n5,6,bee\n"), three);
  EXPECT_THAT(named.numbers(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(named.examples.labels, ElementsAre(2, 0, 1));
  EXPECT_THAT(named.warnings, ElementsAre(HasSubstr("0 = ant, 1 = bee, 2 = cat")));
  const Read fewer = read(folder.write("t.csv", "a,b,kind\n1,2,cat\n3,4,ant\n"), three);
  EXPECT_FALSE(fewer.examples.labelled());
  EXPECT_THAT(fewer.warnings, Contains(HasSubstr("left out")));
  const Read numbered = read(folder.write("t.csv", "1,2,0\n3,4,2\n5,6,1\n"), three);
  EXPECT_THAT(numbered.examples.labels, ElementsAre(0, 2, 1));
  EXPECT_EQ(read(folder.write("t.csv", "a,b\n1,2\n3,4\n"), three).examples.count, 2u);
  const Read target =
      read(folder.write("t.csv", "a,b,y\n1,2,0.5\n3,4,1\n"), foreign(Task::regression, {2}, 1));
  EXPECT_THAT(target.examples.targets, ElementsAre(0.5f, 1));
  for (const char* wrong : {"a\n1\n", "a,b,c,d\n1,2,3,4\n", "a,b\n1,text\n", "a,b\n1,?\n"}) {
    const std::string path = folder.write("t.csv", wrong);
    EXPECT_THROW(read(path, three), Error) << wrong;
  }
}

TEST(ForeignData, GeneratedSetsServeWhereTheirSizesFit) {
  const Read labelled = read("two-spirals", foreign(Task::classification, {2}, 2));
  EXPECT_TRUE(labelled.examples.labelled());
  const Read bare = read("two-spirals", foreign(Task::regression, {2}, 1));
  EXPECT_FALSE(bare.examples.labelled());
  EXPECT_THAT(bare.warnings, ElementsAre(HasSubstr("left out")));
  EXPECT_THROW(read("two-spirals", foreign(Task::regression, {3}, 1)), Error);
}

}  // namespace
}  // namespace halfwave::testing
