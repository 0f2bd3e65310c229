#include "training_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/network.h"

namespace halfwave::cli {
namespace {

/// The options of TrainOptions::visit under headings: each heading begins at the option named here.
struct Heading {
  std::string_view option, text;
};
constexpr Heading kHeadings[] = {{"net", "Network"},
                                 {"epochs", "Training"},
                                 {"optimiser", "Optimiser"},
                                 {"schedule", "Schedule"},
                                 {"seed", "Run"}};

}  // namespace

bool keeps_one_run(std::string_view name) {
  constexpr std::string_view kNames[] = {"checkpoint", "every", "resume", "log-dir"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

void declare_training_options(CommandLine& line, TrainOptions& options,
                              bool (*left_out)(std::string_view name)) {
  TrainOptions::visit(options, [&](const OptionInfo& info, auto& field) {
    for (const Heading& heading : kHeadings) {
      if (heading.option == info.name) line.group(std::string(heading.text));
    }
    if (left_out == nullptr || !left_out(info.name)) line.option(info, field);
  });
}

bool takes_activation(std::string_view net) {
  std::string_view name = net;
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  name = name.substr(0, name.find(' '));
  for (const NamedNetwork& network : named_networks())
    if (network.name == name) net = network.line;
  return net.find("activation") != std::string_view::npos;
}

std::vector<std::string> options_without_effect(const CommandLine& line, const TrainOptions& options) {
  std::vector<std::string> warnings;
  for (const std::string name : {"hidden", "activation"}) {
    if (line.given("net") && line.given(name) && !(name == "activation" && takes_activation(options.net)))
      warnings.push_back(fmt::format("--{} has no effect: --net names the whole network.", name));
  }
  return warnings;
}

}  // namespace halfwave::cli
