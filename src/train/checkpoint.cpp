#include "train/checkpoint.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <nlohmann/json.hpp>

#include "io/tensor_file.h"
#include "train/epoch_json.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

/// Of what a checkpoint holds; 2: zeros are counted in 64 bits.
constexpr int kFormat = 2;

/// Counts as the file takes them: in two words of 32 bits each.
std::span<std::uint32_t> words(std::vector<std::uint64_t>& counts) {
  return {reinterpret_cast<std::uint32_t*>(counts.data()), 2 * counts.size()};
}
std::span<const std::uint32_t> words(const std::vector<std::uint64_t>& counts) {
  return {reinterpret_cast<const std::uint32_t*>(counts.data()), 2 * counts.size()};
}

// One list of fields for both directions: visit(name, field).
template <class Self, class Visitor>
void visit_state(Self& state, Visitor&& visit) {
  visit("updates", state.updates);
  visit("epoch", state.epoch);
  visit("step", state.step);
  visit("loss_sum", state.loss_sum);
  visit("correct", state.correct);
  visit("seen", state.seen);
  visit("epoch_seconds", state.epoch_seconds);
  visit("seconds", state.seconds);
  visit("plateau_factor", state.plateau.factor);
  visit("plateau_epochs", state.plateau.epochs_without_better);
  visit("good_epoch", state.good_epoch);
  visit("best_score", state.best_score);
  visit("best_epoch", state.best_epoch);
  visit("epochs_without_better", state.epochs_without_better);
}

Json to_json(const RunState& state) {
  Json json;
  visit_state(state, [&](const char* name, const auto& value) { json[name] = value; });
  json["reports"] = epochs_json(state.reports);
  return json;
}

void from_json(const Json& json, RunState& state) {
  visit_state(state, [&](const char* name, auto& value) { read_field(json.at(name), value); });
  state.reports = epochs_from_json(json.at("reports"));
}

/// Names of the entries whose values differ, by the objects at the top of both identities.
std::string difference(const Json& saved, const Json& now) {
  std::string text;
  for (const auto& [group, values] : now.items()) {
    if (!values.is_object()) {
      if (!saved.contains(group) || saved.at(group) != values)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", group);
      continue;
    }
    for (const auto& [name, value] : values.items()) {
      const Json* before =
          saved.contains(group) && saved.at(group).contains(name) ? &saved.at(group).at(name) : nullptr;
      if (!before || *before != value)
        text += fmt::format("{}{} (was {}, is {})", text.empty() ? "" : ", ", name,
                            before ? before->dump() : "absent", value.dump());
    }
  }
  for (const auto& [group, values] : saved.items())
    if (!now.contains(group)) text += fmt::format("{}{}", text.empty() ? "" : ", ", group);
  return text;
}

}  // namespace

Checkpoint::Checkpoint(std::filesystem::path folder, std::string identity)
    : file_(std::move(folder) / "checkpoint.safetensors"), identity_(std::move(identity)) {}

bool Checkpoint::exists() const {
  std::error_code ignored;
  return std::filesystem::exists(file_, ignored);
}

void Checkpoint::save(const RunState& state, const Network& network, Optimiser& optimiser,
                      WeightAverage& average) const {
  std::error_code error;
  std::filesystem::create_directories(file_.parent_path(), error);
  if (error)
    throw input_error(fmt::format("{}: the checkpoint folder cannot be made: {}.",
                                  file_.parent_path().string(), error.message()));
  std::vector<TensorView> tensors{view("values", network.values()),
                                  view("good_values", std::span<const float>(state.good_values))};
  int number = 0;
  for (const std::span<float> array : optimiser.state())
    tensors.push_back(view(fmt::format("optimiser.{}", number++), std::span<const float>(array)));
  for (std::size_t i = 0; i < state.nonzeros.size(); ++i)
    tensors.push_back(view(fmt::format("nonzeros.{}", i), words(state.nonzeros[i])));
  if (!average.state().empty()) tensors.push_back(view("average", std::span<const float>(average.state())));
  if (!state.best_values.empty())
    tensors.push_back(view("best_values", std::span<const float>(state.best_values)));
  Json text{{"format", kFormat}, {"identity", Json::parse(identity_)}, {"state", to_json(state)}};
  text["state"]["has_best"] = !state.best_values.empty();
  write_tensor_file(file_, text.dump(), tensors);
}

void Checkpoint::load(RunState& state, Network& network, Optimiser& optimiser, WeightAverage& average) const {
  const TensorFile file = read_tensor_file(file_);
  const std::string name = file_.string();
  try {
    const Json text = Json::parse(file.text);
    if (const int format = text.value("format", 1); format != kFormat)
      throw input_error(
          fmt::format("{} is of another version of Halfwave (format {}, this one's is {}): finish "
                      "the run with that version, or begin anew in another --checkpoint folder.",
                      name, format, kFormat));
    const Json now = Json::parse(identity_);
    if (text.at("identity") != now)
      throw usage_error(
          fmt::format("{} is of another run: {}. Use the same options, or another --checkpoint folder.", name,
                      difference(text.at("identity"), now)));
    from_json(text.at("state"), state);
    file.read_into("values", network.values(), name);
    state.good_values.resize(network.values().size());
    file.read_into("good_values", std::span<float>(state.good_values), name);
    int number = 0;
    for (const std::span<float> array : optimiser.state())
      file.read_into(fmt::format("optimiser.{}", number++), array, name);
    for (std::size_t i = 0; i < state.nonzeros.size(); ++i)
      file.read_into(fmt::format("nonzeros.{}", i), words(state.nonzeros[i]), name);
    if (!average.state().empty()) file.read_into("average", average.state(), name);
    state.best_values.clear();
    if (text.at("state").at("has_best").get<bool>()) {
      state.best_values.resize(network.values().size());
      file.read_into("best_values", std::span<float>(state.best_values), name);
    }
  } catch (const nlohmann::json::exception& e) {
    throw input_error(fmt::format("{}: its text cannot be read ({}).", name, e.what()));
  }
}

}  // namespace halfwave
