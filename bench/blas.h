#pragma once
#include <dlfcn.h>
#include <fmt/format.h>
#include <halfwave/error.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace halfwave {

/// A matrix as a BLAS takes it: row-major, `stride` floats a row, used as it is or transposed.
struct BlasMatrix {
  const float* data;
  std::size_t stride;
  bool transposed = false;

  BlasMatrix t() const { return {data, stride, !transposed}; }
};

/// A library of dense products, loaded while the program runs so that several can be measured side by side:
/// one with the C interface of BLAS, or oneDNN.
class Blas {
 public:
  /// Throws Error (input) where the file is not such a library.
  Blas(std::string name, const std::string& path) : name_(std::move(name)) {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw input_error(fmt::format("--blas {}: {}", name_, dlerror()));
    for (const char* prefix : {"", "scipy_"}) {  // SciPy's builds of OpenBLAS rename everything
      if (gemm_) break;
      find(library, std::string(prefix) + "cblas_sgemm", gemm_);
      find(library, std::string(prefix) + "cblas_sgemv", gemv_);
    }
    find(library, "dnnl_sgemm", dnnl_gemm_);
    if (!gemm_ && !dnnl_gemm_)
      throw input_error(fmt::format("--blas {}: {} has neither cblas_sgemm nor dnnl_sgemm.", name_, path));
  }

  const std::string& name() const { return name_; }
  bool has_gemv() const { return gemv_ != nullptr; }

  /// c [m, n] = a [m, k] · b [k, n]
  void gemm(std::size_t m, std::size_t n, std::size_t k, BlasMatrix a, BlasMatrix b, float* c,
            std::size_t c_stride) const {
    if (gemm_)
      gemm_(kRowMajor, a.transposed ? kTrans : kNoTrans, b.transposed ? kTrans : kNoTrans, integer(m),
            integer(n), integer(k), 1.0f, a.data, integer(a.stride), b.data, integer(b.stride), 0.0f, c,
            integer(c_stride));
    else
      dnnl_gemm_(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', wide(m), wide(n), wide(k), 1.0f, a.data,
                 wide(a.stride), b.data, wide(b.stride), 0.0f, c, wide(c_stride));
  }

  /// y = a·x, or aᵀ·x; the matrix is [rows, columns] as it is stored.
  void gemv(std::size_t rows, std::size_t columns, BlasMatrix a, const float* x, float* y) const {
    gemv_(kRowMajor, a.transposed ? kTrans : kNoTrans, integer(rows), integer(columns), 1.0f, a.data,
          integer(a.stride), x, 1, 0.0f, y, 1);
  }

 private:
  static constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;  // CBLAS's enumerations
  using Gemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float,
                        float*, int);
  using Gemv = void (*)(int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  using DnnlGemm = int (*)(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*,
                           std::int64_t, const float*, std::int64_t, float, float*, std::int64_t);

  static int integer(std::size_t n) { return static_cast<int>(n); }
  static std::int64_t wide(std::size_t n) { return static_cast<std::int64_t>(n); }

  template <class Function>
  static void find(void* library, const std::string& symbol, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, symbol.c_str()));
  }

  std::string name_;
  Gemm gemm_ = nullptr;
  Gemv gemv_ = nullptr;
  DnnlGemm dnnl_gemm_ = nullptr;
};

}  // namespace halfwave
