#include "analysis/remedies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/activation.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/network_edit.h"
#include "analysis/units.h"
#include "graph/initialise.h"
#include "graph/read_line.h"
#include "io/copy_model.h"
#include "train/optimiser.h"
#include "train/prepare.h"

namespace halfwave {
namespace {

/// What dead units begin with: enough to be on for some examples.
constexpr double kSmallBias = 0.01;

Variant unchanged(const RemedyCase& its) {
  return {std::make_shared<ModelParts>(copy_of(its.model)), its.options, ""};
}

/// A network of the same line as it would begin.
Network begun(const Network& like, double bias, std::uint64_t seed) {
  Network network(read_network_line(like.line()), like.input());
  initialise(network, "auto", bias, seed);
  return network;
}

/// size() where there is none.
std::size_t layer_named(const Network& network, std::string_view name) {
  std::size_t layer = 0;
  while (layer < network.size() && network.layer_name(layer) != name) ++layer;
  return layer;
}

bool has_weights(const Network& network, std::size_t layer) {
  return std::ranges::any_of(network.layer(layer).tensors(), &TensorSpec::decays);
}

/// Not part of the output: there are weights behind it.
bool is_hidden_activation(const Network& network, std::size_t layer) {
  if (!network.layer(layer).is_activation()) return false;
  for (std::size_t i = layer + 1; i < network.size(); ++i)
    if (has_weights(network, i)) return true;
  return false;
}

/// Of the layer, or null where it is none.
const ActivationInfo* activation(const Network& network, std::size_t layer) {
  if (layer >= network.size() || !network.layer(layer).is_activation()) return nullptr;
  return &find_activation(network.layer(layer).info().name);
}

/// "dense_1, dense_2 and 18 more".
std::string names_of(const Network& network, std::vector<std::size_t> layers) {
  constexpr std::size_t kShown = 3;
  std::ranges::sort(layers);
  std::string names;
  for (std::size_t i = 0; i < std::min(layers.size(), kShown); ++i)
    names.append(i > 0 ? ", " : "").append(network.layer_name(layers[i]));
  return layers.size() > kShown ? fmt::format("{} and {} more", names, layers.size() - kShown) : names;
}

void add_once(std::vector<std::size_t>& layers, std::size_t layer) {
  if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
}

/// The model with another network. What is new in it begins as it should. Weights before an activation of
/// another family than they were drawn for are of the wrong size: these are drawn anew.
Variant edited(const RemedyCase& its, NetworkEdit edit, std::string what) {
  auto [network, was] = std::move(edit).build();
  const Network &before = its.model.network, fresh = begun(network, 0.0, its.seed);
  for (const NetworkTensor& tensor : network.tensors())
    if (was[tensor.layer] == NetworkEdit::Edited::kNew) network.set(tensor, fresh.get(tensor));
  for (std::size_t layer = 0; layer < network.size(); ++layer) {
    if (!has_weights(network, layer) || was[layer] == NetworkEdit::Edited::kNew) continue;
    const ActivationInfo *now = activation(network, network.activation_behind(layer)),
                         *then = activation(before, before.activation_behind(was[layer]));
    if (!now || !then || now->initialisation == then->initialisation) continue;
    std::vector<std::size_t> all(network.layer(layer).outputs());
    std::iota(all.begin(), all.end(), std::size_t{0});
    take_units(network, fresh, layer, all);
  }
  return {with_network(its.model, std::move(network)), its.options, std::move(what)};
}

/// The activation that spoils what its neighbour makes: the one that the finding names, or the sigmoid in
/// front of a rectifier.
std::optional<Variant> remove_layer(const RemedyCase& its) {
  const Network& network = its.model.network;
  std::vector<std::size_t> gone;
  for (const Finding* finding : its.findings) {
    std::size_t layer = layer_named(network, finding->where);
    if (layer < network.size() && finding->kind == "sigmoid_before_relu") layer = network.inputs_of(layer)[0];
    if (activation(network, layer) && network.size() > 1) add_once(gone, layer);
  }
  if (gone.empty()) return std::nullopt;
  NetworkEdit edit(network);
  for (const std::size_t layer : gone) edit.remove(layer);
  return edited(its, std::move(edit), fmt::format("without {}", names_of(network, gone)));
}

std::optional<Variant> insert_activation(const RemedyCase& its) {
  const Network& network = its.model.network;
  std::vector<std::size_t> before;
  for (const Finding* finding : its.findings)
    if (const std::size_t layer = layer_named(network, finding->where); layer < network.size())
      add_once(before, layer);
  if (before.empty()) return std::nullopt;
  NetworkEdit edit(network);
  for (const std::size_t layer : before) edit.insert_before(layer, "relu");
  return edited(its, std::move(edit), fmt::format("relu before {}", names_of(network, before)));
}

/// The layer that holds the numbers of a finding's units: the one it names, or the one before the activation
/// that it names; size() where there is none.
std::size_t layer_of_units(const Network& network, const Finding& finding) {
  const std::size_t named = layer_named(network, finding.where);
  if (named == network.size() || !network.layer(named).tensors().empty()) return named;
  std::size_t layer = 0;
  while (layer < network.size() &&
         !(has_weights(network, layer) && network.activation_behind(layer) == named))
    ++layer;
  return layer;
}

/// Units that do nothing of use may learn something else. What they were to the layer behind is forgotten, or
/// joined with that of their twin: what the other units do stays as it is.
std::optional<Variant> renew_units(const RemedyCase& its) {
  Variant variant = unchanged(its);
  Network& network = variant.start->network;
  const Network fresh = begun(network, kSmallBias, its.seed);
  std::vector<std::size_t> layers;
  std::size_t renewed = 0;
  for (const Finding* finding : its.findings) {
    const std::size_t layer = layer_of_units(network, *finding);
    if (layer == network.size() || finding->units.empty()) continue;
    std::vector<Twin> twins(finding->units.size());
    if (finding->kind == "duplicate_units") twins = twins_of(network, layer, finding->units);
    for (std::size_t i = 0; i < twins.size(); ++i)
      move_outgoing(network, layer, finding->units[i], twins[i].unit, twins[i].times);
    take_units(network, fresh, layer, finding->units);
    add_once(layers, layer);
    renewed += twins.size();
  }
  if (layers.empty()) return std::nullopt;
  variant.what = fmt::format("{} unit{} of {} begin{} anew", renewed, renewed == 1 ? "" : "s",
                             names_of(network, layers), renewed == 1 ? "s" : "");
  return variant;
}

/// Inputs far from mean 0 and variance 1 as the network sees them.
bool inputs_are_raw(const Preprocessing& now, const Preprocessing& fitted) {
  constexpr double kFar = 3.0;
  for (std::size_t j = 0; j < now.mean.size(); ++j) {
    const double scale = static_cast<double>(now.scale[j]),
                 deviation = scale / static_cast<double>(fitted.scale[j]),
                 mean = static_cast<double>(fitted.mean[j] - now.mean[j]) * scale;
    if (deviation > kFar || deviation < 1.0 / kFar || std::fabs(mean) > kFar) return true;
  }
  return false;
}

std::optional<Variant> start_anew(const RemedyCase& its) {
  Variant variant = unchanged(its);
  Network& network = variant.start->network;
  network = begun(network, 0.0, its.seed);
  variant.what = "all weights drawn anew";
  if (const double usual = Optimiser::usual_rate(its.options.optimiser, network);
      its.options.learning_rate > usual) {
    variant.options.learning_rate = usual;
    variant.what += fmt::format(", learning rate {:.2g} instead of {:.2g}", usual, its.options.learning_rate);
  }
  return variant;
}

std::optional<Variant> standardise_inputs(const RemedyCase& its) {
  Preprocessing fitted = fit_preprocessing(its.data, true, its.model.network.input().rank > 0);
  if (!inputs_are_raw(its.model.preprocessing, fitted)) return std::nullopt;
  std::optional<Variant> variant = start_anew(its);
  variant->start->preprocessing = std::move(fitted);
  variant->start->original = nullptr;
  variant->what = fmt::format("inputs to mean 0 and variance 1, {}", variant->what);
  return variant;
}

/// What does better in an activation's place; "" where it does well.
std::string_view better_than(const ActivationInfo& activation) {
  if (activation.form == ActivationInfo::Form::row || activation.form == ActivationInfo::Form::doubled)
    return "";
  if (activation.saturates) return "relu";
  return activation.zero_below ? "leaky_relu" : "";
}

/// The activation behind the layers that the findings name; where one is about the network as a whole, all.
std::optional<Variant> switch_activation(const RemedyCase& its) {
  const Network& network = its.model.network;
  std::vector<std::size_t> meant;
  for (const Finding* finding : its.findings) {
    const std::size_t named = layer_named(network, finding->where);
    for (std::size_t i = 0; i < network.size(); ++i) {
      const bool is_its = finding->units.empty() || i == named ||
                          (named < network.size() && i == network.activation_behind(named));
      if (is_its && is_hidden_activation(network, i) && !better_than(*activation(network, i)).empty())
        add_once(meant, i);
    }
  }
  if (meant.empty()) return std::nullopt;
  NetworkEdit edit(network);
  std::string_view better;
  for (const std::size_t layer : meant)
    edit.replace(layer, better = better_than(*activation(network, layer)));
  return edited(its, std::move(edit), fmt::format("{} in the place of {}", better, names_of(network, meant)));
}

std::optional<Variant> insert_batch_norm(const RemedyCase& its) {
  const Network& network = its.model.network;
  std::vector<std::size_t> before;
  for (std::size_t i = 0; i < network.size(); ++i) {
    if (!is_hidden_activation(network, i)) continue;
    const std::size_t from = network.inputs_of(i)[0];
    if (from != Network::kInput && has_weights(network, from)) before.push_back(i);
  }
  if (before.empty()) return std::nullopt;
  NetworkEdit edit(network);
  for (const std::size_t layer : before) edit.insert_before(layer, "batch_norm");
  return edited(its, std::move(edit), fmt::format("batch_norm before {}", names_of(network, before)));
}

/// The usual one instead of one that is far higher, else a tenth.
std::optional<Variant> lower_rate(const RemedyCase& its) {
  constexpr double kLower = 0.1, kFarHigher = 2.0;
  Variant variant = unchanged(its);
  const double now = its.options.learning_rate,
               usual = Optimiser::usual_rate(its.options.optimiser, its.model.network);
  variant.options.learning_rate = now > kFarHigher * usual ? usual : kLower * now;
  variant.what = fmt::format("learning rate {:.2g} instead of {:.2g}", variant.options.learning_rate, now);
  return variant;
}

}  // namespace

std::span<const RemedyKind> remedy_kinds() {
  static const std::vector<RemedyKind> kinds{
      {"remove_layer",
       "leaves out an activation that spoils the output or what its neighbour makes",
       {"output_range", "double_softmax", "sigmoid_before_relu"},
       remove_layer},
      {"insert_activation", "puts a relu between two linear layers", {"linear_pair"}, insert_activation},
      {"renew_units",
       "draws the weights of these units anew, with a small positive bias; the others stay as they are",
       {"dead_units", "almost_dead_units", "always_on_units", "duplicate_units", "negative_bias",
        "zero_scale"},
       renew_units},
      {"standardise_inputs",
       "brings raw inputs to mean 0 and variance 1 and starts again",
       {"saturated_units", "dead_units", "always_on_units", "huge_weights", "not_learned"},
       standardise_inputs},
      {"start_anew",
       "starts again from the initialisation that suits the activations (He for rectifiers), at the usual "
       "learning rate if that is lower",
       {"not_finite_weights", "huge_weights", "he_missing", "duplicate_units", "dead_units",
        "saturated_units", "vanishing_gradient", "exploding_gradient", "vanishing_signal",
        "learning_rate_too_high", "not_learned"},
       start_anew},
      {"switch_activation",
       "leaky_relu in the place of relu and the like, relu in that of sigmoid, tanh and the like",
       {"dead_units", "saturated_units", "vanishing_gradient", "vanishing_signal"},
       switch_activation},
      {"batch_norm",
       "puts a batch norm between weights and hidden activations",
       {"he_missing", "dead_units", "always_on_units", "saturated_units", "vanishing_gradient",
        "exploding_gradient", "vanishing_signal"},
       insert_batch_norm},
      {"lower_rate",
       "trains on at the usual learning rate, or a tenth of it",
       {"learning_rate_too_high", "exploding_gradient"},
       lower_rate},
  };
  return kinds;
}

std::string remedy_table_markdown() {
  std::string text = "| remedy | what it does | for |\n| --- | --- | --- |\n";
  for (const RemedyKind& kind : remedy_kinds())
    text += fmt::format("| `{}` | {} | {} |\n", kind.name, kind.help, fmt::join(kind.answers, ", "));
  return text;
}

std::vector<RemedyInfo> remedies() {
  std::vector<RemedyInfo> infos;
  for (const RemedyKind& kind : remedy_kinds())
    infos.push_back(
        {std::string(kind.name), std::string(kind.help), {kind.answers.begin(), kind.answers.end()}});
  return infos;
}

}  // namespace halfwave
