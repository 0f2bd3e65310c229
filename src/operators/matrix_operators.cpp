#include <fmt/format.h>

#include <algorithm>

#include "kernels/dense_products.h"
#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

constexpr TypeSet kCompiled = kFullPrecision | TypeSet{ElementType::int64, ElementType::uint64};
constexpr TypeSet kTaken =
    kFloating | TypeSet{ElementType::int32, ElementType::int64, ElementType::uint32, ElementType::uint64};

/// Rows of A from which on it pays to bring B into panels.
constexpr std::size_t kFewRows = 4;

/// sum + a·b; integers wrap around.
template <class T>
T multiply_add(T sum, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(sum) + static_cast<U>(a) * static_cast<U>(b));
  } else {
    return sum + a * b;
  }
}

/// C [m, n] = A [m, k] · B, which is [k, n], or [n, k] where it is transposed. C is zero before.
template <class T>
struct Product {
  std::size_t m, n, k;
  const T *a, *b;
  bool b_transposed;
  T* c;

  double operations() const { return static_cast<double>(m * n) * static_cast<double>(k); }
};

/// Σ x·y in sixteen partial sums, which a processor adds to at once.
template <class T>
T dot(const T* x, const T* y, std::size_t n) {
  constexpr std::size_t kLanes = 16;
  T sums[kLanes] = {}, sum{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] = multiply_add(sums[lane], x[i + lane], y[i + lane]);
  for (; i < n; ++i) sum = multiply_add(sum, x[i], y[i]);
  for (const T partial : sums) sum = multiply_add(sum, partial, T(1));
  return sum;
}

/// Row by row, each as a sum of B's rows or as products with its columns; some of C's columns only.
template <class T>
void multiply_rows(const Product<T>& p, Range columns) {
  for (std::size_t row = 0; row < p.m; ++row) {
    const T* a = p.a + row * p.k;
    T* c = p.c + row * p.n;
    if (p.b_transposed) {
      for (std::size_t j = columns.begin; j < columns.end; ++j) c[j] = dot(a, p.b + j * p.k, p.k);
      continue;
    }
    for (std::size_t i = 0; i < p.k; ++i) {
      const T* b = p.b + i * p.n;
      for (std::size_t j = columns.begin; j < columns.end; ++j) c[j] = multiply_add(c[j], a[i], b[j]);
    }
  }
}

/// Some of C's panels of 64 columns.
void multiply_panels(const Product<float>& p, Range panels) {
  constexpr std::size_t kRows = 128;  // so that a block of C stays in the cache
  constexpr float kZero[Panels::kWidth] = {};
  const Panels whole{p.k, p.n};
  AlignedVector<float> packed(p.k * Panels::kWidth), block(kRows * Panels::kWidth);
  for (std::size_t panel = panels.begin; panel < panels.end; ++panel) {
    const std::size_t first = panel * Panels::kWidth, used = whole.used(panel), width = whole.width(panel);
    if (p.b_transposed)
      transpose_to_panels(p.b + first * p.k, p.k, used, p.k, {0, 1}, packed.data());
    else
      pack_panels(p.b + first, p.n, {p.k, used}, 0, 1, packed.data());
    for (std::size_t row = 0; row < p.m; row += kRows) {
      const std::size_t rows = std::min(kRows, p.m - row);
      dense_forward(p.a + row * p.k, p.k, packed.data(), kZero, {p.k, used}, block.data(), width, {0, rows},
                    {0, 1});
      for (std::size_t i = 0; i < rows; ++i)
        std::copy_n(block.data() + i * width, used, p.c + (row + i) * p.n + first);
    }
  }
}

template <class T>
void multiply(const Product<T>& p, int threads) {
  if (p.m == 0 || p.n == 0 || p.k == 0) return;
  if constexpr (std::is_same_v<T, float>)
    if (p.m >= kFewRows)
      return share_work(threads, Panels{p.k, p.n}.count(), p.operations(),
                        [&](Range panels) { multiply_panels(p, panels); });
  share_work(threads, p.n, p.operations(), [&](Range columns) { multiply_rows(p, columns); });
}

// --- MatMul

/// MatMul's inputs as stacks of matrices: a row is a matrix in front, a column is one behind.
struct Stacks {
  Dims a, b;   ///< with two axes at least
  Dims batch;  ///< that both are broadcast to
  Dims out;    ///< of the result
};

Stacks stacks_of(Dims a, Dims b) {
  if (a.empty() || b.empty()) throw input_error("a single number is no matrix");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.back() != b[b.size() - 2])
    throw input_error(fmt::format("matrices of {} and {} cannot be multiplied", describe(a), describe(b)));
  Stacks s;
  s.batch = broadcast_dims(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2));
  s.out = s.batch;
  if (!row) s.out.push_back(a[a.size() - 2]);
  if (!column) s.out.push_back(b.back());
  s.a = std::move(a);
  s.b = std::move(b);
  return s;
}

std::vector<ValueInfo> infer_matmul(const OperatorNode& /*node*/, Infos inputs) {
  const ValueInfo &a = argument_among(inputs, 0, kTaken), &b = argument(inputs, 1);
  check_same_type(inputs, 0, 1);
  if (!a.dims || !b.dims) return one_output(a.type, std::nullopt);
  return one_output(a.type, stacks_of(*a.dims, *b.dims).out);
}

/// Which matrix of a stack is taken for matrix `i` of the batch.
std::size_t matrix_of(std::size_t i, const Dims& batch, const Dims& stack) {
  std::size_t at = 0, stride = 1;
  for (std::size_t back = 1; back <= batch.size(); ++back) {
    const auto length = static_cast<std::size_t>(batch[batch.size() - back]);
    const std::size_t index = i % length;
    i /= length;
    if (back + 2 > stack.size()) continue;
    const auto own = static_cast<std::size_t>(stack[stack.size() - 2 - back]);
    if (own > 1) at += index * stride;
    stride *= own;
  }
  return at;
}

template <class T>
void multiply_stacks(const OperatorCall& call) {
  const Stacks s = stacks_of(call.inputs[0].dims(), call.inputs[1].dims());
  Product<T> p{static_cast<std::size_t>(s.a[s.a.size() - 2]),
               static_cast<std::size_t>(s.b.back()),
               static_cast<std::size_t>(s.a.back()),
               nullptr,
               nullptr,
               false,
               nullptr};
  const std::span<const T> a = call.inputs[0].elements<T>(), b = call.inputs[1].elements<T>();
  const std::span<T> c = call.outputs[0].elements<T>();
  auto batch = static_cast<std::size_t>(element_count(s.batch));
  if (b.size() == p.k * p.n && a.size() == batch * p.m * p.k) {  // one matrix for all: one product
    p.m *= batch;
    batch = 1;
  }
  for (std::size_t i = 0; i < batch; ++i) {
    p.a = a.data() + matrix_of(i, s.batch, s.a) * p.m * p.k * (batch > 1 ? 1 : 0);
    p.b = b.data() + matrix_of(i, s.batch, s.b) * p.k * p.n;
    p.c = c.data() + i * p.m * p.n;
    multiply(p, call.threads);
  }
}

void compute_matmul(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kCompiled.has(type)) return compute_as(call, kCompiled, compute_matmul);
  if (call.outputs[0].count() == 0) return;
  visit_among<kCompiled>(type, [&]<class T>(TypeTag<T>) { multiply_stacks<T>(call); });
}

// --- Gemm

std::vector<ValueInfo> infer_gemm(const OperatorNode& node, Infos inputs) {
  const ValueInfo &a = argument_among(inputs, 0, kTaken), &b = argument(inputs, 1);
  check_same_type(inputs, 0, 1);
  check_same_type(inputs, 0, 2);
  const bool a_transposed = node.integer("transA", 0) != 0, b_transposed = node.integer("transB", 0) != 0;
  static_cast<void>(node.number("alpha", 1.0f));
  static_cast<void>(node.number("beta", 1.0f));
  if (!a.dims || !b.dims) return one_output(a.type, std::nullopt);
  if (a.dims->size() != 2 || b.dims->size() != 2)
    throw input_error(fmt::format("{} and {} are not both matrices", describe(*a.dims), describe(*b.dims)));
  const auto [m, k] = std::pair((*a.dims)[a_transposed ? 1 : 0], (*a.dims)[a_transposed ? 0 : 1]);
  const auto [k2, n] = std::pair((*b.dims)[b_transposed ? 1 : 0], (*b.dims)[b_transposed ? 0 : 1]);
  if (k != k2)
    throw input_error(
        fmt::format("matrices of {} and {} cannot be multiplied", describe(*a.dims), describe(*b.dims)));
  const Dims dims = {m, n};
  if (given(inputs, 2) && inputs[2].dims) {
    const Dims& c = *inputs[2].dims;
    const bool exact = node.opset < 7 && node.integer("broadcast", 0) == 0;
    if (exact ? c != dims : broadcast_dims(dims, c) != dims)
      throw input_error(fmt::format("{} does not fit a result of {}", describe(c), describe(dims)));
  }
  return one_output(a.type, dims);
}

/// C = alpha·C + beta·addend, which is stretched to [m, n].
template <class T>
void combine(const OperatorCall& call, std::size_t m, std::size_t n) {
  const auto alpha = static_cast<T>(call.node.number("alpha", 1.0f)),
             beta = static_cast<T>(call.node.number("beta", 1.0f));
  T* c = call.outputs[0].elements<T>().data();
  if (alpha != T(1))
    for (std::size_t i = 0; i < m * n; ++i) c[i] = multiply_add(T(0), c[i], alpha);
  if (!call.has(2) || beta == T(0)) return;
  const Dims& dims = call.inputs[2].dims();
  const T* addend = call.inputs[2].elements<T>().data();
  const std::size_t column_step = !dims.empty() && dims.back() > 1 ? 1 : 0;
  const std::size_t row_step = dims.size() == 2 && dims[0] > 1 ? static_cast<std::size_t>(dims.back()) : 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      c[i * n + j] = multiply_add(c[i * n + j], beta, addend[i * row_step + j * column_step]);
}

void compute_gemm(const OperatorCall& call) {
  const ElementType type = call.inputs[0].type();
  if (!kCompiled.has(type)) return compute_as(call, kCompiled, compute_gemm);
  if (call.outputs[0].count() == 0) return;
  visit_among<kCompiled>(type, [&]<class T>(TypeTag<T>) {
    const Dims& dims = call.outputs[0].dims();
    const auto m = static_cast<std::size_t>(dims[0]), n = static_cast<std::size_t>(dims[1]),
               k = call.inputs[0].count() / m;
    const std::span<const T> a = call.inputs[0].elements<T>();
    std::vector<T> rows;  // of A, where it is transposed
    if (call.node.integer("transA", 0) != 0) {
      rows.resize(a.size());
      for (std::size_t i = 0; i < k; ++i)
        for (std::size_t row = 0; row < m; ++row) rows[row * k + i] = a[i * m + row];
    }
    multiply<T>({m, n, k, rows.empty() ? a.data() : rows.data(), call.inputs[1].elements<T>().data(),
                 call.node.integer("transB", 0) != 0, call.outputs[0].elements<T>().data()},
                call.threads);
    combine<T>(call, m, n);
  });
}

/// The length of the sums.
double gemm_work(const OperatorNode& node, Infos inputs) {
  return static_cast<double>((*inputs[0].dims)[node.integer("transA", 0) != 0 ? 0 : 1]);
}
double matmul_work(const OperatorNode& /*node*/, Infos inputs) {
  return static_cast<double>(inputs[0].dims->back());
}

constexpr Operator kOperators[] = {
    {"Gemm", 1, infer_gemm, compute_gemm, gemm_work},
    {"MatMul", 1, infer_matmul, compute_matmul, matmul_work},
};

}  // namespace

std::span<const Operator> matrix_operators() { return kOperators; }

}  // namespace halfwave
