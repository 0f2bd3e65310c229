#pragma once
// What the tests of convolutions share: tables of taps straight from the definition, and products with
// operands whose surroundings are poisoned.
#include "kernels/sparse_testing.h"
// Highway's targets are chosen in the line above.
#include <ostream>

#include "kernels/exact_sum.h"
#include "kernels/panels.h"
#include "kernels/taps.h"

namespace halfwave {

/// One direction of a convolution: output o takes the inputs o · stride + tap · dilation - before that exist.
struct Direction {
  std::size_t in = 1, kernel = 1, before = 0, after = 0, stride = 1, dilation = 1;

  std::size_t out() const { return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1; }
  std::int32_t input(std::size_t output, std::size_t tap) const {
    const std::size_t at = output * stride + tap * dilation;
    return at < before || at >= before + in ? -1 : static_cast<std::int32_t>(at - before);
  }
  bool in_row() const { return stride == 1 && dilation == 1 && before < kernel && after < kernel; }
};

/// The tables of a convolution and of its way back.
class Taps {
 public:
  Taps(const Direction& y, const Direction& x)
      : x_(x),
        taps_(y.kernel * x.kernel),
        inputs_(y.in * x.in),
        outputs_(y.out() * x.out()),
        forward_(taps_ * outputs_, -1),
        back_(taps_ * inputs_, -1) {
    for (std::size_t tap = 0; tap < taps_; ++tap)
      for (std::size_t out = 0; out < outputs_; ++out) {
        const std::int32_t iy = y.input(out / x.out(), tap / x.kernel),
                           ix = x.input(out % x.out(), tap % x.kernel);
        if (iy < 0 || ix < 0) continue;
        const std::size_t in = static_cast<std::size_t>(iy) * x.in + static_cast<std::size_t>(ix);
        forward_[tap * outputs_ + out] = static_cast<std::int32_t>(in);
        back_[(taps_ - 1 - tap) * inputs_ + in] = static_cast<std::int32_t>(out);
      }
  }

  /// From outputs to inputs.
  TapTable forward() const {
    TapTable table{.taps = taps_, .results = outputs_, .operands = inputs_, .source = forward_.data()};
    if (x_.in_row()) set_row(table, x_.before, x_.out(), x_.in);
    return table;
  }
  /// From inputs to outputs, the last tap first.
  TapTable back() const {
    TapTable table{.taps = taps_, .results = inputs_, .operands = outputs_, .source = back_.data()};
    if (x_.in_row()) set_row(table, x_.kernel - 1 - x_.before, x_.in, x_.out());
    return table;
  }

 private:
  void set_row(TapTable& table, std::size_t before, std::size_t results, std::size_t operands) const {
    table.in_row = x_.kernel;
    table.before = before;
    table.result_columns = results;
    table.operand_columns = operands;
  }

  Direction x_;
  std::size_t taps_, inputs_, outputs_;
  std::vector<std::int32_t> forward_, back_;
};

struct ConvCase {
  Direction y, x;
  std::size_t examples, in, out;  ///< channels

  Taps taps() const { return {y, x}; }
};

inline std::ostream& operator<<(std::ostream& stream, const ConvCase& c) {
  const auto direction = [&](const Direction& d) {
    stream << d.in << " (kernel " << d.kernel << ", padding " << d.before << "+" << d.after << ", stride "
           << d.stride << ", dilation " << d.dilation << ")";
  };
  stream << c.examples << " examples of ";
  direction(c.y);
  stream << " x ";
  direction(c.x);
  return stream << ", channels " << c.in << " to " << c.out;
}

/// Geometry and channels around the sizes that kernels work on at once, and any others.
inline std::vector<ConvCase> conv_cases(Draw& draw, int random) {
  constexpr Direction kOne;
  std::vector<ConvCase> list{
      {{8, 3, 1, 1}, {7, 3, 1, 1}, 3, 66, 70},               // more than 64 channels, two panels
      {{5, 3, 1, 1}, {6, 3, 1, 1}, 2, 130, 64},              // two blocks of lists
      {{6, 3, 1, 1}, {6, 3, 1, 1}, 1, 200, 33},              // more parts in the padding
      {{12, 3, 1, 1}, {14, 3, 1, 1}, 4, 20, 48},             // more rows than are held at once
      {{9, 5, 2, 2}, {8, 5, 2, 2}, 2, 30, 33},               //
      {{4, 5, 2, 2}, {4, 5, 2, 2}, 2, 129, 16},              //
      {{20, 3, 2, 2, 1, 2}, {19, 3, 2, 2, 1, 2}, 2, 5, 17},  // many positions, dilated
      {kOne, {600, 3, 1, 1}, 1, 9, 64},                      // a long signal
      {kOne, {40, 5, 4, 0}, 5, 70, 20},                      // that looks back
      {kOne, {31, 2, 0, 1}, 6, 65, 3},                       //
      {{4, 7, 4, 4}, {3, 7, 4, 4}, 2, 140, 8},               // windows larger than the image
      {{9, 3, 1, 1, 2}, {10, 3, 1, 1, 2}, 3, 130, 24},       // strided
      {{9, 2, 1, 1, 3}, {10, 2, 1, 1, 3}, 3, 18, 5},         // inputs in no window
      {{6, 1}, {5, 1}, 3, 100, 65},                          // a dense layer at each place
      {kOne, kOne, 33, 150, 12},                             // one position
      {{7, 3, 1, 1}, {6, 3, 1, 1}, 4, 1, 1},                 // of a depthwise layer
      {{11, 3, 3, 3, 1, 3}, {29, 3, 1, 1}, 2, 1, 8},         // few channels, kernel rows apart
      {{9, 4, 3, 2, 2, 2}, {13, 5, 2, 1}, 2, 3, 20},         //
      {{6, 5, 2, 2}, {14, 5, 2, 2}, 3, 6, 70},               //
  };
  const auto direction = [&] {
    constexpr std::size_t kKernels[] = {1, 2, 3, 3, 5, 7};
    Direction d;
    d.kernel = kKernels[draw.size(0, std::size(kKernels) - 1)];
    d.before = draw.size(0, d.kernel);
    d.after = draw.size(0, d.kernel);
    if (draw.size(0, 2) == 0) d.stride = draw.size(1, 3), d.dilation = draw.size(1, 3);
    const std::size_t reach = (d.kernel - 1) * d.dilation + 1, padding = d.before + d.after;
    d.in = std::max(draw.size(1, 9), reach > padding ? reach - padding : 1);
    return d;
  };
  for (int i = 0; i < random; ++i)
    list.push_back({draw.size(0, 2) > 0 ? direction() : kOne, direction(), draw.size(1, 4),
                    draw.size(1, draw.size(0, 1) ? 200 : 40), draw.size(1, draw.size(0, 1) ? 150 : 40)});
  return list;
}

/// c = start + Σ_t a[source(t)] · w[t] for all columns, panel by panel, along one table.
struct ConvProblem {
  TapTable table;
  std::size_t examples, k, columns, c_stride;
  SparseMatrix a;  ///< behind its rows is what must not be read
  Panels shape;
  std::vector<float> w, panels, row;  // [taps · k, columns], in panels, what the result starts with
  bool starts;

  /// taps must outlive the problem.
  ConvProblem(Draw& draw, const ConvCase& c, const Taps& taps, bool back)
      : table(back ? taps.back() : taps.forward()),
        examples(c.examples),
        k(back ? c.out : c.in),
        columns(back ? c.in : c.out),
        c_stride(columns + draw.size(0, 9)),
        a(sparse_matrix(draw, examples * table.operands, k, draw.uniform(0.05, 1))),
        shape{table.taps * k, columns},
        w(draw.normals(shape.rows * columns)),
        row(draw.normals(round_up(columns, kLineFloats))),
        starts(draw.size(0, 2) > 0) {
    pack();
  }
  void pack() {
    panels.assign(shape.size(), 0.0f);
    pack_panels(w.data(), columns, shape, 0, shape.count(), panels.data());
  }

  std::size_t rows() const { return examples * table.results; }
  /// The operand's row that a result row takes under a tap, or -1.
  std::ptrdiff_t source(std::size_t tap, std::size_t result) const {
    const std::int32_t position = table.tap(tap)[result % table.results];
    return position < 0 ? -1
                        : static_cast<std::ptrdiff_t>(result / table.results * table.operands) + position;
  }
  /// body(tap, row of the operand) for all that a result row takes.
  template <class Body>
  void for_sources(std::size_t result, Body&& body) const {
    for (std::size_t tap = 0; tap < table.taps; ++tap)
      if (const std::ptrdiff_t from = source(tap, result); from >= 0)
        body(tap, static_cast<std::size_t>(from));
  }

  /// product(rows, panel, its width, its columns, start, c) for each panel of each part of the rows, the last
  /// one first; it must write its columns of its rows alone. [rows, c_stride]
  template <class Product>
  std::vector<float> by_parts(const std::vector<std::size_t>& cuts, Product&& product) const {
    Guarded c(rows() * c_stride);
    for (std::size_t part = cuts.size() - 1; part-- > 0;)
      for (std::size_t p = 0; p < shape.count(); ++p) {
        const std::vector<float> before = c.values();
        const std::size_t first = p * Panels::kWidth, last = first + shape.used(p);
        product(Range{cuts[part], cuts[part + 1]}, panels.data() + shape.offset(p), shape.width(p),
                shape.used(p), starts ? row.data() + first : nullptr, c.data() + first);
        for (std::size_t i = 0; i < rows(); ++i) {
          const bool mine = i >= cuts[part] && i < cuts[part + 1];
          const float* const now = c.data() + i * c_stride;
          const float* const then = before.data() + i * c_stride;
          EXPECT_TRUE(mine
                          ? same_bits(now, then, first) && same_bits(now + last, then + last, c_stride - last)
                          : same_bits(now, then, c_stride))
              << "beside panel " << p << " of rows " << cuts[part] << " to " << cuts[part + 1] << ", in row "
              << i;
        }
      }
    EXPECT_TRUE(c.intact());
    return c.values();
  }
};

/// All cases in both directions.
class ConvProblems {
 public:
  ConvProblems(std::uint64_t seed, int random) {
    Draw draw(seed);
    cases_ = conv_cases(draw, random);
    taps_.reserve(cases_.size());
    for (const ConvCase& c : cases_) {
      taps_.push_back(c.taps());
      for (const bool back : {false, true}) problems_.emplace_back(draw, c, taps_.back(), back);
    }
  }
  /// body(problem) for every instruction set.
  template <class Body>
  void for_each(Body&& body) {
    for_each_target([&](const char*) {
      for (std::size_t i = 0; i < problems_.size(); ++i) {
        SCOPED_TRACE(testing::Message() << cases_[i / 2] << (i % 2 ? ", back" : ""));
        body(problems_[i], i);
      }
    });
  }
  const std::vector<ConvProblem>& all() const { return problems_; }

 private:
  std::vector<ConvCase> cases_;
  std::vector<Taps> taps_;  // never moved once a problem looks at them
  std::vector<ConvProblem> problems_;
};

}  // namespace halfwave
