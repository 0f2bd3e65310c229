#include "compare/run_json.h"

#include <array>
#include <stdexcept>

#include "train/epoch_json.h"
#include "train/options_json.h"
#include "train/run_identity.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kEnds{"finished", "stopped_early", "interrupted", "diverged"};

/// A name of a file in it need not be UTF-8, JSON must be.
std::string text_of_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The list itself: to go through anything else would find nothing in it and hide that it is damaged.
const Json& list(const Json& json) {
  json.get_ref<const Json::array_t&>();
  return json;
}

TrainResult::End end_from(std::string_view name) {
  for (std::size_t i = 0; i < kEnds.size(); ++i)
    if (kEnds[i] == name) return static_cast<TrainResult::End>(i);
  throw std::invalid_argument("no run ends so: " + std::string(name));
}

}  // namespace

StoredRun stored_run(RunKey key, std::uint64_t seed, const ComparedRun& run) {
  StoredRun stored;
  stored.key = std::move(key);
  stored.seed = seed;
  stored.learning_rate = run.learning_rate;
  stored.score = run.score;
  stored.epochs = static_cast<std::int64_t>(run.epochs.size());
  stored.seconds = run.seconds;
  stored.ended = kEnds[static_cast<std::size_t>(run.end)];
  stored.message = run.message;
  stored.parameters = static_cast<std::int64_t>(run.parameters);
  stored.warnings = texts_text(run.warnings);
  stored.history = text_of_json(epochs_json(run.epochs));
  return stored;
}

ComparedRun compared_run(const StoredRun& stored) {
  ComparedRun run;
  run.seed = stored.seed;
  run.learning_rate = stored.learning_rate;
  run.network = stored.key.network;
  run.parameters = static_cast<std::size_t>(stored.parameters);
  run.end = end_from(stored.ended);
  run.message = stored.message;
  run.epochs = epochs_from_json(list(Json::parse(stored.history)));
  run.score = stored.score;
  run.seconds = stored.seconds;
  run.warnings = texts_from(stored.warnings);
  return run;
}

std::string search_text(const std::vector<TriedRate>& search) {
  Json json = Json::array();
  for (const TriedRate& tried : search)
    json.push_back({{"learning_rate", tried.learning_rate},
                    {"score", tried.score},
                    {"diverged", tried.diverged},
                    {"loss", tried.loss}});
  return text_of_json(json);
}

std::vector<TriedRate> search_from(const std::string& text) {
  std::vector<TriedRate> search;
  const Json json = Json::parse(text);
  for (const Json& item : list(json)) {
    TriedRate& tried = search.emplace_back();
    read_field(item.at("learning_rate"), tried.learning_rate);
    read_field(item.at("score"), tried.score);
    read_field(item.at("diverged"), tried.diverged);
    read_field(item.at("loss"), tried.loss);
  }
  return search;
}

std::string texts_text(const std::vector<std::string>& texts) { return text_of_json(Json(texts)); }
std::vector<std::string> texts_from(const std::string& text) {
  return Json::parse(text).get<std::vector<std::string>>();
}

std::string key_options(const TrainOptions& options) {
  Json json = shaping_options(options);
  json.erase("seed");
  return text_of_json(json);
}

std::string other_options(const TrainOptions& options) {
  Json json = options_json(options);
  const Json shaping = shaping_options(options);
  for (const auto& [name, value] : shaping.items())
    if (name != "seed") json.erase(name);
  return text_of_json(json);
}

TrainOptions options_from(const std::string& key_options, const std::string& other_options) {
  Json json = Json::parse(key_options);
  json.update(Json::parse(other_options));
  TrainOptions options;
  TrainOptions::visit(options, [&](const OptionInfo& info, auto& value) {
    if (const auto found = json.find(json_key(info.name)); found != json.end()) read_field(*found, value);
  });
  return options;
}

}  // namespace halfwave
