#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/option_text.h"

namespace halfwave::cli {

/// An option of a command, as its one declaration (OptionInfo and the field's default) gives it.
struct Flag {
  std::string group;  ///< heading in help
  OptionInfo info;
  std::vector<std::string> aliases;  ///< without dashes; one letter: "-o"
  std::string placeholder;           ///< "" for a switch
  std::string default_text;
  bool is_default_on = false;  ///< a switch that is on unless told otherwise
  bool repeats = false;        ///< may be given several times; else the last one counts
  std::function<void(const std::string&)> set = {};
  bool given = false;

  bool is_switch() const { return placeholder.empty(); }
  /// "-o, --out TEXT", "--[no-]header"
  std::string usage() const;
};

struct Argument {
  std::string name, help;
  std::string* field;
  bool required;
};

/// The command line of one command: declared once, from it come parsing, help and the reference in
/// docs/cli.md.
class CommandLine {
 public:
  CommandLine(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}

  void argument(std::string name, std::string& field, std::string help, bool required = true);
  /// Options that follow stand under this heading.
  void group(std::string heading) { group_ = std::move(heading); }
  /// The field's value is the default and must outlive this object.
  template <class T>
  void option(const OptionInfo& info, T& field) {
    Flag flag{group_, info, aliases_of(info.name), placeholder(field), text_of(field)};
    flag.is_default_on = flag.is_switch() && flag.default_text == "on";
    flag.repeats = std::is_same_v<T, std::vector<std::string>>;
    flag.set = [info, &field](const std::string& text) { set_from_text(info, text, field); };
    flags_.push_back(std::move(flag));
  }

  /// Sets the fields from the words after the command's name. False: only help was asked for. Throws Error
  /// (usage).
  bool parse(std::span<const std::string> words);
  /// Whether an option stood on the command line.
  bool given(std::string_view name) const;

  /// Help in lines of at most `width` columns.
  std::string help(std::size_t width) const;
  /// The command's section of docs/cli.md.
  std::string markdown() const;

 private:
  static std::vector<std::string> aliases_of(std::string_view name);
  std::string usage() const;
  std::vector<std::string> long_names() const;
  void check_extras(const std::vector<std::string>& extras) const;

  std::string name_, summary_, group_;
  std::vector<Argument> arguments_;
  std::vector<Flag> flags_;
};

}  // namespace halfwave::cli
