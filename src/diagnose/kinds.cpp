#include "diagnose/kinds.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/grouped.h"

namespace halfwave {
namespace {

struct Kind {
  FindingKind info;
  std::string_view why, remedy;
};

constexpr Kind kKinds[] = {
    {{"not_finite_weights", "weights that are NaN or infinite"},
     "One such number makes every output NaN. Training diverged, or the file is damaged.",
     "Go back to a model from before; train with a smaller learning rate or with --clip 1."},
    {{"huge_weights", "weights many times as large as any initialisation makes them"},
     "Updates were far too large, or inputs are not scaled: outputs overflow, units die or saturate.",
     "Train from the start with a smaller learning rate, or with weight decay; standardise the inputs."},
    {{"output_range", "an activation on the last layer that cannot express the target"},
     "What lies outside of the activation's range can never be predicted, and where the activation is flat "
     "no gradient corrects it.",
     "Take the activation off the last layer."},
    {{"double_softmax", "softmax of a softmax"},
     "The second softmax gets numbers between 0 and 1: its probabilities are nearly all the same, and so "
     "little gradient comes back that learning is slow and stops early.",
     "Take one of the two away; a loss that applies softmax itself needs none before it."},
    {{"sigmoid_before_relu", "a rectifier behind an activation that is never negative"},
     "The rectifier is always on: it changes nothing, and the layer learns as slowly as with the activation "
     "before it alone.",
     "Take one of the two away: of a sigmoid and a ReLU, the sigmoid."},
    {{"linear_pair", "two linear layers with nothing between them"},
     "Together they compute what one linear layer can: the second one costs time and memory, and adds "
     "nothing.",
     "Put an activation between them, or make one layer of the two."},
    {{"he_missing", "weights too small for rectifiers, as Xavier or LeCun initialisation makes them"},
     "A rectifier lets half of the signal pass. Weights that do not make up for it shrink the signal, and "
     "the gradient, with every layer.",
     "Start with He initialisation (variance 2 / inputs): --init he_normal, or auto; or put batch norm "
     "before the activations."},
    {{"negative_bias", "rectifiers with a bias so negative that hardly any input wakes them"},
     "A unit that no example wakes gets no gradient, so its bias never comes back.",
     "Set these biases to a small positive number, or initialise the units again; look for a learning rate "
     "that is too high."},
    {{"duplicate_units", "units that compute the same as another one, up to a positive factor"},
     "They cost what others cost and add nothing. Units that begin alike get the same gradient and stay "
     "alike.",
     "Initialise them again at random; or join each with its twin by adding up the outgoing weights."},
    {{"no_outgoing_weights", "units whose outgoing weights are all zero"},
     "Nothing behind the layer looks at them: they cost time and change nothing.",
     "Leave them out; the network computes the same without them."},
    {{"zero_scale", "channels that a batch or layer normalisation multiplies by zero"},
     "Whatever the layers before compute there is thrown away: the output is a constant.",
     "Set the scale to 1 and train further, or leave the channels out."},
    {{"unused_nodes", "nodes of the file that no result depends on"},
     "They are left over from the export; nothing that the model gives depends on them.",
     "Nothing needs to be done: Halfwave does not run them. Export again to be rid of them."},
    {{"dead_units", "rectifiers that are zero for all of the data", true},
     "A unit that no example wakes gets no gradient: it stays dead, and the layer is as narrow as its living "
     "units. One update that was too large is the usual cause.",
     "Initialise the dead units again with a small positive bias; train with a smaller learning rate or "
     "warm-up; or use leaky_relu or elu, whose units can come back."},
    {{"almost_dead_units", "rectifiers that fewer than 1 % of the examples wake", true},
     "They learn from very few examples and may die. Some are rare features that the network needs.",
     "Watch them: a smaller learning rate or batch norm keeps them alive."},
    {{"always_on_units", "rectifiers that are never off", true},
     "On these data such a unit is linear: without its kink it adds nothing that a linear layer cannot do.",
     "Bring its inputs back to both sides of the kink: smaller biases, standardised inputs, or batch norm "
     "before the activation."},
    {{"saturated_units", "units in the flat part of their activation for nearly all of the data", true},
     "Where the activation is flat the gradient is close to zero: the weights before it hardly learn.",
     "Standardise the inputs, begin with smaller weights or put batch norm before the activation; or use a "
     "rectifier."},
    {{"vanishing_gradient", "gradients that shrink on their way to the first layers", true},
     "Each layer passes on only a part of the gradient; the first layers stay as they were initialised.",
     "Use rectifiers with He initialisation, batch norm, or residual connections; or fewer layers."},
    {{"exploding_gradient", "gradients that grow on their way to the first layers", true},
     "Each layer makes the gradient larger; updates that suit the last layers tear the first ones apart.",
     "Begin with smaller weights (He initialisation), train with --clip 1, or put in batch norm."},
    {{"vanishing_signal", "layer outputs that hardly vary any more in the last layers", true},
     "The examples become all alike on their way through the network, so it cannot tell them apart.",
     "Use He initialisation, batch norm, or residual connections; or fewer layers."},
    {{"learning_rate_too_high", "updates so large that the network does not learn", true},
     "Updates overshoot: the loss jumps instead of falling, weights grow and units die.",
     "Train from the start with a learning rate that is three to ten times smaller, or with --warmup 1."},
    {{"not_learned", "predictions no better than always giving the same answer", true},
     "The network has not learned anything from its inputs, or these data are not what it was made for.",
     "Train it (further); check that labels and inputs belong together and are scaled as in training."},
};

}  // namespace

std::vector<FindingKind> finding_kinds() {
  std::vector<FindingKind> kinds;
  for (const Kind& kind : kKinds) kinds.push_back(kind.info);
  return kinds;
}

Finding make_finding(Found found) {
  const Kind* const kind =
      std::ranges::find(kKinds, found.kind, [](const Kind& one) { return one.info.name; });
  return {.kind = std::string(kind->info.name),
          .where = std::move(found.where),
          .what = std::move(found.what),
          .number = found.number,
          .unit = std::move(found.unit),
          .why = std::string(kind->why),
          .remedy = std::string(kind->remedy),
          .weight = found.weight,
          .units = std::move(found.units),
          .follows_from = ""};
}

std::string counted(std::size_t count, std::string_view singular) {
  return fmt::format("{} {}{}", grouped(count), singular, count == 1 ? "" : "s");
}

}  // namespace halfwave
