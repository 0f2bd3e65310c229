#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blas.h"
#include "core/aligned.h"
#include "core/random.h"
#include "kernels/dense_products.h"
#include "kernels/nonzero_lists.h"
#include "kernels/rows.h"
#include "kernels/skipping_products.h"
#include "layers/skipping.h"

// The ways to make one of the three products of a dense layer: Halfwave's, and those of dense libraries.

namespace halfwave {

struct ProductShape {
  std::size_t batch, in, out;
};

struct Case {
  Product product;
  ProductShape shape;
  double zeros;  ///< percent
};

inline AlignedVector<float> normal_matrix(Random& random, std::size_t rows, std::size_t columns,
                                          double zeros = 0) {
  const std::size_t stride = round_up(columns, kLineFloats);
  AlignedVector<float> matrix(rows * stride);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const auto value = static_cast<float>(random.normal());
      matrix[i * stride + j] = random.uniform_double() * 100 < zeros ? 0.0f : value;
    }
  return matrix;
}

/// What every variant of a case works on. There are several batches, used in turn as in training, so that no
/// processor learns the places of the zeros by heart.
struct Operands {
  Operands(ProductShape s, double zeros)
      : shape(s),
        in_stride(round_up(s.in, kLineFloats)),
        out_stride(round_up(s.out, kLineFloats)),
        weights{s.in, s.out} {
    Random random(1, stream_id(Stream::data));
    const std::size_t batches = s.batch == 1 ? 64 : 2;
    for (std::size_t i = 0; i < batches; ++i) {
      h.push_back(normal_matrix(random, s.batch, s.in, zeros));
      dy.push_back(normal_matrix(random, s.batch, s.out));
    }
    w = normal_matrix(random, s.in, s.out);
    w_transposed.resize(s.out * in_stride);
    for (std::size_t i = 0; i < s.in; ++i)
      for (std::size_t j = 0; j < s.out; ++j) w_transposed[j * in_stride + i] = w[i * out_stride + j];
    w_panels.resize(weights.size());
    pack_panels(w.data(), out_stride, weights, 0, weights.count(), w_panels.data());
    bias.resize(out_stride);
  }

  BlasMatrix h_matrix(std::size_t i) const { return {h[i].data(), in_stride}; }
  BlasMatrix dy_matrix(std::size_t i) const { return {dy[i].data(), out_stride}; }

  ProductShape shape;
  std::size_t in_stride, out_stride;
  Panels weights;
  std::vector<AlignedVector<float>> h, dy;  ///< [batch, in], [batch, out]
  AlignedVector<float> w, w_transposed, w_panels, bias;
};

/// How a result is stored.
enum class Layout { rows, transposed, panels };

/// One way to make a product. run(i) makes that of batch i; the result is in `output`.
struct Variant {
  std::string name;
  std::function<void(std::size_t)> run;
  Layout layout = Layout::rows;
  bool comparable = true;
  std::vector<double> seconds = {};
};

/// Halfwave's products with the memory that they need, in the order of loops that layers/dense.cpp has.
class Own {
 public:
  Own(const Operands& operands, float* output)
      : o_(operands),
        batch_(o_.shape.batch),
        lists_memory_(
            std::max(NonzeroLists::floats(batch_, o_.shape.in), NonzeroLists::floats(o_.shape.in, batch_))),
        rows_(lists_memory_.data(), batch_, o_.shape.in),
        columns_(lists_memory_.data(), o_.shape.in, batch_),
        dy_shape_{batch_, o_.shape.out},
        transposed_shape_{o_.shape.out, batch_},
        dy_panels_(dy_shape_.size()),
        dy_transposed_(transposed_shape_.size()),
        sums_(rows_.capacity()),
        counts_(o_.in_stride),
        output_(output) {}

  std::vector<Variant> variants(const Case& c) {
    switch (c.product) {
      case Product::forward: {
        std::vector<Variant> all{
            {"lists", [this](std::size_t i) { list_h(i); }, Layout::rows, false},
            {"skipping", [this](std::size_t i) { list_h(i), forward(); }},
            {"dense", [this](std::size_t i) { forward_dense(i); }},
        };
        // What the automatic choice costs where nothing can be skipped: finding that out.
        if (c.zeros == 0)
          all.push_back({"automatic", [this](std::size_t i) { count_h(i), forward_dense(i); }});
        return all;
      }
      case Product::weight_gradient:
        return {
            {"lists", [this](std::size_t i) { list_h_transposed(i); }, Layout::rows, false},
            {"skipping", [this](std::size_t i) { list_h_transposed(i), weight_gradient(i); }, Layout::panels},
            {"dense", [this](std::size_t i) { weight_gradient_dense(i); }, Layout::panels}};
      case Product::input_gradient:
        return {{"lists", [this](std::size_t i) { list_h(i); }, Layout::rows, false},
                {"skipping", [this](std::size_t i) { list_h(i), input_gradient(i); }},
                {"dense", [this](std::size_t i) { input_gradient_dense(i); }}};
    }
    return {};
  }

 private:
  void list_h(std::size_t i) {
    for (std::size_t group = 0; group < rows_.groups(); ++group)
      list_rows(o_.h[i].data(), o_.in_stride, group, rows_);
  }
  void list_h_transposed(std::size_t i) {
    for (std::size_t group = 0; group < columns_.groups(); ++group)
      for (std::size_t block = 0; block < columns_.blocks(); ++block)
        list_columns(o_.h[i].data(), o_.in_stride, group, block, columns_);
  }
  void count_h(std::size_t i) {
    std::ranges::fill(counts_, 0u);
    count_nonzeros(o_.h[i].data(), o_.in_stride, batch_, {0, o_.shape.in}, counts_.data());
  }
  void pack_dy(std::size_t i) {
    pack_panels(o_.dy[i].data(), o_.out_stride, dy_shape_, 0, dy_shape_.count(), dy_panels_.data());
  }

  void forward() {
    constexpr std::size_t kFew = 4;  // as in the layer, which then keeps its weights row by row
    if (batch_ <= kFew) {
      skipping_few(rows_, {0, o_.out_stride}, o_.w.data(), o_.out_stride, o_.bias.data(), output_,
                   o_.out_stride);
      return;
    }
    for (std::size_t p = 0; p < o_.weights.count(); ++p)
      skipping_product(rows_, {0, rows_.groups()}, o_.w_panels.data() + o_.weights.offset(p),
                       o_.weights.width(p), {.row = o_.bias.data() + p * Panels::kWidth},
                       output_ + p * Panels::kWidth, o_.out_stride);
  }
  void forward_dense(std::size_t i) {
    for (std::size_t p = 0; p < o_.weights.count(); ++p)
      dense_forward(o_.h[i].data(), o_.in_stride, o_.w_panels.data(), o_.bias.data(), o_.weights, output_,
                    o_.out_stride, {0, batch_}, {p, p + 1});
  }

  // As in the layer, which hands each part on to the optimiser while it is in the cache.
  void weight_gradient(std::size_t i) {
    pack_dy(i);
    const std::size_t together = NonzeroLists::groups_of(gradient_rows(batch_));
    for (std::size_t p = 0; p < dy_shape_.count(); ++p)
      for (std::size_t group = 0; group < columns_.groups(); group += together)
        skipping_product(columns_, {group, std::min(columns_.groups(), group + together)},
                         dy_panels_.data() + dy_shape_.offset(p), dy_shape_.width(p), {},
                         output_ + o_.weights.offset(p) + group * NonzeroLists::kRows * o_.weights.width(p),
                         o_.weights.width(p));
  }
  void weight_gradient_dense(std::size_t i) {
    pack_dy(i);
    constexpr std::size_t kRows = 48;
    for (std::size_t p = 0; p < o_.weights.count(); ++p)
      for (std::size_t row = 0; row < o_.shape.in; row += kRows)
        dense_weight_gradient(o_.h[i].data(), o_.in_stride, dy_panels_.data(), batch_, o_.weights, p,
                              {row, std::min(o_.shape.in, row + kRows)}, {},
                              output_ + o_.weights.offset(p) + row * o_.weights.width(p));
  }

  void input_gradient(std::size_t i) {
    pack_dy(i);
    masked_product(rows_, {0, rows_.blocks()}, {0, rows_.groups()}, dy_panels_.data(), o_.w_panels.data(),
                   o_.weights, sums_.data(), output_, o_.in_stride);
  }
  void input_gradient_dense(std::size_t i) {
    transpose_to_panels(o_.dy[i].data(), o_.out_stride, batch_, o_.shape.out, {0, transposed_shape_.count()},
                        dy_transposed_.data());
    dense_input_gradient(dy_transposed_.data(), o_.w_panels.data(), batch_, o_.weights, output_, o_.in_stride,
                         {0, o_.shape.in});
  }

  const Operands& o_;
  std::size_t batch_;
  AlignedVector<float> lists_memory_;
  NonzeroLists rows_, columns_;  ///< of h and of hᵀ
  Panels dy_shape_, transposed_shape_;
  AlignedVector<float> dy_panels_, dy_transposed_, sums_;
  std::vector<std::uint32_t> counts_;
  float* output_;
};

/// The ways in which a library can make the product, with the weights kept as [in, out] or as [out, in].
inline std::vector<Variant> blas_variants(const Blas& blas, Product product, const Operands& o, float* c) {
  const ProductShape s = o.shape;
  const BlasMatrix w{o.w.data(), o.out_stride}, w_t{o.w_transposed.data(), o.in_stride};
  std::vector<Variant> all;
  const auto add = [&](std::function<void(std::size_t)> run, Layout layout = Layout::rows) {
    all.push_back({blas.name(), std::move(run), layout});
  };
  switch (product) {
    case Product::forward:
      add([=, &blas, &o](std::size_t i) {
        blas.gemm(s.batch, s.out, s.in, o.h_matrix(i), w, c, o.out_stride);
      });
      add([=, &blas, &o](std::size_t i) {
        blas.gemm(s.batch, s.out, s.in, o.h_matrix(i), w_t.t(), c, o.out_stride);
      });
      if (s.batch > 1 || !blas.has_gemv()) break;
      add([=, &blas, &o](std::size_t i) { blas.gemv(s.in, s.out, w.t(), o.h[i].data(), c); });
      add([=, &blas, &o](std::size_t i) { blas.gemv(s.out, s.in, w_t, o.h[i].data(), c); });
      break;
    case Product::weight_gradient:
      add([=, &blas, &o](std::size_t i) {
        blas.gemm(s.in, s.out, s.batch, o.h_matrix(i).t(), o.dy_matrix(i), c, o.out_stride);
      });
      add(
          [=, &blas, &o](std::size_t i) {
            blas.gemm(s.out, s.in, s.batch, o.dy_matrix(i).t(), o.h_matrix(i), c, o.in_stride);
          },
          Layout::transposed);
      break;
    case Product::input_gradient:
      add([=, &blas, &o](std::size_t i) {
        blas.gemm(s.batch, s.in, s.out, o.dy_matrix(i), w.t(), c, o.in_stride);
      });
      add([=, &blas, &o](std::size_t i) {
        blas.gemm(s.batch, s.in, s.out, o.dy_matrix(i), w_t, c, o.in_stride);
      });
      break;
  }
  return all;
}

}  // namespace halfwave
