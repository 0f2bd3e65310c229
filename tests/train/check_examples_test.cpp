// Lost if these fail: a data set made by hand with one number too few, or a label too large, would be read
// (and its gradient written) outside of memory.
#include <gmock/gmock.h>
#include <halfwave/error.h>
#include <halfwave/train.h>

#include <functional>

namespace halfwave {
namespace {

Dataset good() {
  Dataset data;
  data.name = "hand-made";
  data.schema.shape = {2};
  data.schema.classes = {"no", "yes"};
  data.train.count = 4;
  data.train.values = std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7};
  data.train.labels = {0, 1, 0, 1};
  data.test = data.train;
  return data;
}

TrainOptions quick() {
  TrainOptions options;
  options.hidden = {4};
  options.epochs = 1;
  return options;
}

TEST(HandMadeData, AGoodOneIsTrainedOn) { EXPECT_EQ(train(good(), quick()).epochs.size(), 1u); }

TEST(HandMadeData, EveryMistakeIsNamedBeforeAKernelSeesIt) {
  const std::vector<std::pair<std::function<void(Dataset&)>, const char*>> mistakes{
      {[](Dataset& d) { d.train.count = 5; }, "has 8 values where its examples need 10"},
      {[](Dataset& d) { std::get<std::vector<float>>(d.test.values).pop_back(); }, "test part has 7 values"},
      {[](Dataset& d) { d.train.labels.pop_back(); }, "has 3 labels where its examples need 4"},
      {[](Dataset& d) { d.train.labels[2] = 2; }, "label 2 of example 2"},
      {[](Dataset& d) { d.test.labels[1] = -1; }, "label -1 of example 1"},
      {[](Dataset& d) { d.schema.classes = {"all"}; }, "1 class"},
      {[](Dataset& d) { d.schema.task = Task::regression; }, "has 0 targets where its examples need 4"},
  };
  for (const auto& [spoil, message] : mistakes) {
    Dataset data = good();
    spoil(data);
    try {
      train(data, quick());
      ADD_FAILURE() << "accepted: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), testing::HasSubstr(message));
    }
  }
}

TEST(HandMadeData, PredictAndEvaluateCheckToo) {
  const Model model = train(good(), quick()).model;
  Examples examples = good().test;
  examples.labels[0] = 7;
  EXPECT_THROW(evaluate(model, examples), Error);
  EXPECT_EQ(model.predict(examples).size(), 8u);  // labels do not matter for predictions
  examples.count = 100;
  EXPECT_THROW(model.predict(examples), Error);
}

}  // namespace
}  // namespace halfwave
