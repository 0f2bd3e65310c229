#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// The products of a dense layer that can skip zeros.
enum class Product { forward, weight_gradient, input_gradient };
inline constexpr std::array kProducts{Product::forward, Product::weight_gradient, Product::input_gradient};
std::string_view product_name(Product product);  ///< "forward", "weight_gradient", "input_gradient"

/// When zeros are skipped: where that is faster, always, or never.
enum class Skipping { automatic, always, never };
/// Throws Error (usage) for another name.
Skipping find_skipping(std::string_view name);

/// The density below which a product of a convolution with results of `columns` columns skips zeros. Its rows
/// are always many; measured on an AMD EPYC (Zen 4).
double conv_crossover(Product product, std::size_t columns);

/// The density (share of non-zero numbers) below which skipping zeros is faster than the dense product, by
/// product, batch and outputs of the layer: what `halfwave bench --calibrate` measures. Densities between the
/// measured points are interpolated over the logarithms of batch and outputs.
struct Crossovers {
  std::vector<std::size_t> batches, outputs;  ///< ascending, at least one each
  /// densities[product][batch][output], each from 0 (never faster) to 1 (always).
  std::array<std::vector<std::vector<double>>, kProducts.size()> densities;
  std::string processor;  ///< what it was measured on; "": the built-in table

  double density(Product product, std::size_t batch, std::size_t outputs) const;

  /// Measured on an AMD EPYC (Zen 4), with what such processors have in common: sane anywhere.
  static const Crossovers& built_in();
};

/// The table that plans go by: built-in until set_crossovers() was called. Set it before any plan is made.
const Crossovers& crossovers();
void set_crossovers(Crossovers table);

}  // namespace halfwave
