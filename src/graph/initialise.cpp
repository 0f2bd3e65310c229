#include "graph/initialise.h"

#include <fmt/format.h>
#include <halfwave/activation.h>
#include <halfwave/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "core/random.h"
#include "core/suggest.h"

namespace halfwave {
namespace {

/// Weights and the activation that follows them, if any.
struct Target {
  std::size_t in, out;  ///< fan-in and fan-out
  std::size_t count;    ///< numbers
  bool by_output;       ///< those of one output together, as in a convolution; else those of one input
  const ActivationInfo* activation;
  double gain() const { return activation ? activation->gain : 1.0; }
};

using Draw = std::vector<float> (*)(const Target& target, double parameter, Random& random);

std::vector<float> normal(const Target& target, double deviation, Random& random) {
  std::vector<float> w(target.count);
  for (float& x : w) x = static_cast<float>(deviation * random.normal());
  return w;
}

/// The numbers of normal() through their own distribution function, 2Φ(z) - 1 = erf(z / √2), which is uniform
/// in ±1: with one seed all schemes begin alike, and their comparison is of the schemes, not of the draws.
std::vector<float> uniform(const Target& target, double deviation, Random& random) {
  const double limit = deviation * std::sqrt(3.0);  // a uniform number in ±limit has variance limit² / 3
  std::vector<float> w(target.count);
  for (float& x : w) x = static_cast<float>(limit * std::erf(random.normal() / std::numbers::sqrt2));
  return w;
}

// He et al. 2015 (gain² / in), LeCun et al. 1998 (1 / in), Glorot & Bengio 2010 (gain² · 2 / (in + out)).
double he(const Target& t) { return t.gain() / std::sqrt(static_cast<double>(t.in)); }
double lecun(const Target& t) { return 1.0 / std::sqrt(static_cast<double>(t.in)); }
double xavier(const Target& t) { return t.gain() * std::sqrt(2.0 / static_cast<double>(t.in + t.out)); }

std::vector<float> automatic(const Target& target, double, Random& random) {
  if (!target.activation) return normal(target, lecun(target), random);
  switch (target.activation->initialisation) {
    case ActivationInfo::Initialisation::he:
      return normal(target, he(target), random);
    case ActivationInfo::Initialisation::lecun:
      return normal(target, lecun(target), random);
    case ActivationInfo::Initialisation::xavier:
      break;
  }
  return normal(target, xavier(target), random);
}

/// Saxe et al. 2014: of the matrix [fan-in, outputs] orthonormal rows or columns, whichever are fewer, times
/// the gain (modified Gram-Schmidt, twice).
std::vector<float> orthogonal(const Target& target, double, Random& random) {
  const std::size_t outputs = target.count / target.in, count = std::min(target.in, outputs),
                    length = std::max(target.in, outputs);
  std::vector<double> rows(count * length);
  for (double& x : rows) x = random.normal();
  const auto row = [&](std::size_t i) { return rows.data() + i * length; };
  for (std::size_t i = 0; i < count; ++i)
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        double dot = 0;
        for (std::size_t k = 0; k < length; ++k) dot += row(i)[k] * row(j)[k];
        for (std::size_t k = 0; k < length; ++k) row(i)[k] -= dot * row(j)[k];
      }
      double square = 0;
      for (std::size_t k = 0; k < length; ++k) square += row(i)[k] * row(i)[k];
      for (std::size_t k = 0; k < length; ++k) row(i)[k] /= std::sqrt(square);
    }
  std::vector<float> w(target.count);
  for (std::size_t i = 0; i < target.in; ++i)
    for (std::size_t j = 0; j < outputs; ++j)
      w[target.by_output ? j * target.in + i : i * outputs + j] =
          static_cast<float>(target.gain() * (target.in <= outputs ? row(i)[j] : row(j)[i]));
  return w;
}

struct Scheme {
  std::string_view name;
  Draw draw;
};

constexpr Scheme kSchemes[] = {
    {"auto", automatic},
    {"he_normal", [](const Target& t, double, Random& r) { return normal(t, he(t), r); }},
    {"he_uniform", [](const Target& t, double, Random& r) { return uniform(t, he(t), r); }},
    {"xavier_normal", [](const Target& t, double, Random& r) { return normal(t, xavier(t), r); }},
    {"xavier_uniform", [](const Target& t, double, Random& r) { return uniform(t, xavier(t), r); }},
    {"lecun_normal", [](const Target& t, double, Random& r) { return normal(t, lecun(t), r); }},
    {"lecun_uniform", [](const Target& t, double, Random& r) { return uniform(t, lecun(t), r); }},
    {"orthogonal", orthogonal},
    {"constant", [](const Target& t, double value,
                    Random&) { return std::vector<float>(t.count, static_cast<float>(value)); }},
};

/// "constant 0.1" → the scheme and its number (0 where there is none).
std::pair<const Scheme*, double> find_scheme(std::string_view text) {
  const std::size_t space = std::min(text.find(' '), text.size()),
                    number = std::min(text.find_first_not_of(' ', space), text.size());
  const std::string_view name = text.substr(0, space), rest = text.substr(number);
  const auto* scheme = std::ranges::find(kSchemes, name, &Scheme::name);
  if (scheme == std::end(kSchemes))
    throw usage_error(
        fmt::format("--init: there is no scheme '{}'.{}", name, did_you_mean(name, initialisation_names())));
  double parameter = 0.0;
  if (rest.empty() && name == "constant")
    throw usage_error("--init: constant needs the number that all weights begin as, e.g. 'constant 0.1'.");
  if (!rest.empty()) {
    if (name != "constant")
      throw usage_error(fmt::format("--init: {} takes no number, but is followed by '{}'.", name, rest));
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), parameter);
    if (error != std::errc() || end != rest.data() + rest.size() || !std::isfinite(parameter))
      throw usage_error(fmt::format("--init: '{}' is not a number.", rest));
  }
  return {scheme, parameter};
}

/// The activation that a layer's outputs go through by themselves; softmax, which takes a whole row, is none.
const ActivationInfo* activation_of(const Network& network, std::size_t layer) {
  const std::size_t behind = network.activation_behind(layer);
  if (behind == network.size()) return nullptr;
  const ActivationInfo& info = find_activation(network.layer(behind).info().name);
  return info.form == ActivationInfo::Form::row ? nullptr : &info;
}

}  // namespace

std::vector<std::string> initialisation_names() {
  std::vector<std::string> names;
  for (const Scheme& scheme : kSchemes) names.emplace_back(scheme.name);
  return names;
}

void initialise(Network& network, std::string_view scheme_text, double bias, std::uint64_t seed) {
  const auto [scheme, parameter] = find_scheme(scheme_text);
  for (const NetworkTensor& tensor : network.tensors()) {
    if (tensor.spec.decays) {
      Random random(seed, stream_id(Stream::initialise, tensor.layer));
      const Target target{tensor.spec.fan_in(), tensor.spec.fan_out(), tensor.spec.count(),
                          tensor.spec.storage != TensorSpec::Storage::panels,
                          activation_of(network, tensor.layer)};
      network.set(tensor, scheme->draw(target, parameter, random));
    } else if (tensor.spec.name == "bias" &&
               network.tensors()[network.first_tensor(tensor.layer)].spec.decays) {
      network.set(tensor, std::vector<float>(tensor.spec.count(), static_cast<float>(bias)));
    }
  }
}

}  // namespace halfwave
