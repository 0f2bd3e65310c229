// Lost if these fail: an interrupted run would go on as another run than it was, or a damaged file would be
// taken for a good one.
#include <fstream>

#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using End = TrainResult::End;

/// Runs in pieces of random lengths until the run is over.
TrainResult run_in_pieces(const Dataset& data, TrainOptions options, std::uint64_t seed,
                          std::size_t longest) {
  RunFolder folder;
  options.checkpoint = folder.path();
  options.resume = true;
  Random random(seed, 1);
  for (int piece = 0; piece < 500; ++piece) {
    StopAfter observer(1 + static_cast<std::int64_t>(random.below(longest)));
    TrainResult result = train(data, options, &observer);
    if (result.end != End::interrupted) return result;
  }
  throw std::logic_error("the run does not end");
}

struct Variant {
  std::string name;
  std::function<void(TrainOptions&)> set;
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list{
      {"sgd", [](TrainOptions& o) { o.optimiser = "sgd", o.nesterov = true, o.weight_decay = 1e-3; }},
      {"sgd_without_momentum", [](TrainOptions& o) { o.optimiser = "sgd", o.momentum = 0; }},
      {"adam", [](TrainOptions& o) { o.activity_l1 = 1e-3; }},
      {"adamw", [](TrainOptions& o) { o.optimiser = "adamw", o.weight_decay = 0.1, o.warmup = 1.5; }},
      {"rmsprop", [](TrainOptions& o) { o.optimiser = "rmsprop", o.schedule = "step", o.step_epochs = 2; }},
      {"dropout_and_batch_norm",
       [](TrainOptions& o) {
         o.net = "dense 16, batch_norm, rrelu, dropout 0.3, dense 8, prelu, alpha_dropout, dense";
       }},
      {"clip", [](TrainOptions& o) { o.clip = 0.1; }},
      {"plateau",
       [](TrainOptions& o) {
         o.schedule = "plateau", o.patience = 2, o.epochs = 14, o.learning_rate = 0.05;
       }},
      {"early_stopping",
       [](TrainOptions& o) { o.early_stopping = 2, o.epochs = 30, o.learning_rate = 0.05; }},
      {"augment", [](TrainOptions& o) { o.augment = "crop 2, flip"; }},
      {"weight_average",
       [](TrainOptions& o) { o.ema = 0.9, o.net = "dense 16, batch_norm, relu, dropout 0.3, dense"; }},
      {"weight_average_with_early_stopping",
       [](TrainOptions& o) { o.ema = 0.95, o.early_stopping = 2, o.epochs = 30, o.learning_rate = 0.05; }},
      {"label_smoothing_without_health", [](TrainOptions& o) { o.label_smoothing = 0.1, o.health = false; }},
  };
  return list;
}

class Interrupted : public testing::TestWithParam<Variant> {};

TEST_P(Interrupted, AtAnyStepsARunGoesOnToTheSameBits) {
  const Dataset data = clouds();
  TrainOptions options = small_options();
  GetParam().set(options);
  const TrainResult whole = train(data, options);
  ASSERT_NE(whole.end, End::interrupted);
  for (const std::size_t longest : {1u, 5u, 16u}) {
    SCOPED_TRACE(longest);
    expect_same(run_in_pieces(data, options, longest, longest), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Interrupted, testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

TEST(Interruption, OfARegressionGoesOnToTheSameBits) {
  const Dataset data = curves();
  TrainOptions options = small_options();
  options.loss = "huber";
  expect_same(run_in_pieces(data, options, 1, 9), train(data, options));
}

TEST(Interruption, OfARunThatTrainsAModelFurther) {
  const Dataset data = clouds();
  const TrainOptions options = small_options();
  const TrainResult first = train(data, options);
  const TrainResult whole = train(data, options, nullptr, &first.model);
  RunFolder folder;
  TrainOptions in_parts = options;
  in_parts.checkpoint = folder.path();
  in_parts.resume = true;
  in_parts.net = first.model.network();
  StopAfter observer(10);
  EXPECT_EQ(train(data, in_parts, &observer, &first.model).end, End::interrupted);
  expect_same(train(data, in_parts, nullptr, &first.model), whole);

  StopAfter again(10);
  RunFolder other;
  in_parts.checkpoint = other.path();
  train(data, in_parts, &again, &first.model);
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(data, in_parts); }), HasSubstr("start"));
}

TEST(Interruption, SavesInTheFolderForInterruptionsWhereThereIsNoOther) {
  const Dataset data = clouds();
  RunFolder folder;
  TrainOptions options = small_options();
  const TrainResult whole = train(data, options);
  options.interrupt_checkpoint = folder.path();
  StopAfter observer(9);
  const TrainResult part = train(data, options, &observer);
  EXPECT_EQ(part.end, End::interrupted);
  EXPECT_EQ(part.epochs.size(), 1u);
  EXPECT_EQ(observer.steps, 9);
  EXPECT_EQ(observer.last.epoch, 2);
  EXPECT_EQ(observer.last.step, 2);
  options.resume = true;
  expect_same(train(data, options), whole);
}

TEST(Interruption, AtAnEpochsLastStepReportsTheEpoch) {
  const Dataset data = clouds();
  const TrainOptions options = small_options();
  const TrainResult whole = train(data, options);
  StopAfter first(7), last(28);
  const TrainResult one = train(data, options, &first);
  EXPECT_EQ(one.end, End::interrupted);
  EXPECT_EQ(first.epochs, 1);
  EXPECT_EQ(first.steps, 7);
  ASSERT_EQ(one.epochs.size(), 1u);
  EXPECT_EQ(one.epochs[0].test_accuracy, whole.epochs[0].test_accuracy);
  expect_same(train(data, options, &last), whole);  // asked to stop when there is nothing left to do
}

TEST(Checkpoint, OfAFinishedRunGivesItsResultAgain) {
  const Dataset data = clouds();
  for (const std::int64_t every : {1, 3}) {
    RunFolder folder;
    TrainOptions options = small_options();
    options.checkpoint = folder.path();
    options.every = every;
    const TrainResult whole = train(data, options);
    options.resume = true;
    StopAfter observer(1);
    expect_same(train(data, options, &observer), whole);
    EXPECT_EQ(observer.steps, 0);
  }
}

TEST(Checkpoint, IsWrittenEverySoManyEpochs) {
  const Dataset data = clouds();
  RunFolder folder;
  class Watch final : public TrainObserver {
   public:
    explicit Watch(std::string file) : file_(std::move(file)) {}
    void epoch(const EpochReport&) override { seen.push_back(std::filesystem::exists(file_)); }
    std::vector<bool> seen;

   private:
    std::string file_;
  } watch(folder.file());
  TrainOptions options = small_options();
  options.checkpoint = folder.path();
  options.every = 3;
  train(data, options, &watch);
  EXPECT_EQ(watch.seen, (std::vector<bool>{false, false, true, true}));
}

TEST(Checkpoint, ThreadsAndItsOwnOptionsMayChange) {
  const Dataset data = clouds();
  RunFolder folder;
  TrainOptions options = small_options();
  const TrainResult whole = train(data, options);
  options.checkpoint = folder.path();
  StopAfter observer(11);
  train(data, options, &observer);
  options.resume = true;
  options.threads = 2;
  options.every = 2;
  expect_same(train(data, options), whole);
}

TEST(Checkpoint, OfAnotherRunIsRefusedAndWhatDiffersIsNamed) {
  Dataset data = clouds();
  RunFolder folder;
  TrainOptions options = small_options();
  options.checkpoint = folder.path();
  StopAfter observer(11);
  train(data, options, &observer);
  options.resume = true;
  const auto message = [&](const TrainOptions& changed) {
    return error_of(ErrorKind::usage, [&] { train(data, changed); });
  };

  TrainOptions changed = options;
  changed.learning_rate = 0.25;
  EXPECT_THAT(message(changed),
              AllOf(HasSubstr(folder.file()), HasSubstr("learning_rate (was 0.01, is 0.25)"),
                    Not(HasSubstr("batch"))));
  changed = options;
  changed.seed = 99;
  changed.optimiser = "sgd";
  EXPECT_THAT(message(changed),
              AllOf(HasSubstr("seed (was 3, is 99)"), HasSubstr("optimiser"), HasSubstr("adam")));
  changed = options;
  changed.net = "dense 17, relu, dense";
  EXPECT_THAT(message(changed), HasSubstr("net"));
  std::get<std::vector<float>>(data.train.values)[5] += 1;
  EXPECT_THAT(message(options), HasSubstr("train"));
}

TEST(Checkpoint, ThatIsMissingBeginsAnewWithAWarning) {
  const Dataset data = clouds();
  RunFolder folder;
  TrainOptions options = small_options();
  const TrainResult whole = train(data, options);
  options.resume = true;
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(data, options); }), HasSubstr("--checkpoint"));
  options.checkpoint = folder.path();
  const TrainResult result = train(data, options);
  expect_same(result, whole);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_THAT(result.warnings[0], HasSubstr(folder.path()));
}

TEST(Checkpoint, FolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  TrainOptions options = small_options();
  options.checkpoint = "/dev/null/run";
  EXPECT_THAT(error_of(ErrorKind::input, [&] { train(clouds(), options); }), HasSubstr("/dev/null/run"));
}

TEST(Checkpoint, NamesThatAreNotUtf8DoNotBreakIt) {
  Dataset data = clouds();
  data.name =
      "donn\xe9"
      "es";
  RunFolder folder;
  TrainOptions options = small_options();
  const TrainResult whole = train(data, options);
  options.checkpoint = folder.path();
  StopAfter observer(11);
  EXPECT_EQ(train(data, options, &observer).end, End::interrupted);
  options.resume = true;
  expect_same(train(data, options), whole);
}

class DamagedCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    options_.net = "dense 3, relu, dense";
    options_.checkpoint = folder_.path();
    StopAfter observer(11);
    train(data_, options_, &observer);
    options_.resume = true;
    std::ifstream in(folder_.file(), std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(in), {});
    whole_ = values_of(train(data_, options_));
  }
  /// True where the file was refused with an error that names it; else the run must be the same as with the
  /// good file.
  bool refused(const std::string& contents) {
    std::ofstream(folder_.file(), std::ios::binary) << contents;
    try {
      EXPECT_TRUE(values_of(train(data_, options_)) == whole_) << "damage changed the run silently";
      return false;
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::input || error.kind() == ErrorKind::usage) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(folder_.file()));
      return true;
    }
  }

  Dataset data_ = clouds();
  RunFolder folder_;
  TrainOptions options_ = small_options();
  std::string good_;
  std::vector<float> whole_;
};

TEST_F(DamagedCheckpoint, GoodFileIsRead) { EXPECT_FALSE(refused(good_)); }

TEST_F(DamagedCheckpoint, CutAnywhereIsRefused) {
  Random random(5, 5);
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(refused(good_.substr(0, random.below(good_.size()))));
  EXPECT_TRUE(refused(good_ + "x"));
}

TEST_F(DamagedCheckpoint, AFlippedBitNeverCrashesNorChangesTheRun) {
  Random random(6, 6);
  int refusals = 0;
  for (int i = 0; i < 250; ++i) {
    std::string bad = good_;
    bad[random.below(bad.size())] ^= static_cast<char>(1 << random.below(8));
    refusals += refused(bad) ? 1 : 0;
  }
  EXPECT_GT(refusals, 200);
}

TEST_F(DamagedCheckpoint, ForeignFilesAreRefused) {
  for (const std::string& foreign :
       {std::string(), std::string("hello"), std::string(1000, '\0'), std::string(1000, '\xff'),
        std::string("\x02\0\0\0\0\0\0\0{}", 10), std::string("\x02\0\0\0\0\0\0\0[]", 10),
        std::string("\x04\0\0\0\0\0\0\0null", 12), std::string("\x08\0\0\0\0\0\0\0[[[[[[[[", 16)})
    EXPECT_TRUE(refused(foreign));
}

}  // namespace
}  // namespace halfwave
