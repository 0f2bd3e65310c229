#pragma once
// What every kind of layer computes, written a second time: plainly, in double, from its definition. Tests of
// layers and of whole networks compare with it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/activation_declaration.h"
#include "layers/grid_reference.h"

namespace halfwave {

/// y(i, j) = f(x(i, j), i, j).
template <class F>
Matrix elementwise(const ReferenceInput& in, F&& f) {
  Matrix y(in.x.rows, in.x.columns);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.columns; ++j) y(i, j) = f(in.x(i, j), i, j);
  return y;
}

inline Matrix dense_reference(const ReferenceInput& in) {
  const std::size_t units = in.tensors[1].size();
  Matrix y(in.x.rows, units);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < units; ++j) {
      y(i, j) = in.tensors[1][j];
      for (std::size_t k = 0; k < in.x.columns; ++k) y(i, j) += in.x(i, k) * in.tensors[0][k * units + j];
    }
  return y;
}

inline bool dropped(const ReferenceInput& in, std::size_t i, std::size_t j) {
  return in.draw(i, j) < in.layer.field(0) * 0x1p32;
}

inline Matrix dropout_reference(const ReferenceInput& in) {
  return elementwise(in, [&](double x, std::size_t i, std::size_t j) {
    if (!in.context.training) return x;
    return dropped(in, i, j) ? 0.0 : x / (1 - in.layer.field(0));
  });
}

/// Klambauer et al. 2017, equation 5 and PyTorch's AlphaDropout: dropped numbers become selu's lower limit,
/// then a linear map restores mean 0 and variance 1.
inline Matrix alpha_dropout_reference(const ReferenceInput& in) {
  const double limit = -1.0507009873554805 * 1.6732632423543772, p = in.layer.field(0), q = 1 - p;
  const double a = 1 / std::sqrt(q + limit * limit * q * p), b = -a * p * limit;
  return elementwise(in, [&](double x, std::size_t i, std::size_t j) {
    if (!in.context.training) return x;
    return a * (dropped(in, i, j) ? limit : x) + b;
  });
}

/// PyTorch's BatchNorm1d: tensors scale, bias, running mean, running variance; fields momentum, epsilon.
inline Matrix batch_norm_reference(const ReferenceInput& in) {
  const auto n = static_cast<double>(in.x.rows);
  std::vector<double> mean = in.tensors[2], variance = in.tensors[3];
  if (in.context.training)
    for (std::size_t j = 0; j < in.x.columns; ++j) {
      mean[j] = variance[j] = 0;
      for (std::size_t i = 0; i < in.x.rows; ++i) mean[j] += in.x(i, j) / n;
      for (std::size_t i = 0; i < in.x.rows; ++i)
        variance[j] += (in.x(i, j) - mean[j]) * (in.x(i, j) - mean[j]) / n;
      const double momentum = in.layer.field(0),
                   unbiased = in.x.rows > 1 ? variance[j] * n / (n - 1) : variance[j];
      in.tensors[2][j] = (1 - momentum) * in.tensors[2][j] + momentum * mean[j];
      in.tensors[3][j] = (1 - momentum) * in.tensors[3][j] + momentum * unbiased;
    }
  return elementwise(in, [&](double x, std::size_t, std::size_t j) {
    return (x - mean[j]) / std::sqrt(variance[j] + in.layer.field(1)) * in.tensors[0][j] + in.tensors[1][j];
  });
}

inline Matrix prelu_reference(const ReferenceInput& in) {
  return elementwise(in,
                     [&](double x, std::size_t, std::size_t j) { return x > 0 ? x : in.tensors[0][j] * x; });
}

inline Matrix brelu_reference(const ReferenceInput& in) {
  return elementwise(
      in, [&](double x, std::size_t, std::size_t j) { return std::max(0.0, x - in.tensors[0][j]); });
}

inline Matrix rrelu_reference(const ReferenceInput& in) {
  const double low = in.layer.field(0), high = in.layer.field(1);
  return elementwise(in, [&](double x, std::size_t i, std::size_t j) {
    const double part = in.context.training ? (in.draw(i, j) >> 8) * 0x1p-24 : 0.5;
    return x > 0 ? x : (low + (high - low) * part) * x;
  });
}

inline Matrix crelu_reference(const ReferenceInput& in) {
  Matrix y(in.x.rows, 2 * in.x.columns);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < in.x.columns; ++j) {
      y(i, j) = std::max(0.0, in.x(i, j));
      y(i, in.x.columns + j) = std::max(0.0, -in.x(i, j));
    }
  return y;
}

inline Matrix log_softmax_reference(const ReferenceInput& in) {
  Matrix y = in.x;
  for (std::size_t i = 0; i < y.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < y.columns; ++j) sum += std::exp(in.x(i, j));
    for (std::size_t j = 0; j < y.columns; ++j) y(i, j) -= std::log(sum);
  }
  return y;
}

inline Matrix softmax_reference(const ReferenceInput& in) {
  Matrix y = log_softmax_reference(in);
  for (double& number : y.numbers) number = std::exp(number);
  return y;
}

/// The output of a layer. Throws where a new kind of layer has no reference yet.
inline Matrix reference_forward(const ReferenceInput& in) {
  using Reference = Matrix (*)(const ReferenceInput&);
  static const std::map<std::string_view, Reference> references{
      {"dense", dense_reference},
      {"dropout", dropout_reference},
      {"flatten", flatten_reference},
      {"unflatten", unflatten_reference},
      {"conv", conv_reference},
      {"conv_transpose", conv_transpose_reference},
      {"pad", pad_reference},
      {"upsample", upsample_reference},
      {"scale", scale_reference},
      {"pool", max_pool_reference},
      {"global_max_pool", max_pool_reference},
      {"average_pool", average_pool_reference},
      {"global_average_pool", average_pool_reference},
      {"residual", residual_reference},
      {"multiply", multiply_reference},
      {"concat", concat_reference},
      {"layer_norm", layer_norm_reference},
      {"prelu", prelu_reference},
      {"alpha_dropout", alpha_dropout_reference},
      {"brelu", brelu_reference},
      {"batch_norm", batch_norm_reference},
      {"rrelu", rrelu_reference},
      {"crelu", crelu_reference},
      {"softmax", softmax_reference},
      {"log_softmax", log_softmax_reference}};
  const std::string_view kind = in.layer.info().name;
  if (const auto found = references.find(kind); found != references.end()) return found->second(in);
  for (const ActivationDeclaration& declaration : activation_declarations())
    if (declaration.info.name == kind && declaration.info.form == ActivationInfo::Form::pointwise) {
      const std::vector<float> parameters(in.layer.fields().begin(), in.layer.fields().end());
      return elementwise(in, [&](double x, std::size_t, std::size_t) {
        return static_cast<double>(declaration.reference.value(x, parameters.data()));
      });
    }
  throw std::logic_error(
      "The layer '" + std::string(kind) +
      "' has no reference: add its forward pass in double to tests/layers/layer_reference.h.");
}

/// Moves inputs of layers that treat each number by itself away from kinks and jumps, where there is no
/// slope.
template <class Redraw>
void avoid_kinks(const Layer& layer, Matrix& x, Tensors& tensors, const StepContext& context,
                 std::uint64_t number, Redraw&& redraw) {
  if (!layer.is_activation() || layer.info().name == "softmax" || layer.info().name == "log_softmax") return;
  constexpr double kNear = 1e-3, kBend = 0.03;  // a smooth activation bends by less within kNear
  const auto at = [&](double shift) {
    Matrix moved = x;
    for (double& value : moved.numbers) value += shift;
    return reference_forward({layer, moved, tensors, context, number});
  };
  for (bool again = true; again;) {
    again = false;
    const Matrix below = at(-kNear), here = at(0), above = at(kNear);
    for (std::size_t k = 0; k < here.numbers.size(); ++k)
      if (std::fabs(above.numbers[k] - 2 * here.numbers[k] + below.numbers[k]) > kNear * kBend) {
        x(k / here.columns, k % here.columns % x.columns) = redraw();
        again = true;
      }
  }
}

}  // namespace halfwave
