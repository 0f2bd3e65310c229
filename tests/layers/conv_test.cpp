// Lost if these fail: a convolution would compute something else than its definition and its derivatives, for
// some shape or some pattern of zeros. Every way that it may choose is compared with plain sums in double;
// the bounds are those of any order of the float operations.
#include <fmt/format.h>

#include "kernels/activation_testing.h"
#include "kernels/exact_sum.h"
#include "layers/skipping_testing.h"

namespace halfwave {
namespace {

struct Setting {
  Shape input;
  std::string fields;  ///< by name, e.g. "filters=8 kernel=3 stride=2"
  std::size_t batch;
  double x_density, dy_density;  ///< of every other example; the others' is the opposite
  bool flat;
};

std::ostream& operator<<(std::ostream& out, const Setting& s) {
  return out << fmt::format("{} x {}: {}; densities {} and {}{}", s.batch, describe(s.input), s.fields,
                            s.x_density, s.dy_density, s.flat ? ", flat" : "");
}

std::unique_ptr<Layer> make_conv(const Setting& setting) {
  const LayerInfo& info = *find_layer_kind("conv");
  std::vector<double> fields = default_fields(info, 1);
  std::istringstream words(setting.fields);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    const auto field = std::ranges::find(info.fields, word.substr(0, equals), &LayerField::name);
    if (field == info.fields.end()) throw std::logic_error("conv has no field " + word);
    fields[static_cast<std::size_t>(field - info.fields.begin())] = std::stod(word.substr(equals + 1));
  }
  return make_bound(info, fields, {setting.input});
}

/// Shapes at the edges of what kernels work on at once, then random ones.
std::vector<Setting> settings() {
  struct Kind {
    Shape input;
    const char* fields;
    std::size_t batch;
  };
  static constexpr Kind kKinds[] = {
      {{2, 8, 8, 64}, "filters=70", 3},                              // two panels of outputs
      {{2, 5, 7, 130}, "filters=16", 2},                             // two blocks of inputs
      {{2, 5, 6, 70}, "filters=140 padding=2", 2},                   // and of outputs, with more padding
      {{2, 16, 16, 32}, "filters=32", 8},                            // large enough for threads
      {{2, 9, 8, 3}, "filters=17 kernel=5", 4},                      // an image's first layer
      {{2, 7, 7, 20}, "filters=33 kernel=1", 3},                     // a dense layer at each place
      {{2, 9, 10, 18}, "filters=24 stride=2", 3},                    //
      {{2, 9, 10, 18}, "filters=5 kernel=2 stride=3 padding=1", 3},  // some inputs in no window
      {{2, 8, 9, 16}, "filters=16 dilation=2", 3},                   //
      {{2, 10, 11, 8}, "filters=8 dilation=3 padding=0", 2},         //
      {{2, 4, 3, 6}, "filters=9 kernel=7 padding=4", 2},             // windows larger than the image
      {{2, 7, 7, 16}, "filters=16 kernel=1 padding=2", 9},           // outputs all of whose taps are padding
      {{2, 8, 8, 5}, "filters=8 kernel=3 padding=4", 9},             //
      {{1, 1, 40, 3}, "filters=4 kernel=1 padding=3", 9},            //
      {{2, 6, 6, 20}, "filters=20 groups=20", 5},                    // depthwise
      {{2, 6, 5, 130}, "filters=130 groups=130", 2},                 //
      {{2, 7, 6, 64}, "filters=64 groups=64 stride=2", 3},           //
      {{2, 6, 6, 6}, "filters=12 groups=6 bias=0", 3},               // two outputs a channel
      {{2, 6, 5, 32}, "filters=48 groups=2", 3},                     //
      {{2, 6, 5, 9}, "filters=6 groups=3 kernel=2 kernel_width=3", 3},
      {{2, 1, 1, 40}, "filters=12", 33},  // one position
      {{2, 32, 1, 4}, "filters=4 kernel=3 kernel_width=1 bias=0", 3},
      {{1, 1, 40, 1}, "filters=25 kernel=5 stride=2", 9},  // signals
      {{1, 1, 21, 25}, "filters=25 dilation=2", 4},
      {{1, 1, 37, 12}, "filters=12 groups=12 kernel=4 padding=1", 4},
      {{1, 1, 16, 66}, "filters=65 kernel=3 padding=0", 5},
  };
  std::vector<Setting> list;
  constexpr std::pair<double, double> kDensities[] = {{0.1, 1}, {0.5, 0.3}, {1, 0.1}, {0, 0.5}};
  for (const Kind& kind : kKinds)
    for (const auto& [x, dy] : kDensities)
      if (const bool first = x == 0.1; kind.input.channels < 64 || x < 1)
        list.push_back({kind.input, kind.fields, kind.batch, x, dy, first || x == 0.5});
  Random random(70, stream_id(Stream::data, 300));
  const auto draw = [&](int low, int high) {
    return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  for (int i = 0; i < 40; ++i) {
    const bool image = draw(0, 3) > 0;
    const auto size = [&] { return static_cast<std::size_t>(draw(6, 12)); };
    const int groups = draw(0, 2) == 0 ? draw(2, 5) : 1;
    const Shape input{image ? 2 : 1, image ? size() : 1, size(),
                      static_cast<std::size_t>(groups * draw(1, 12))};
    const std::string fields =
        fmt::format("filters={} kernel={} stride={} padding={} dilation={} groups={} bias={}",
                    groups * draw(1, 12), draw(1, 3), draw(1, 3), draw(-1, 2), draw(1, 2), groups,
                    draw(0, 1)) +
        (image ? fmt::format(" kernel_width={} stride_width={}", draw(1, 4), draw(1, 3)) : "");
    list.push_back({input, fields, static_cast<std::size_t>(draw(1, 6)), 0.1 * draw(0, 10), 0.1 * draw(1, 10),
                    draw(0, 1) == 1});
  }
  return list;
}

using Sums = std::vector<Exact>;

/// What the layer gives back.
struct Outcome {
  std::vector<double> y, dx;
  Tensors gradients, handed;  ///< as they are left in memory, as the sink was given them
  bool ready_once = true;     ///< no number was handed to the sink twice
};

/// What the layer is given, and plain sums of all that it must give back.
struct Problem {
  const Setting& setting;
  std::unique_ptr<Layer> layer;
  Matrix x, dy;
  Tensors tensors;
  Sums y, dx, dw, db;

  explicit Problem(const Setting& s) : setting(s), layer(make_conv(s)) {
    Random random(71, stream_id(Stream::data, s.input.numbers() * s.batch));
    const Shape& out = layer->output();
    x = sparse_matrix(random, s.batch * s.input.positions(), s.input.channels, s.x_density,
                      s.input.positions());
    dy = sparse_matrix(random, s.batch * out.positions(), out.channels, s.dy_density, out.positions());
    tensors = random_tensors(random, *layer);
    y.resize(dy.numbers.size());
    dx.resize(x.numbers.size());
    dw.resize(tensors[0].size());
    db.resize(out.channels);
    add_all();
  }

  void add_all() {
    const std::size_t out = dy.columns, in = dw.size() / (out * taps()), of_group = out / (x.columns / in);
    for (const Window& window : windows_of(*layer, setting.batch))
      for (std::size_t o = 0; o < out; ++o) {
        Exact& sum = y[window.row * out + o];
        const double gradient = dy(window.row, o);
        db[o].add(gradient, 1);
        if (tensors.size() > 1) sum.add(tensors[1][o], 1);
        for (std::size_t t = 0; t < window.taps.size(); ++t) {
          if (window.taps[t] < 0) continue;
          for (std::size_t i = 0; i < in; ++i) {
            const std::size_t at = static_cast<std::size_t>(window.taps[t]) * x.columns + o / of_group * in +
                                   i,
                              weight = (o * in + i) * window.taps.size() + t;
            sum.add(x.numbers[at], tensors[0][weight]);
            dx[at].add(gradient, tensors[0][weight]);
            dw[weight].add(gradient, x.numbers[at]);
          }
        }
      }
  }
  std::size_t taps() const { return window_axis(*layer, false).kernel * window_axis(*layer, true).kernel; }

  StepContext context(Skipping skipping, int threads = 1) const {
    StepContext step{.batch = setting.batch, .training = true, .threads = threads, .seed = 1, .step = 1};
    step.skipping = skipping;
    return step;
  }
  /// Forward and backward; zeros are known of as in a plan.
  Outcome run(const StepContext& step) const {
    LayerRun made(*layer, step, x, tensors, false);
    if (layer->skips_zeros()) made.note_input(setting.flat, setting.dy_density < 1);
    made.forward();
    Outcome outcome;
    outcome.y = made.output().numbers;
    if (!step.training) return outcome;
    made.backward(dy);
    outcome.dx = made.input_gradient().numbers;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      outcome.gradients.push_back(made.gradient(t));
      outcome.handed.push_back(made.handed(t));
      for (const int count : made.ready_counts(t)) outcome.ready_once = outcome.ready_once && count <= 1;
    }
    return outcome;
  }
};

/// body(problem, skipping) for all of them.
template <class Body>
void for_each_problem(Body&& body) {
  const BelowAHalf crossovers;
  static const std::vector<Setting> all = settings();
  static const std::vector<Problem> problems(all.begin(), all.end());
  for (const Problem& problem : problems)
    for (const Skipping skipping : kSkippings) {
      SCOPED_TRACE(testing::Message() << problem.setting << ", skipping " << static_cast<int>(skipping));
      body(problem, skipping);
    }
}

void expect_sums(const std::vector<double>& numbers, const Sums& sums) {
  ASSERT_EQ(numbers.size(), sums.size());
  for (std::size_t k = 0; k < sums.size(); ++k)
    ASSERT_NEAR(numbers[k], sums[k].sum, sums[k].bound()) << "number " << k;
}

TEST(Conv, ForwardIsTheProduct) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    for (const bool training : {true, false}) {
      StepContext step = p.context(skipping);
      step.training = training;
      expect_sums(p.run(step).y, p.y);
    }
  });
}

TEST(Conv, GradientsOfTensorsAreTheProductsAndReportedOnce) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    StepContext passing = p.context(skipping);
    passing.keep_gradients = false;
    const Outcome kept = p.run(p.context(skipping)), passed = p.run(passing);
    expect_sums(kept.gradients[0], p.dw);
    if (p.tensors.size() > 1) expect_sums(kept.gradients[1], p.db);
    EXPECT_EQ(kept.handed, kept.gradients);
    EXPECT_EQ(passed.handed, kept.gradients);
    EXPECT_TRUE(kept.ready_once);
  });
}

/// Where the input is zero and the layers before do not look, there may be 0 instead.
TEST(Conv, GradientByTheInputIsTheProductWhereItIsLookedAt) {
  std::size_t left_out = 0;
  for_each_problem([&](const Problem& p, Skipping skipping) {
    const std::vector<double> dx = p.run(p.context(skipping)).dx;
    for (std::size_t k = 0; k < dx.size(); ++k) {
      const bool unseen = p.setting.flat && p.x.numbers[k] == 0 && skipping != Skipping::never;
      if (unseen && dx[k] == 0 && p.dx[k].sum != 0)
        ++left_out;
      else
        ASSERT_NEAR(dx[k], p.dx[k].sum, p.dx[k].bound()) << "number " << k;
    }
  });
  EXPECT_GT(left_out, 0u);
}

/// Groups end within vectors, whose length differs.
TEST(Conv, IsTheProductWithEveryInstructionSet) {
  for_each_target([](const char*) {
    int next = 0;
    for_each_problem([&](const Problem& p, Skipping skipping) {
      if (next++ % 4 != 0) return;
      const Outcome outcome = p.run(p.context(skipping));
      expect_sums(outcome.y, p.y);
      expect_sums(outcome.gradients[0], p.dw);
      for (std::size_t k = 0; k < outcome.dx.size(); ++k)
        if (!p.setting.flat || p.x.numbers[k] != 0) {
          ASSERT_NEAR(outcome.dx[k], p.dx[k].sum, p.dx[k].bound()) << "number " << k;
        }
    });
  });
}

TEST(Conv, AnyNumberOfThreadsGivesTheSameBits) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    if (p.setting.batch * p.layer->multiply_adds() < std::size_t{1} << 19) return;  // too little to share
    const Outcome one = p.run(p.context(skipping));
    for (const int threads : {2, 3}) {
      const Outcome several = p.run(p.context(skipping, threads));
      EXPECT_EQ(several.y, one.y);
      EXPECT_EQ(several.dx, one.dx);
      EXPECT_EQ(several.handed, one.handed);
    }
  });
}

}  // namespace
}  // namespace halfwave
