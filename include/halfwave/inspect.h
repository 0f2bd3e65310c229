#pragma once
#include <halfwave/dataset.h>
#include <halfwave/model.h>
#include <halfwave/options.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

/// What is wrong somewhere in a network.
struct Finding {
  std::string kind;    ///< "dead_units": one of finding_kinds()
  std::string where;   ///< name of the layer or node; "": the network as a whole
  std::string what;    ///< one sentence for people
  double number = 0;   ///< how bad: units, a ratio, a share, as `unit` says
  std::string unit;    ///< what the number counts: "units", "of the gradient", …
  std::string why;     ///< what brings it about, and what it costs
  std::string remedy;  ///< what to do
  double weight = 0;   ///< from 0 to 1: how much of the network's use is lost, as far as can be told
  std::vector<std::size_t> units;  ///< which units, where it is about some
  std::string follows_from;        ///< kind of a heavier finding that brings it about; "": none
};

/// Findings of less weight are remarks: they are shown last, and no reason to act.
inline constexpr double kWeightOfRemark = 0.1;

/// A kind of finding, for `halfwave list findings` and the documentation.
struct FindingKind {
  std::string_view name, help;
  bool needs_data = false;
};
std::vector<FindingKind> finding_kinds();

/// What a unit (a channel of a convolution) does on the data.
enum class UnitVerdict : std::uint8_t {
  healthy,
  dead,         ///< zero on all examples (and positions)
  almost_dead,  ///< not zero (anywhere) on less than 1 % of the examples
  always_on,    ///< on the linear side of its kink on all of them
  saturated,    ///< slope below 1 % of its largest on more than 95 % of them
  duplicate     ///< healthy, but the same as an earlier unit of the layer, up to a positive factor
};
std::string_view verdict_name(UnitVerdict verdict);

/// One layer with weights, and the activation behind it, on data; or an activation that is behind none.
struct LayerInspection {
  std::string name;        ///< of the layer with weights, or of such an activation
  std::string line;        ///< "dense 512"
  std::string activation;  ///< "relu", or "" where there is none
  std::size_t units = 0;
  std::vector<UnitVerdict> verdicts;  ///< [units]
  double density = 1;                 ///< share of the outputs, after the activation, that are not zero
  double mean = 0;                    ///< of the outputs
  double variance = 0;        ///< of a unit's outputs from example to example; the mean over the units
  double gradient_norm = 0;   ///< of the weights, over the data; 0 where there are no labels
  double gradient_ratio = 1;  ///< norm of the gradient by the layer's outputs, to that of the last layer's
  double weight_norm = 0;
  std::size_t on_kink = 0;        ///< examples with an input of the activation exactly at its kink
  double dense_operations = 0;    ///< floating-point operations of one example's forward pass
  double skipped_operations = 0;  ///< those that are left where zeros of the input are skipped
  double seconds = 0;             ///< of one example, with what is behind the layer; measured
};

struct InspectOptions {
  std::int64_t examples = 10000;  ///< of the data, at most: a unit that few examples wake is not dead
  std::uint64_t seed = 0;         ///< which
  std::int64_t threads = 0;       ///< 0: all
  bool trained = true;            ///< else what it has learned is not judged; no flag of its own

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor);
};

struct Inspection {
  std::size_t examples = 0;             ///< 0: without data
  std::vector<LayerInspection> layers;  ///< with data
  std::vector<Finding> findings;        ///< by weight, the heaviest first
};

/// What can be told from the network alone.
Inspection inspect(const Model& model);
/// What can be told from what it does on data; gradients where they are labelled. Throws Error (usage or
/// input) where the data do not fit. The model is not changed.
Inspection inspect(const Model& model, const Examples& examples, const InspectOptions& options = {});

template <class Self, class Visitor>
void InspectOptions::visit(Self& self, Visitor&& v) {
  v(OptionInfo{"examples", "how many of the data's examples are looked at, at most", 1, 1e9}, self.examples);
  v(OptionInfo{"seed", "which of them"}, self.seed);
  v(OptionInfo{"threads", "0: all processors", 0, 1024}, self.threads);
}

}  // namespace halfwave
