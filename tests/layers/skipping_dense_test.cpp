// Lost if these fail: a dense layer whose input has zeros, or whose gradient has, would compute something
// else than y = x·W + b and its derivatives. Every way that it may choose is compared with plain sums in
// double; the bounds are those of any order of the float operations.
#include "kernels/exact_sum.h"
#include "layers/skipping_testing.h"

namespace halfwave {
namespace {

struct Setting {
  std::size_t batch, in, out;
  double x_density,
      dy_density;  ///< of every other group of rows; the others are at the opposite, 1 - density
  bool flat, rest;
};

std::ostream& operator<<(std::ostream& out, const Setting& s) {
  return out << s.batch << " x " << s.in << " x " << s.out << ", densities " << s.x_density << " and "
             << s.dy_density << (s.flat ? ", flat" : "") << (s.rest ? ", rest" : "");
}

std::vector<Setting> settings() {
  std::vector<Setting> list;
  for (const bool flat : {true, false})
    for (const bool rest : {false, true})
      for (const auto& [batch, in, out] : {std::array<std::size_t, 3>{1, 1, 1},
                                           {1, 150, 70},
                                           {5, 37, 3},
                                           {33, 128, 64},
                                           {70, 200, 129},
                                           {131, 45, 17},
                                           {160, 129, 65}}) {
        list.push_back({batch, in, out, 0.2, 1, flat, rest});
        list.push_back({batch, in, out, 0.9, 0.3, flat, rest});
      }
  for (const double x : {0.0, 1.0, 0.5})
    for (const double dy : {0.0, 1.0, 0.1}) list.push_back({64, 140, 66, x, dy, x == 0.5, dy == 0.1});
  return list;
}

/// What the layer is given.
struct Problem {
  Setting setting;
  Matrix x, dy, rest;  // rest: one row
  Tensors tensors;     // weight [in, out], bias [out]
  std::unique_ptr<Layer> layer;

  explicit Problem(const Setting& s)
      : setting(s),
        rest(1, s.in),
        tensors(2),
        layer(make_bound(*find_layer_kind("dense"), s.in, static_cast<double>(s.out))) {
    Random random(31, stream_id(Stream::data, s.batch * s.out));
    x = sparse_matrix(random, s.batch, s.in, s.x_density);
    dy = sparse_matrix(random, s.batch, s.out, s.dy_density);
    if (s.rest) rest = random_matrix(random, 1, s.in);
    tensors[0] = random_matrix(random, s.in, s.out).numbers;
    tensors[1] = random_matrix(random, 1, s.out).numbers;
  }
};

/// What it gives back, with all that a plan gives it.
struct Outcome {
  Matrix y, dx;
  Tensors gradients, handed;
  bool skips, ready_once = true;

  Outcome(const Problem& p, Skipping skipping, int threads, bool keep_gradients = true) {
    StepContext step{.batch = p.setting.batch, .training = true, .threads = threads, .seed = 1, .step = 1};
    step.skipping = skipping;
    step.keep_gradients = keep_gradients;
    LayerRun run(*p.layer, step, p.x, p.tensors, false);
    run.note_input(p.setting.flat, p.setting.dy_density < 1);
    if (p.setting.rest) run.give_rest(p.rest);
    run.forward();
    y = run.output();
    run.backward(p.dy);
    dx = run.input_gradient();
    for (const std::size_t t : {0u, 1u}) {
      gradients.push_back(run.gradient(t));
      handed.push_back(run.handed(t));
    }
    for (const int count : run.ready_counts(0)) ready_once = ready_once && count == 1;
    skips = run.input_notes().any_listed();
  }
};

/// body(problem, skipping) for all of them.
template <class Body>
void for_each_problem(Body&& body) {
  const BelowAHalf crossovers;
  for (const Setting& setting : settings()) {
    const Problem problem(setting);
    for (const Skipping skipping : kSkippings) {
      SCOPED_TRACE(testing::Message() << setting << ", skipping " << static_cast<int>(skipping));
      body(problem, skipping);
    }
  }
}

TEST(SkippingDense, ForwardIsTheProduct) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    const Setting& s = p.setting;
    const Outcome run(p, skipping, 1);
    EXPECT_TRUE(skipping == Skipping::automatic || run.skips == (skipping == Skipping::always));
    for (std::size_t i = 0; i < s.batch; ++i)
      for (std::size_t o = 0; o < s.out; ++o) {
        Exact exact{.steps = 2};
        exact.add(p.tensors[1][o], 1);
        for (std::size_t k = 0; k < s.in; ++k) {
          exact.add(p.x(i, k), p.tensors[0][k * s.out + o]);
          exact.add(p.rest(0, k), p.tensors[0][k * s.out + o]);
        }
        ASSERT_NEAR(run.y(i, o), exact.sum, exact.bound()) << "at " << i << ", " << o;
      }
  });
}

TEST(SkippingDense, GradientsOfTensorsAreTheProductsAndReportedOnce) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    const Setting& s = p.setting;
    const Outcome run(p, skipping, 1);
    const std::vector<double>&dw = run.gradients[0], &db = run.gradients[1];
    EXPECT_EQ(run.handed, run.gradients);
    EXPECT_EQ(Outcome(p, skipping, 1, false).handed, run.gradients) << "not kept";
    EXPECT_TRUE(run.ready_once);
    for (std::size_t o = 0; o < s.out; ++o) {
      Exact sum;
      for (std::size_t i = 0; i < s.batch; ++i) sum.add(p.dy(i, o), 1);
      ASSERT_NEAR(db[o], sum.sum, sum.bound()) << "at " << o;
      for (std::size_t k = 0; k < s.in; ++k) {
        Exact exact{.steps = 2};
        for (std::size_t i = 0; i < s.batch; ++i) {
          exact.add(p.x(i, k), p.dy(i, o));
          exact.add(p.rest(0, k), p.dy(i, o));
        }
        ASSERT_NEAR(dw[k * s.out + o], exact.sum, exact.bound()) << "at " << k << ", " << o;
      }
    }
  });
}

/// Where the input is zero and the layers before do not look, there may be 0 instead.
TEST(SkippingDense, GradientByTheInputIsTheProductWhereItIsLookedAt) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    const Setting& s = p.setting;
    const Outcome run(p, skipping, 1);
    for (std::size_t i = 0; i < s.batch; ++i)
      for (std::size_t k = 0; k < s.in; ++k) {
        const double dx = run.dx(i, k);
        const bool unseen = s.flat && p.x(i, k) == 0;
        if (unseen && dx == 0 && skipping != Skipping::never) continue;
        ASSERT_FALSE(unseen && skipping == Skipping::always) << "at " << i << ", " << k << ": " << dx;
        Exact exact{.steps = 2};
        for (std::size_t o = 0; o < s.out; ++o) exact.add(p.dy(i, o), p.tensors[0][k * s.out + o]);
        ASSERT_NEAR(dx, exact.sum, exact.bound()) << "at " << i << ", " << k;
      }
  });
}

TEST(SkippingDense, AnyNumberOfThreadsGivesTheSameBits) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    const Outcome one(p, skipping, 1);
    for (const int threads : {2, 3}) {
      const Outcome several(p, skipping, threads);
      EXPECT_EQ(several.y.numbers, one.y.numbers);
      EXPECT_EQ(several.dx.numbers, one.dx.numbers);
      EXPECT_EQ(several.handed, one.handed);
    }
  });
}

}  // namespace
}  // namespace halfwave
