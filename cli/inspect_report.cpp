#include "inspect_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/version.h>

#include <algorithm>

#include "bench_report.h"
#include "heal_report.h"
#include "progress.h"
#include "table.h"
#include "text.h"
#include "train/options_json.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr UnitVerdict kFaults[] = {UnitVerdict::dead, UnitVerdict::almost_dead, UnitVerdict::always_on,
                                   UnitVerdict::saturated, UnitVerdict::duplicate};

std::vector<std::size_t> units_with(const LayerInspection& layer, UnitVerdict verdict) {
  std::vector<std::size_t> units;
  for (std::size_t u = 0; u < layer.verdicts.size(); ++u)
    if (layer.verdicts[u] == verdict) units.push_back(u);
  return units;
}

/// "64 dead, 3 almost dead".
std::string verdict_words(const LayerInspection& layer) {
  std::vector<std::string> words;
  for (const UnitVerdict verdict : kFaults) {
    const std::size_t count = units_with(layer, verdict).size();
    std::string name(verdict_name(verdict));
    std::ranges::replace(name, '_', '-');
    if (count > 0) words.push_back(fmt::format("{} {}", grouped(count), name));
  }
  return words.empty() ? "healthy" : fmt::format("{}", fmt::join(words, ", "));
}

/// "640", "10.2k", "1.57M".
std::string amount(double number) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < std::size(kUnits); ++unit) number /= 1000.0;
  const int decimals = unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", number, decimals, kUnits[unit]);
}

std::string ratio_words(double ratio) {
  return ratio >= 0.01 && ratio < 100.0 ? fmt::format("{:.2f}", ratio) : fmt::format("{:.0e}", ratio);
}

std::string layer_table(const InspectReport& report, std::size_t width) {
  std::vector<TextTable::Column> columns{{"layer"}, {"units", Align::right}, {"not zero", Align::right}};
  if (report.labelled) columns.push_back({"gradient", Align::right});
  columns.insert(
      columns.end(),
      {{"FLOPs", Align::right}, {"zeros skipped", Align::right}, {"time", Align::right}, {"units are"}});
  TextTable table(columns);
  for (const LayerInspection& layer : report.inspection.layers) {
    const bool by_itself = layer.activation.empty() || layer.name.starts_with(layer.activation);
    std::vector<std::string> row{by_itself ? layer.name : layer.name + ", " + layer.activation,
                                 grouped(layer.units), percent(layer.density)};
    if (report.labelled) row.push_back(ratio_words(layer.gradient_ratio));
    const bool multiplies = layer.dense_operations > 0.0;
    row.push_back(multiplies ? amount(layer.dense_operations) : "");
    row.push_back(multiplies ? amount(layer.skipped_operations) : "");
    row.push_back(layer.seconds > 0.0 ? time_words(layer.seconds) : "");
    row.push_back(verdict_words(layer));
    table.add(std::move(row));
  }
  return table.text(width);
}

std::string place_of(const Finding& finding) { return finding.where.empty() ? "the network" : finding.where; }

/// The findings of one kind, the heaviest first.
using Group = std::vector<const Finding*>;

std::vector<Group> by_kind(std::span<const Finding> findings) {
  std::vector<Group> groups;
  for (const Finding& finding : findings) {
    const auto same = [&](const Group& group) { return group.front()->kind == finding.kind; };
    const auto found = std::ranges::find_if(groups, same);
    if (found == groups.end())
      groups.push_back({&finding});
    else
      found->push_back(&finding);
  }
  return groups;
}

/// Where else: "dense_3 (15 units), dense_7 (2 units)".
std::string others(std::span<const Finding* const> group) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> words;
  for (const Finding* const finding : group.first(std::min(group.size(), kShown)))
    words.push_back(finding->units.empty() ? place_of(*finding)
                                           : fmt::format("{} ({} {})", place_of(*finding),
                                                         finding->units.size(), finding->unit));
  if (group.size() > kShown) words.push_back(fmt::format("and {} more layers", group.size() - kShown));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string sentence(const std::string& text) { return text.ends_with('.') ? text : text + "."; }

std::string finding_text(const Group& group, std::size_t number, std::size_t width) {
  const Finding& first = *group.front();
  TextTable head(std::vector<TextTable::Column>(2));
  head.add({fmt::format("{}.", number), sentence(fmt::format("{}: {}", place_of(first), first.what))});
  TextTable rest(std::vector<TextTable::Column>(2), "   ");
  if (group.size() > 1) rest.add({"also in", others(std::span(group).subspan(1))});
  rest.add({"kind", fmt::format("{}, weight {:.2f}", first.kind, first.weight)});
  rest.add({"why", first.why});
  rest.add({"remedy", first.remedy});
  return fmt::format("\n{}{}", head.text(width), rest.text(width));
}

/// A line a kind.
std::string short_text(const char* heading, std::span<const Finding> findings, std::size_t width) {
  if (findings.empty()) return "";
  TextTable table(std::vector<TextTable::Column>(2), "  ");
  for (const Group& group : by_kind(findings)) {
    const Finding& first = *group.front();
    std::string text = first.what;
    if (group.size() > 1) text += fmt::format("; also in {}", others(std::span(group).subspan(1)));
    table.add({place_of(first), text});
  }
  return fmt::format("\n{}\n{}", heading, table.text(width));
}

/// The findings that are told in full, those that follow from them, and remarks.
struct Parts {
  std::vector<Finding> causes, effects, remarks;
};
Parts parts_of(const std::vector<Finding>& findings) {
  Parts parts;
  for (const Finding& finding : findings)
    (finding.weight < kWeightOfRemark ? parts.remarks
     : finding.follows_from.empty()   ? parts.causes
                                      : parts.effects)
        .push_back(finding);
  return parts;
}

std::string headline(const InspectReport& report, const Parts& parts) {
  const std::string on = report.data.empty() ? ""
                                             : fmt::format(" on {} examples of {}",
                                                           grouped(report.inspection.examples), report.data);
  if (parts.causes.empty()) return fmt::format("{}{}: nothing is wrong.", report.model, on);
  const Finding& first = parts.causes.front();
  const std::size_t count = by_kind(parts.causes).size();
  const std::string more = count == 1 ? "" : fmt::format(" ({} findings, the heaviest first)", count);
  return fmt::format("{}{}: {}: {}.{}", report.model, on, place_of(first), first.what, more);
}

Json layer_json(const LayerInspection& layer, bool labelled) {
  const auto of_labels = [&](double value) { return labelled ? Json(value) : Json(nullptr); };
  Json json{{"name", layer.name}, {"line", layer.line}};
  json["activation"] = layer.activation.empty() ? Json(nullptr) : Json(layer.activation);
  json["units"] = layer.units;
  json["density"] = layer.density;
  json["mean"] = layer.mean;
  json["variance"] = layer.variance;
  for (const UnitVerdict verdict : kFaults)
    json[fmt::format("{}_units", verdict_name(verdict))] = units_with(layer, verdict).size();
  json["verdicts"] = Json::object();
  for (const UnitVerdict verdict : kFaults)
    json["verdicts"][std::string(verdict_name(verdict))] = units_with(layer, verdict);
  json["gradient_norm"] = of_labels(layer.gradient_norm);
  json["gradient_ratio"] = of_labels(layer.gradient_ratio);
  json["weight_norm"] = layer.weight_norm;
  json["examples_on_kink"] = layer.on_kink;
  json["dense_operations"] = layer.dense_operations;
  json["skipped_operations"] = layer.skipped_operations;
  json["seconds"] = layer.seconds;
  return json;
}

Json used_options(const InspectReport& report) {
  Json json = options_json(report.options);
  if (!report.made) return json;
  TrainOptions::visit(*report.made, [&](const OptionInfo& info, const auto& value) {
    if (shapes_network(info)) json[json_key(info.name)] = value;
  });
  return json;
}

}  // namespace

bool shapes_network(const OptionInfo& info) {
  constexpr std::string_view kNames[] = {"activation", "init", "bias-init", "standardise"};
  return std::ranges::find(kNames, info.name) != std::end(kNames);
}

std::size_t InspectReport::weighty() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      inspection.findings, [](const Finding& finding) { return finding.weight >= kWeightOfRemark; }));
}

std::string inspect_text(const InspectReport& report, std::size_t width) {
  const Parts parts = parts_of(report.inspection.findings);
  std::string text = fmt::format("{}\n", fmt::join(wrapped(headline(report, parts), width), "\n"));
  if (!report.inspection.layers.empty()) text.append("\n").append(layer_table(report, width));
  std::size_t number = 0;
  for (const Group& group : by_kind(parts.causes)) text += finding_text(group, ++number, width);
  text += short_text("What follows from it", parts.effects, width);
  text += short_text("Remarks, no reason to act", parts.remarks, width);
  if (!report.healing) return text;
  text.append("\n").append(heal_text(*report.healing, width));
  if (!report.healing->model) return text;
  return text + (report.healed_model.empty()
                     ? "--out FILE writes the healed model.\n"
                     : fmt::format("The healed model is in {}.\n", report.healed_model));
}

Json finding_json(const Finding& finding) {
  return {{"kind", finding.kind},
          {"where", finding.where},
          {"what", finding.what},
          {"number", finding.number},
          {"unit", finding.unit},
          {"why", finding.why},
          {"remedy", finding.remedy},
          {"weight", finding.weight},
          {"units", finding.units},
          {"follows_from", finding.follows_from.empty() ? Json(nullptr) : Json(finding.follows_from)}};
}

Json inspect_json(const InspectReport& report) {
  Json json{{"command", "inspect"}, {"version", version()}, {"model", report.model}};
  json["network"] = {{"line", report.network}, {"parameters", report.parameters}};
  json["data"] = report.data.empty() ? Json(nullptr)
                                     : Json{{"name", report.data},
                                            {"examples", report.inspection.examples},
                                            {"labelled", report.labelled}};
  json["options"] = used_options(report);
  json["layers"] = Json::array();
  for (const LayerInspection& layer : report.inspection.layers)
    json["layers"].push_back(layer_json(layer, report.labelled));
  json["findings"] = Json::array();
  for (const Finding& finding : report.inspection.findings) json["findings"].push_back(finding_json(finding));
  json["result"] = {{"healthy", report.weighty() == 0},
                    {"findings", report.weighty()},
                    {"remarks", report.inspection.findings.size() - report.weighty()}};
  if (report.healing) json["healing"] = heal_json(*report.healing, report.healed_model);
  json["warnings"] = report.warnings;
  return json;
}

}  // namespace halfwave::cli
