#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"
#include "console.h"

namespace halfwave::cli {

/// What every command takes.
struct CommonOptions {
  bool json = false;
  bool quiet = false;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& v) {
    v(OptionInfo{"json", "one JSON object on standard output; everything for people goes to standard error"},
      self.json);
    v(OptionInfo{"quiet", "no progress and no warnings; with --json nothing for people but errors"},
      self.quiet);
  }
};

/// One command of the program. Its constructor declares the command line, whose fields are its members.
class Command {
 public:
  Command(std::string name, std::string summary) : line(std::move(name), std::move(summary)) {}
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Does the job; returns the exit code. `words` is the whole command line, the program's name first.
  virtual int run(Console& console, std::span<const std::string> words) = 0;

  CommandLine line;
  CommonOptions common;

 protected:
  void declare_common() {
    CommonOptions::visit(common, [this](const OptionInfo& info, auto& field) { line.option(info, field); });
  }
};

struct CommandInfo {
  std::string_view name, help;
  std::unique_ptr<Command> (*make)();
  bool computes = false;  ///< networks: goes by the crossovers that were measured on this machine
};
/// All commands, in the order of the help.
std::span<const CommandInfo> commands();

std::unique_ptr<Command> make_train_command();
std::unique_ptr<Command> make_compare_command();
std::unique_ptr<Command> make_run_command();
std::unique_ptr<Command> make_inspect_command();
std::unique_ptr<Command> make_bench_command();
std::unique_ptr<Command> make_list_command();

/// Throws Error (input) where a file could not be written in the end: its folder is missing or not writable,
/// or it is a folder itself. Nothing is changed. option: that names the file.
void check_writable(const std::string& path, std::string_view option = "out");
/// The same for a folder of files, which need not be there yet.
void check_writable_folder(const std::string& path, std::string_view what, std::string_view option);

}  // namespace halfwave::cli
