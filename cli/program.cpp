#include "program.h"

#include <fmt/format.h>
#include <halfwave/bench.h>
#include <halfwave/error.h>
#include <halfwave/version.h>

#include <algorithm>
#include <exception>
#include <new>
#include <nlohmann/json.hpp>

#include "command.h"
#include "core/suggest.h"
#include "table.h"

namespace halfwave::cli {
namespace {

constexpr CommandInfo kCommands[] = {
    {"train", "train a network on data and write it as an ONNX file", make_train_command, true},
    {"compare",
     "the same network in several variants, with error bars: which activation, which initialisation, ...",
     make_compare_command, true},
    {"run", "predictions of a model, and how good they are where the data have labels", make_run_command,
     true},
    {"inspect", "what is wrong with a network: its layers and weights, and what its units do on data",
     make_inspect_command, true},
    {"bench", "speed of this machine, of dense and zero-skipping products, and of a model layer by layer",
     make_bench_command, true},
    {"list", "what there is: activations, layers, networks, data, optimisers, ...", make_list_command},
};

constexpr std::string_view kExamples =
    "Examples\n"
    "  halfwave train mnist1d\n"
    "  halfwave train house.csv --target price --hidden 64,64 -o house.onnx\n"
    "  halfwave train fashion-mnist --net \"dense 256, relu, dropout 0.2, dense\" --epochs 10\n"
    "  halfwave compare mnist1d --over activation=relu,tanh --report report.html\n"
    "  halfwave run house.onnx more.csv --out predictions.csv\n"
    "  halfwave inspect house.onnx more.csv\n"
    "  halfwave bench house.onnx more.csv\n"
    "  halfwave list activations\n";

constexpr std::string_view kExitCodes =
    "Exit codes: 0 done, 1 a fault in Halfwave, 2 wrong usage, 3 unreadable or wrong input, 4 training "
    "diverged,\n"
    "5 the answer is \"no\", 130 interrupted.\n";

std::string program_help(std::size_t width) {
  TextTable table({{}, {}}, "  ");
  for (const CommandInfo& command : kCommands)
    table.add({std::string(command.name), std::string(command.help)});
  return fmt::format(
      "Halfwave: rectifier networks on CPUs, at the speed of their zeros.\n\n"
      "Usage: halfwave COMMAND ... [options]\n\nCommands\n{}"
      "\n'halfwave COMMAND --help' shows the options of a command, 'halfwave --version' the version.\n\n{}",
      table.text(width), kExamples);
}

const CommandInfo& find_command(const std::string& name) {
  for (const CommandInfo& command : kCommands) {
    if (command.name == name) return command;
  }
  std::vector<std::string> names{"--help", "--version"};
  for (const CommandInfo& command : kCommands) names.emplace_back(command.name);
  const char* what = name.starts_with('-') ? "option" : "command";
  throw usage_error(
      fmt::format("There is no {} '{}'.{} See 'halfwave --help'.", what, name, did_you_mean(name, names)));
}

int dispatch(const std::vector<std::string>& words) {
  Console console;
  const std::string first = words.size() > 1 ? words[1] : "";
  if (first == "--help" || first == "-h" || first == "help") {
    console.result(program_help(console.result_width()));
    return 0;
  }
  if (first == "--version") {
    console.result(fmt::format("halfwave {}", version()));
    return 0;
  }
  if (first.empty()) throw usage_error("What is to be done? See 'halfwave --help'.");

  const CommandInfo& info = find_command(first);
  const std::unique_ptr<Command> command = info.make();
  if (!command->line.parse(std::span(words).subspan(2))) {
    console.result(command->line.help(console.result_width()));
    return 0;
  }
  Console own(command->common.json, command->common.quiet);
  if (info.computes) {
    const Calibration loaded = load_calibration();
    if (!loaded.warning.empty()) own.warning(loaded.warning);
  }
  return command->run(own, words);
}

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::fault:
      return "fault";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::input:
      return "input";
    case ErrorKind::diverged:
      return "diverged";
    case ErrorKind::no:
      return "no";
  }
  return "fault";
}

int report(const std::vector<std::string>& words, ErrorKind kind, const std::string& message) {
  Console console;
  console.error(message);
  // The command line itself may be what is wrong, so the flag is looked for in its words.
  if (std::find(words.begin(), words.end(), "--json") != words.end()) {
    nlohmann::ordered_json object;
    object["command"] = words.size() > 1 && !words[1].starts_with('-') ? words[1] : "";
    object["error"] = {{"kind", kind_name(kind)}, {"message", message}};
    try {
      console.object(object);
    } catch (const Error&) {  // standard output is closed or full, which may be the error itself
    }
  }
  return static_cast<int>(kind);
}

}  // namespace

std::span<const CommandInfo> commands() { return kCommands; }

int run_program(const std::vector<std::string>& words) {
  try {
    return dispatch(words);
  } catch (const Error& error) {
    return report(words, error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return report(words, ErrorKind::fault,
                  "There is not enough memory. A smaller network, batch or data set needs less.");
  } catch (const std::exception& error) {
    return report(words, ErrorKind::fault,
                  fmt::format("A fault in Halfwave {}: {}. Please report it with this command line.",
                              version(), error.what()));
  }
}

std::string reference_markdown() {
  std::string text = fmt::format(
      "# The command line\n\n"
      "Made from the declarations of the options; `halfwave list reference > docs/cli.md` makes it anew.\n\n"
      "    halfwave COMMAND ... [options]\n    halfwave --help\n    halfwave COMMAND --help\n    halfwave "
      "--version\n\n"
      "{}\nSwitches are turned off with `--no-...`. Where an option is given twice, the last one counts.\n"
      "The JSON of each command is described in [json.md](json.md).\n\n",
      kExitCodes);
  for (const CommandInfo& command : kCommands) text += command.make()->line.markdown();
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace halfwave::cli
