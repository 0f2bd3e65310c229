// Lost if these fail: a dense layer whose input has zeros, or whose gradient has, would compute something
// else than y = x·W + b and its derivatives. Every way that it may choose is compared with plain sums in
// double; the bounds are those of any order of the float operations.
#include "kernels/exact_sum.h"
#include "layers/layer_testing.h"

namespace halfwave {
namespace {

struct Shape {
  std::size_t batch, in, out;
  double x_density,
      dy_density;  ///< of every other group of rows; the others are at the opposite, 1 - density
  bool flat, rest;
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.batch << " x " << s.in << " x " << s.out << ", densities " << s.x_density << " and "
             << s.dy_density << (s.flat ? ", flat" : "") << (s.rest ? ", rest" : "");
}

std::vector<Shape> shapes() {
  std::vector<Shape> list;
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

/// What the layer is given, and what it must give back.
struct Problem {
  Shape shape;
  Matrix x, dy, rest;  // rest: one row
  Tensors tensors;     // weight [in, out], bias [out]

  explicit Problem(const Shape& s) : shape(s), rest(1, s.in), tensors(2) {
    Random random(31, stream_id(Stream::data, s.batch * s.out));
    x = sparse(random, s.batch, s.in, s.x_density);
    dy = sparse(random, s.batch, s.out, s.dy_density);
    if (s.rest) rest = random_matrix(random, 1, s.in);
    tensors[0] = random_matrix(random, s.in, s.out).numbers;
    tensors[1] = random_matrix(random, 1, s.out).numbers;
  }
  static Matrix sparse(Random& random, std::size_t rows, std::size_t columns, double density) {
    Matrix m = random_matrix(random, rows, columns);
    for (std::size_t i = 0; i < rows; ++i) {
      const bool opposite = density != 0 && density != 1 && i / NonzeroLists::kRows % 2 == 1;
      for (std::size_t j = 0; j < columns; ++j)
        if (random.uniform_double() >= (opposite ? 1 - density : density)) m(i, j) = j % 2 == 0 ? 0.0 : -0.0;
    }
    return m;
  }
};

/// The layer with all that a plan gives it; what it must not read is NaN, and so is what it must write.
class SkippingRun final : public GradientSink {
 public:
  SkippingRun(const Problem& problem, Skipping skipping, int threads, bool keep_gradients = true)
      : s_(problem.shape) {
    context_ = {.batch = s_.batch, .training = true, .threads = threads, .seed = 1, .step = 1};
    context_.skipping = skipping;
    context_.keep_gradients = keep_gradients;
    layer_ = make_bound(*find_layer_kind("dense"), s_.in, static_cast<double>(s_.out));
    x_ = padded(problem.x);
    dy_ = padded(problem.dy);
    rest_.assign(row_stride(s_.in), 0.0f);
    std::copy_n(problem.rest.numbers.begin(), s_.in, rest_.begin());
    y_.assign(s_.batch * row_stride(s_.out), kPoison);
    dx_.assign(s_.batch * row_stride(s_.in), kPoison);
    workspace_.assign(layer_->workspace(s_.batch, true), kPoison);
    scratch_.assign(layer_->scratch(s_.batch, true, skipping != Skipping::never), kPoison);
    const std::vector<float> numbers(problem.tensors[0].begin(), problem.tensors[0].end());
    weights_.assign(panels().size(), 0.0f);
    pack_panels(numbers.data(), s_.out, panels(), 0, panels().count(), weights_.data());
    bias_.assign(row_stride(s_.out), 0.0f);
    std::copy_n(problem.tensors[1].begin(), s_.out, bias_.begin());
    dw_.assign(weights_.size(), kPoison);
    db_.assign(bias_.size(), 0.0f);
    handed_.assign(weights_.size(), kPoison);
    ready_.assign(weights_.size(), 0);

    notes_memory_.assign(Nonzeros::floats(s_.batch, s_.in, true), kPoison);
    notes_.emplace(notes_memory_.data(), s_.batch, s_.in, true);
    notes_->begin(s_.batch, layer_->skips_below(context_));
    make_rows(s_.batch, 1, x_.data(), row_stride(s_.in), &*notes_, [](Range) {});
    memory_.x_nonzeros = &*notes_;
    memory_.x_flat = s_.flat;
    memory_.dy_zeros = s_.dy_density < 1;
    memory_.rest = s_.rest ? rest_.data() : nullptr;
    memory_.batch = s_.batch;
    memory_.x = x_.data();
    memory_.x_stride = row_stride(s_.in);
    memory_.y = y_.data();
    memory_.y_stride = row_stride(s_.out);
    memory_.dy = dy_.data();
    memory_.dx = dx_.data();
    tensors_ = {weights_.data(), bias_.data()};
    gradients_ = {dw_.data(), db_.data()};
    memory_.tensors = tensors_;
    memory_.gradients = gradients_;
    memory_.workspace = workspace_.data();
    memory_.scratch = scratch_.data();
    layer_->prepare(context_, memory_);
    layer_->forward(context_, memory_);
    scratch_.assign(scratch_.size(), kPoison);
    layer_->backward(context_, memory_, *this);
  }

  /// As soon as a part of dW is ready its weights change, here to NaN.
  void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) override {
    if (tensor != 0) return;
    for (std::size_t i = begin; i < begin + count; ++i) {
      handed_[i] = gradient[i - begin];
      ++ready_[i];
      weights_[i] = kPoison;
    }
  }
  Companions companions(std::size_t) const override { return {}; }

  bool skips() const { return notes_->any_listed(); }
  float y(std::size_t i, std::size_t o) const { return y_[i * row_stride(s_.out) + o]; }
  float dx(std::size_t i, std::size_t k) const { return dx_[i * row_stride(s_.in) + k]; }
  float db(std::size_t o) const { return db_[o]; }
  std::vector<float> dw() const { return plain(handed_); }
  std::vector<float> kept_dw() const { return plain(dw_); }
  bool each_ready_once() const {
    return std::ranges::all_of(ready_, [](int count) { return count == 1; });
  }
  /// Everything that it made, bit for bit; NaN where it made nothing.
  std::vector<std::uint32_t> bits() const {
    std::vector<std::uint32_t> all;
    for (std::size_t i = 0; i < s_.batch; ++i) {
      for (std::size_t o = 0; o < s_.out; ++o) all.push_back(std::bit_cast<std::uint32_t>(y(i, o)));
      for (std::size_t k = 0; k < s_.in; ++k) all.push_back(std::bit_cast<std::uint32_t>(dx(i, k)));
    }
    for (const float number : dw()) all.push_back(std::bit_cast<std::uint32_t>(number));
    for (std::size_t o = 0; o < s_.out; ++o) all.push_back(std::bit_cast<std::uint32_t>(db(o)));
    return all;
  }

 private:
  Panels panels() const { return {s_.in, s_.out}; }
  std::vector<float> plain(const AlignedVector<float>& packed) const {
    std::vector<float> numbers(s_.in * s_.out);
    unpack_panels(packed.data(), panels(), numbers.data());
    return numbers;
  }
  static AlignedVector<float> padded(const Matrix& m) {
    AlignedVector<float> numbers(m.rows * row_stride(m.columns), kPoison);
    for (std::size_t i = 0; i < m.rows; ++i)
      for (std::size_t j = 0; j < m.columns; ++j)
        numbers[i * row_stride(m.columns) + j] = static_cast<float>(m(i, j));
    return numbers;
  }

  const Shape& s_;
  StepContext context_;
  std::unique_ptr<Layer> layer_;
  LayerMemory memory_;
  AlignedVector<float> x_, dy_, rest_, y_, dx_, workspace_, scratch_, weights_, bias_, dw_, db_, handed_,
      notes_memory_;
  std::optional<Nonzeros> notes_;
  std::vector<int> ready_;
  std::array<float*, 2> tensors_{}, gradients_{};
};

/// Skips automatically below a density of a half, whatever is built in, so that groups of rows differ.
class BelowAHalf {
 public:
  BelowAHalf() {
    Crossovers table{.batches = {1}, .outputs = {1}, .densities = {}, .processor = ""};
    for (auto& densities : table.densities) densities = {{0.5}};
    set_crossovers(table);
  }
  ~BelowAHalf() { set_crossovers(before_); }
  BelowAHalf(const BelowAHalf&) = delete;
  BelowAHalf& operator=(const BelowAHalf&) = delete;

 private:
  Crossovers before_ = crossovers();
};

/// body(problem, skipping) for all of them.
template <class Body>
void for_each_problem(Body&& body) {
  const BelowAHalf crossovers;
  constexpr Skipping kSkippings[] = {Skipping::always, Skipping::never, Skipping::automatic};
  for (const Shape& shape : shapes()) {
    const Problem problem(shape);
    for (const Skipping skipping : kSkippings) {
      SCOPED_TRACE(testing::Message() << shape << ", skipping " << static_cast<int>(skipping));
      body(problem, skipping);
    }
  }
}

TEST(SkippingDense, ForwardIsTheProduct) {
  for_each_problem([](const Problem& p, Skipping skipping) {
    const Shape& s = p.shape;
    const SkippingRun run(p, skipping, 1);
    EXPECT_TRUE(skipping == Skipping::automatic || run.skips() == (skipping == Skipping::always));
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
    const Shape& s = p.shape;
    const SkippingRun run(p, skipping, 1);
    const std::vector<float> dw = run.dw();
    EXPECT_EQ(run.kept_dw(), dw);
    EXPECT_EQ(SkippingRun(p, skipping, 1, false).dw(), dw) << "not kept";
    EXPECT_TRUE(run.each_ready_once());
    for (std::size_t o = 0; o < s.out; ++o) {
      Exact db;
      for (std::size_t i = 0; i < s.batch; ++i) db.add(p.dy(i, o), 1);
      ASSERT_NEAR(run.db(o), db.sum, db.bound()) << "at " << o;
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
    const Shape& s = p.shape;
    const SkippingRun run(p, skipping, 1);
    for (std::size_t i = 0; i < s.batch; ++i)
      for (std::size_t k = 0; k < s.in; ++k) {
        const float dx = run.dx(i, k);
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
    const std::vector<std::uint32_t> one = SkippingRun(p, skipping, 1).bits();
    for (const int threads : {2, 3}) EXPECT_TRUE(SkippingRun(p, skipping, threads).bits() == one);
  });
}

}  // namespace
}  // namespace halfwave
