// Lost if these fail: augmentation would show the network other examples than it says (or mix those of
// channels, positions or the mean), differ between runs of one seed or with threads, or reach evaluation.
#include "train/augment.h"

#include <map>
#include <numeric>

#include "train/augmented_input.h"
#include "train/evaluator.h"
#include "train/prepare.h"
#include "train/train_testing.h"

namespace halfwave {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using End = TrainResult::End;

Schema schema_of(std::vector<std::int64_t> shape) {
  Schema schema;
  schema.shape = std::move(shape);
  schema.classes = {"a", "b", "c"};
  return schema;
}

using Map = std::vector<std::int32_t>;

Map draw(const Augment& augment, std::uint64_t seed, std::uint64_t example) {
  Map map(augment.positions()), scratch(augment.positions());
  augment.draw(seed, example, map, scratch);
  return map;
}

/// What a map must be: position (y, x) is that of (y - down, x - right), mirrored or not, or the mean where
/// that is outside.
Map shifted(std::int64_t height, std::int64_t width, std::int64_t down, std::int64_t right, bool mirror) {
  Map map;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from_y = y - down, from_x = (mirror ? width - 1 - x : x) - right;
      const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      map.push_back(inside ? static_cast<std::int32_t>(from_y * width + from_x) : kMean);
    }
  return map;
}

constexpr int kDraws = 4000;

TEST(Augment, CropShiftsByEveryDistanceEquallyOften) {
  const Augment augment("crop 2", schema_of({3, 5, 7}), "data");
  std::map<Map, std::pair<std::int64_t, std::int64_t>> possible;
  for (std::int64_t down = -2; down <= 2; ++down)
    for (std::int64_t right = -2; right <= 2; ++right)
      possible[shifted(5, 7, down, right, false)] = {down, right};
  std::map<std::pair<std::int64_t, std::int64_t>, int> counts;
  for (int i = 0; i < kDraws; ++i) {
    const auto found = possible.find(draw(augment, 1, static_cast<std::uint64_t>(i)));
    ASSERT_NE(found, possible.end());
    ++counts[found->second];
  }
  EXPECT_EQ(counts.size(), 25u);
  for (const auto& [shift, count] : counts)
    EXPECT_NEAR(count, kDraws / 25, 60) << shift.first;  // 5 deviations
}

TEST(Augment, FlipMirrorsHalfOfTheExamples) {
  const Augment augment("flip", schema_of({4, 3}), "data");
  int flipped = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Map map = draw(augment, 2, static_cast<std::uint64_t>(i));
    const bool mirror = map[0] != 0;
    ASSERT_EQ(map, shifted(4, 3, 0, 0, mirror));
    flipped += mirror ? 1 : 0;
  }
  EXPECT_NEAR(flipped, kDraws / 2, 160);
}

TEST(Augment, CutoutIsASquareAroundAnyPositionAsFarAsItIsInside) {
  for (const std::int64_t side : {3, 4}) {
    const Augment augment("cutout " + std::to_string(side), schema_of({1, 6, 9}), "data");
    std::map<Map, int> possible;
    for (std::int64_t y = 0; y < 6; ++y)
      for (std::int64_t x = 0; x < 9; ++x) {
        Map map(54);
        std::iota(map.begin(), map.end(), 0);
        for (std::int64_t i = 0; i < 54; ++i) {
          const std::int64_t dy = i / 9 - y + side / 2, dx = i % 9 - x + side / 2;
          if (dy >= 0 && dy < side && dx >= 0 && dx < side) map[static_cast<std::size_t>(i)] = kMean;
        }
        possible[map] = 0;
      }
    ASSERT_EQ(possible.size(), 54u);
    for (int i = 0; i < kDraws; ++i) {
      const auto found = possible.find(draw(augment, 3, static_cast<std::uint64_t>(i)));
      ASSERT_NE(found, possible.end());
      ++found->second;
    }
    for (const auto& [map, count] : possible) EXPECT_NEAR(count, kDraws / 54, 45);
  }
}

TEST(Augment, OfASignalMovesAlongItOnly) {
  const Augment augment(" crop 3 ,flip,cutout 2", schema_of({8}), "data");
  int cut = 0;
  for (int i = 0; i < 500; ++i) {
    const Map map = draw(augment, 4, static_cast<std::uint64_t>(i));
    ASSERT_EQ(map.size(), 8u);
    int matches = 0;
    for (std::int64_t right = -3; right <= 3; ++right)
      for (const bool mirror : {false, true}) {
        const Map whole = shifted(1, 8, 0, right, mirror);
        int cut_out = 0, wrong = 0;
        for (std::size_t p = 0; p < 8; ++p)
          if (map[p] != whole[p]) ++(map[p] == kMean ? cut_out : wrong);
        if (wrong > 0 || cut_out > 2) continue;
        ++matches;
        cut += cut_out > 0 ? 1 : 0;
      }
    EXPECT_GE(matches, 1);
  }
  EXPECT_GT(cut, 300);
}

TEST(Augment, DependsOnSeedAndExampleAlone) {
  const Augment augment("crop 4, flip, cutout 5", schema_of({3, 32, 32}), "data");
  EXPECT_EQ(draw(augment, 7, 1234567), draw(augment, 7, 1234567));
  int same = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    same += draw(augment, 7, i) == draw(augment, 7, i + 1) ? 1 : 0;
    same += draw(augment, 7, i) == draw(augment, 8, i) ? 1 : 0;
  }
  EXPECT_EQ(same, 0);
}

TEST(Augment, WrongTextsAreErrorsThatSayWhatIsRight) {
  const auto message = [](const std::string& text, std::vector<std::int64_t> shape = {3, 32, 32}) {
    return error_of(ErrorKind::usage, [&] { Augment(text, schema_of(std::move(shape)), "pictures"); });
  };
  EXPECT_THAT(message("crp 4"), AllOf(HasSubstr("'crp'"), HasSubstr("Did you mean 'crop'?")));
  EXPECT_THAT(message("something"), HasSubstr("crop N, flip, cutout N"));
  EXPECT_THAT(message("crop"), AllOf(HasSubstr("crop needs a number"), HasSubstr("padding")));
  for (const char* number : {"x", "4x", "-1", "0", "4.5", "99999999999999999999", "1025", "4 4"})
    EXPECT_THAT(message(std::string("flip, crop ") + number), HasSubstr(std::string("'") + number + "'"));
  EXPECT_THAT(message("flip 2"), HasSubstr("flip takes no number"));
  EXPECT_THAT(message("cutout 32"), AllOf(HasSubstr("cutout 32"), HasSubstr("32x32")));
  EXPECT_THAT(message("crop 5", {30, 5}), HasSubstr("an image of 30x5"));
  EXPECT_THAT(message("crop 5", {5}), HasSubstr("a signal of 5"));
  for (const char* text : {"flip,", ",flip", "flip,,flip", ","})
    EXPECT_THAT(message(text), HasSubstr("empty place")) << text;
  EXPECT_THAT(message("flip", {2, 3, 4, 5}), HasSubstr("'pictures'"));
  Schema table = schema_of({4});
  table.columns.resize(4);
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { Augment("flip", table, "iris"); }),
              AllOf(HasSubstr("'iris'"), HasSubstr("table")));
  EXPECT_TRUE(Augment("", table, "iris").empty());
  EXPECT_TRUE(Augment("  ", schema_of({4}), "").empty());
}

/// Images of three classes that differ by where their bright side is; many of their numbers are zero.
Dataset pictures(std::vector<std::int64_t> shape = {3, 8, 8}, bool bytes = true) {
  Dataset data;
  data.name = "pictures";
  data.schema = schema_of(std::move(shape));
  const std::size_t features = data.schema.features();
  Random random(4, 4);
  const auto fill = [&](Examples& examples, std::size_t count) {
    examples.count = count;
    std::vector<std::uint8_t> values;
    for (std::size_t i = 0; i < count; ++i) {
      examples.labels.push_back(static_cast<std::int32_t>(i % 3));
      for (std::size_t j = 0; j < features; ++j) {
        const bool bright = j % 8 / 3 == i % 3;
        values.push_back(static_cast<std::uint8_t>(random.below(2) * random.below(bright ? 250 : 60)));
      }
    }
    if (bytes)
      examples.values = std::move(values);
    else
      examples.values = std::vector<float>(values.begin(), values.end());
  };
  fill(data.train, 90);
  fill(data.test, 30);
  return data;
}

/// What the network is given for the examples `rows` of update `update`.
class InputOf {
 public:
  InputOf(const Dataset& data, const std::string& net, const std::string& augment, int threads, bool rest)
      : data_(data),
        model_(make(data, net)),
        form_(*model_, rest),
        plan_(model_->network, {.batch = kBatch}) {
    input_.emplace(data.train, form_, Augment(augment, data.schema, data.name), kBatch, 11, threads);
    context_.threads = threads;
  }

  static std::vector<std::uint32_t> rows(std::uint64_t update) {
    std::vector<std::uint32_t> rows;
    for (std::uint32_t i = 0; i < kBatch; ++i)
      rows.push_back(static_cast<std::uint32_t>((update * 31 + i * 7) % 90));
    return rows;
  }

  /// [batch, features], channels first, the rest put back.
  std::vector<float> at(std::uint64_t update, bool next_known) {
    context_.batch = kBatch;
    const std::vector<std::uint32_t> now = rows(update), next = rows(update + 1);
    input_->fill(now, update * kBatch, next_known ? std::span(next) : std::span<const std::uint32_t>{},
                 context_, plan_);
    const std::size_t features = data_.schema.features(), positions = form_.shape.positions();
    std::vector<float> numbers;
    for (std::size_t i = 0; i < kBatch; ++i)
      for (std::size_t j = 0; j < features; ++j)
        numbers.push_back(
            plan_.input()[(i * positions + j % positions) * plan_.input_stride() + j / positions] +
            (form_.rest.empty() ? 0.0f : form_.rest[j]));
    return numbers;
  }

  const Preprocessing& preprocessing() const { return model_->preprocessing; }
  static constexpr std::size_t kBatch = 40;

 private:
  static std::shared_ptr<ModelParts> make(const Dataset& data, const std::string& net) {
    TrainOptions options = small_options();
    options.net = net;
    return make_model(data, resolve(options, data), nullptr);
  }

  const Dataset& data_;
  std::shared_ptr<ModelParts> model_;
  InputForm form_;
  Plan plan_;
  std::optional<AugmentedInput> input_;
  StepContext context_;
};

constexpr const char* kNets[] = {"dense 8, relu, dense", "conv 4 3x3, relu, flatten, dense"};

TEST(AugmentedInput, IsTheExampleAsItsMapSaysStandardised) {
  for (const bool bytes : {true, false})
    for (const char* net : kNets)
      for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{3, 8, 8}, {8, 8}}) {
        SCOPED_TRACE(testing::Message() << net << ' ' << shape.size());
        const Dataset data = pictures(shape, bytes);
        InputOf input(data, net, "crop 2, flip, cutout 3", 1, true);
        const std::vector<float> numbers = input.at(5, false);
        const Augment augment("crop 2, flip, cutout 3", data.schema, "");
        const std::size_t features = data.schema.features();
        const std::vector<std::uint32_t> rows = InputOf::rows(5);
        const Preprocessing& p = input.preprocessing();
        std::size_t means = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          const Map map = draw(augment, 11, 5 * InputOf::kBatch + i);
          for (std::size_t j = 0; j < features; ++j) {
            const std::int32_t from = map[j % 64];
            const double x = std::visit(
                [&](const auto& v) {
                  return static_cast<double>(
                      v[rows[i] * features + j / 64 * 64 + static_cast<std::size_t>(std::max(from, 0))]);
                },
                data.train.values);
            const double expected =
                from == kMean ? 0.0 : (x - static_cast<double>(p.mean[j])) * static_cast<double>(p.scale[j]);
            means += from == kMean ? 1 : 0;
            ASSERT_NEAR(numbers[i * features + j], expected, 1e-5) << i << ' ' << j;
          }
        }
        EXPECT_GT(means, 500u);
      }
}

TEST(AugmentedInput, IsTheSameWithAndWithoutAThreadOfItsOwn) {
  const Dataset data = pictures({16, 8, 8});  // enough numbers for a thread: 40 · 1024
  for (const char* net : kNets) {
    InputOf alone(data, net, "crop 2, flip", 1, true), ahead(data, net, "crop 2, flip", 2, true);
    for (std::uint64_t update = 0; update < 6; ++update) {
      const std::vector<float> expected = alone.at(update, true);
      EXPECT_TRUE(ahead.at(update, update != 3) == expected) << update;
    }
    EXPECT_TRUE(ahead.at(90, true) == alone.at(90, false)) << "what was announced is not what came";
  }
}

TEST(AugmentedTraining, IsTheSameForAnyNumberOfThreads) {
  const Dataset data = pictures({16, 8, 8});
  TrainOptions options = small_options();
  options.augment = "crop 1, flip, cutout 2";
  options.batch = 40;
  options.epochs = 2;
  for (const char* net : kNets) {
    options.net = net;
    options.threads = 1;
    const TrainResult alone = train(data, options);
    options.threads = 3;
    expect_same(train(data, options), alone);
    options.augment = "";
    EXPECT_FALSE(values_of(train(data, options)) == values_of(alone)) << "the option did nothing";
    options.augment = "crop 1, flip, cutout 2";
  }
}

TEST(AugmentedTraining, EndsEarlyWhileABatchIsComing) {
  const Dataset data = pictures({16, 8, 8});
  TrainOptions options = small_options();
  options.augment = "flip";
  options.batch = 40;
  options.threads = 2;
  StopAfter observer(1);
  EXPECT_EQ(train(data, options, &observer).end, End::interrupted);
  options.optimiser = "sgd";
  options.learning_rate = 1e15;
  EXPECT_EQ(train(data, options).end, End::diverged);

  class Throws final : public TrainObserver {
   public:
    void step(const Progress&) override { throw std::runtime_error("enough"); }
  } throws;
  options.learning_rate = 0.01;
  EXPECT_THROW(train(data, options, &throws), std::runtime_error);
}

TEST(AugmentedTraining, EvaluatesTheExamplesAsTheyAre) {
  const Dataset data = pictures();
  TrainOptions options = small_options();
  options.net = kNets[1];
  options.augment = "crop 2, flip, cutout 3";
  const TrainResult result = train(data, options);
  const Evaluation evaluation = evaluate(result.model, data.test);
  EXPECT_EQ(result.epochs.back().test_accuracy, evaluation.accuracy);
  EXPECT_NEAR(result.epochs.back().test_loss, evaluation.loss, 1e-9 + 1e-6 * evaluation.loss);
}

TEST(AugmentedTraining, IsRefusedBeforeItBegins) {
  TrainOptions options = small_options();
  options.augment = "flp";
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(clouds(), options); }), HasSubstr("'flip'"));
  Dataset table = clouds();
  table.schema.columns.resize(6);
  options.augment = "flip";
  EXPECT_THAT(error_of(ErrorKind::usage, [&] { train(table, options); }), HasSubstr("'clouds'"));
}

}  // namespace
}  // namespace halfwave
