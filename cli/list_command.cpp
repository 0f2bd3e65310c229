#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/activation.h>
#include <halfwave/dataset.h>
#include <halfwave/error.h>
#include <halfwave/heal.h>
#include <halfwave/inspect.h>
#include <halfwave/train.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "command.h"
#include "core/suggest.h"
#include "graph/network.h"
#include "kernels/activation_table.h"
#include "layers/registry.h"
#include "operators/operator.h"
#include "program.h"
#include "table.h"
#include "train/augment.h"

namespace halfwave::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Something that can be listed: its table for people and its items for programs.
struct Listing {
  TextTable table;
  Json items = Json::array();
};

/// A float as the decimal number that was declared: 0.01f is 0.01, not 0.009999999776482582.
double decimal(float number) { return std::stod(fmt::format("{}", number)); }
double decimal(double number) { return number; }

template <class Number>
Json number_json(std::string_view name, Number value, Number low, Number high, std::string_view help) {
  return {{"name", name},
          {"default", decimal(value)},
          {"low", decimal(low)},
          {"high", decimal(high)},
          {"help", help}};
}

const char* family(ActivationInfo::Initialisation initialisation) {
  switch (initialisation) {
    case ActivationInfo::Initialisation::he:
      return "he";
    case ActivationInfo::Initialisation::lecun:
      return "lecun";
    case ActivationInfo::Initialisation::xavier:
      return "xavier";
  }
  return "xavier";
}

Listing list_activations() {
  Listing listing{TextTable({{"name"}, {"formula"}, {"parameters"}, {"properties"}, {"ONNX"}})};
  for (const ActivationRow& row : activation_rows())
    listing.table.add({row.name, row.formula, row.parameters, row.properties, row.onnx});
  for (const ActivationInfo& info : activations()) {
    Json item{{"name", info.name}, {"formula", info.formula}, {"onnx", info.onnx}, {"source", info.source}};
    item["parameters"] = Json::array();
    for (const ActivationParameter& p : info.parameters)
      item["parameters"].push_back(number_json(p.name, p.value, p.low, p.high, p.help));
    item["elementwise"] = info.elementwise;
    item["zero_below"] = info.zero_below;
    item["piecewise_linear"] = info.piecewise_linear;
    item["monotone"] = info.monotone;
    item["saturates"] = info.saturates;
    item["lipschitz"] = info.lipschitz;
    item["initialisation"] = family(info.initialisation);
    item["gain"] = info.gain;
    listing.items.push_back(std::move(item));
  }
  return listing;
}

/// Activations are layers too; they have a list of their own.
bool is_activation(std::string_view name) {
  const auto all = activations();
  return std::any_of(all.begin(), all.end(), [&](const ActivationInfo& info) { return info.name == name; });
}

Listing list_layers() {
  Listing listing{TextTable({{"name"}, {"numbers, in this order"}, {"what it does"}})};
  for (const LayerInfo& info : layer_kinds()) {
    std::vector<std::string> fields;
    Json item{{"name", info.name},
              {"help", info.help},
              {"onnx", info.onnx},
              {"activation", is_activation(info.name)}};
    item["fields"] = Json::array();
    for (const LayerField& f : info.fields) {
      fields.push_back(f.inferred ? fmt::format("{} (the last one's follows from the data)", f.name)
                                  : fmt::format("{} {}", f.name, f.value));
      item["fields"].push_back(number_json(f.name, f.value, f.low, f.high, f.help));
      item["fields"].back()["inferred"] = f.inferred;
    }
    if (!is_activation(info.name))
      listing.table.add(
          {std::string(info.name), fmt::format("{}", fmt::join(fields, ", ")), std::string(info.help)});
    listing.items.push_back(std::move(item));
  }
  listing.table.add({"(activation)", "", "any of 'halfwave list activations'"});
  return listing;
}

Listing list_networks() {
  Listing listing{TextTable({{"name"}, {"line"}, {"what it is"}})};
  for (const NamedNetwork& network : named_networks()) {
    listing.table.add({std::string(network.name), std::string(network.line), std::string(network.help)});
    listing.items.push_back({{"name", network.name}, {"line", network.line}, {"help", network.help}});
  }
  return listing;
}

Listing list_data() {
  Listing listing{TextTable({{"name"}, {"kind"}, {"train + test", Align::right}, {"what it is"}})};
  for (const DataInfo& data : named_datasets()) {
    listing.table.add({data.name, data.kind, data.size, data.description});
    listing.items.push_back(
        {{"name", data.name}, {"kind", data.kind}, {"size", data.size}, {"description", data.description}});
  }
  return listing;
}

Listing list_augmentations() {
  Listing listing{TextTable({{"name"}, {"number"}, {"what it does"}})};
  for (const Augmentation& kind : augmentations()) {
    listing.table.add({std::string(kind.name), std::string(kind.number), std::string(kind.help)});
    Json item{{"name", kind.name}, {"help", kind.help}, {"number", nullptr}};
    if (!kind.number.empty())
      item["number"] = {{"help", kind.number}, {"low", kind.low}, {"high", kind.high}};
    listing.items.push_back(std::move(item));
  }
  return listing;
}

Listing list_findings() {
  Listing listing{TextTable({{"name"}, {"needs"}, {"what it is"}})};
  for (const FindingKind& kind : finding_kinds()) {
    listing.table.add({std::string(kind.name), kind.needs_data ? "data" : "", std::string(kind.help)});
    listing.items.push_back({{"name", kind.name}, {"help", kind.help}, {"needs_data", kind.needs_data}});
  }
  return listing;
}

Listing list_remedies() {
  Listing listing{TextTable({{"name"}, {"answers"}, {"what it does"}})};
  for (const RemedyInfo& remedy : remedies()) {
    listing.table.add({remedy.name, fmt::format("{}", fmt::join(remedy.answers, ", ")), remedy.help});
    listing.items.push_back({{"name", remedy.name}, {"help", remedy.help}, {"answers", remedy.answers}});
  }
  return listing;
}

/// "Clip" with the opsets that changed it: 1, 6, 11, 12, 13.
Listing list_operators() {
  Listing listing{TextTable({{"name"}, {"family"}, {"forms since opset"}})};
  for (const OperatorFamily& family : operator_families()) {
    std::map<std::string_view, std::set<std::int64_t>> forms;
    for (const Operator& op : family.declared()) forms[op.name].insert(op.since);
    for (const auto& [name, opsets] : forms) {
      listing.table.add(
          {std::string(name), std::string(family.name), fmt::format("{}", fmt::join(opsets, ", "))});
      listing.items.push_back({{"name", name}, {"family", family.name}, {"opsets", opsets}});
    }
  }
  return listing;
}

template <std::vector<std::string> (*names)()>
Listing list_names() {
  Listing listing{TextTable(std::vector<TextTable::Column>{{"name"}})};
  for (const std::string& name : names()) {
    listing.table.add({name});
    listing.items.push_back({{"name", name}});
  }
  return listing;
}

struct ListKind {
  std::string_view name, help;
  Listing (*make)();
  std::string_view alias = {};
};

constexpr ListKind kKinds[] = {
    {"activations", "what --activation and --net take: formula, parameters, properties, ONNX form",
     list_activations},
    {"layers", "what a network line (--net) is made of", list_layers},
    {"networks", "networks with a name, for --net", list_networks},
    {"data", "data sets with a name, for DATA", list_data},
    {"operators", "ONNX operators that model files may use", list_operators},
    {"findings", "what inspect can find", list_findings},
    {"remedies", "what inspect --heal tries", list_remedies},
    {"augmentations", "what --augment is made of", list_augmentations},
    {"optimisers", "for --optimiser", list_names<optimiser_names>, "optimizers"},
    {"schedules", "for --schedule", list_names<schedule_names>},
    {"losses", "for --loss", list_names<loss_names>},
    {"initialisations", "for --init", list_names<initialisation_names>, "initializations"},
};

const ListKind& find_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const ListKind& kind : kKinds) {
    if (name == kind.name || (!kind.alias.empty() && name == kind.alias)) return kind;
    names.emplace_back(kind.name);
  }
  throw usage_error(fmt::format("There is no list of '{}'.{} There are lists of {}.", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

Listing list_of_lists() {
  Listing listing{TextTable({{"list"}, {"what it is"}})};
  for (const ListKind& kind : kKinds) {
    listing.table.add({std::string(kind.name), std::string(kind.help)});
    listing.items.push_back({{"name", kind.name}, {"help", kind.help}});
  }
  return listing;
}

class ListCommand : public Command {
 public:
  ListCommand() : Command("list", "What there is, from the declarations that the code uses.") {
    line.argument(
        "WHAT", what_,
        "activations, layers, networks, data, operators, findings, remedies, augmentations, optimisers, "
        "schedules, losses "
        "or initialisations; else the lists that there are",
        false);
    line.group("Output");
    declare_common();
  }

  int run(Console& console, std::span<const std::string>) override {
    if (what_ == "reference") {  // docs/cli.md, for who writes it
      console.result(reference_markdown());
      return 0;
    }
    const ListKind* kind = what_.empty() ? nullptr : &find_kind(what_);
    const Listing listing = kind != nullptr ? kind->make() : list_of_lists();
    if (console.json()) {
      console.object(
          {{"command", "list"}, {"what", kind != nullptr ? kind->name : "lists"}, {"items", listing.items}});
    } else {
      // One line an item for grep and its like; a terminal gets lines that fit it.
      constexpr std::size_t kUnbroken = std::numeric_limits<std::size_t>::max();
      console.result(listing.table.text(console.result_on_terminal() ? console.result_width() : kUnbroken));
    }
    return 0;
  }

 private:
  std::string what_;
};

}  // namespace

std::unique_ptr<Command> make_list_command() { return std::make_unique<ListCommand>(); }

}  // namespace halfwave::cli
