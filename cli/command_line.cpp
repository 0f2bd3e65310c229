#include "command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <halfwave/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/suggest.h"
#include "table.h"

namespace halfwave::cli {
namespace {

/// Other names of options: short ones, other spellings, and what people are used to from elsewhere.
struct Alias {
  std::string_view name, alias;
};
constexpr Alias kAliases[] = {
    {"batch", "batch-size"}, {"init", "initialisation"},     {"init", "initialization"},
    {"learning-rate", "lr"}, {"optimiser", "optimizer"},     {"out", "o"},
    {"quiet", "q"},          {"standardise", "standardize"},
};

std::string dashed(std::string_view name) { return fmt::format("{}{}", name.size() == 1 ? "-" : "--", name); }

/// An option's names as CLI11 takes them; '!' marks those that turn a switch off.
std::string parser_names(const Flag& flag) {
  std::vector<std::string> names{flag.info.name};
  names.insert(names.end(), flag.aliases.begin(), flag.aliases.end());
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ",") + dashed(name);
    if (flag.is_switch() && name.size() > 1) text += ",!--no-" + name;
  }
  return text;
}

/// What help says after the description.
std::string default_note(const Flag& flag) {
  if (flag.default_text.empty() || (flag.is_switch() && !flag.is_default_on)) return "";
  return fmt::format(" [{}]", flag.default_text);
}

std::string choices_note(const Flag& flag) {
  return flag.info.choices.empty() ? "" : fmt::format(" ({})", fmt::join(flag.info.choices, ", "));
}

/// CLI11's messages begin with the name of the option.
Error parser_error(const CLI::ParseError& error) {
  const std::string text = error.what(), name = text.substr(0, text.find(':'));
  if (error.get_name() == "ArgumentMismatch") return usage_error(name + " needs a value.");
  return usage_error(text);
}

}  // namespace

std::string Flag::usage() const {
  std::string text;
  for (const std::string& alias : aliases) {
    if (alias.size() == 1) text += dashed(alias) + ", ";
  }
  text += is_default_on ? "--[no-]" + info.name : "--" + info.name;
  return is_switch() ? text : text + " " + placeholder;
}

std::vector<std::string> CommandLine::aliases_of(std::string_view name) {
  std::vector<std::string> aliases;
  for (const Alias& alias : kAliases) {
    if (alias.name == name) aliases.emplace_back(alias.alias);
  }
  return aliases;
}

void CommandLine::argument(std::string name, std::string& field, std::string help, bool required) {
  arguments_.push_back({std::move(name), std::move(help), &field, required});
}

bool CommandLine::given(std::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(),
                     [&](const Flag& f) { return f.info.name == name && f.given; });
}

std::vector<std::string> CommandLine::long_names() const {
  std::vector<std::string> names{"--help"};
  for (const Flag& flag : flags_) {
    names.push_back("--" + flag.info.name);
    if (flag.is_switch()) names.push_back("--no-" + flag.info.name);
  }
  return names;
}

void CommandLine::check_extras(const std::vector<std::string>& extras) const {
  const auto flag =
      std::find_if(extras.begin(), extras.end(), [](const auto& e) { return e.starts_with('-'); });
  if (flag != extras.end()) {
    const std::string name = flag->substr(0, flag->find('='));
    throw usage_error(fmt::format("{} has no option '{}'.{} See 'halfwave {} --help'.", name_, name,
                                  did_you_mean(name, long_names()), name_));
  }
  for (const Argument& argument : arguments_) {
    if (argument.required && argument.field->empty())
      throw usage_error(fmt::format("{} needs {}: {}", name_, argument.name, argument.help));
  }
  if (!extras.empty())
    throw usage_error(fmt::format("'{}' is one word too many. Usage: {}", extras.front(), usage()));
}

bool CommandLine::parse(std::span<const std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool help_wanted = false;
  app.add_flag("-h,--help", help_wanted);
  for (const Argument& argument : arguments_) app.add_option(argument.name, *argument.field);
  std::vector<std::vector<std::string>> values(flags_.size());
  std::vector<CLI::Option*> options;
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    const std::string names = parser_names(flags_[i]);
    options.push_back(flags_[i].is_switch() ? app.add_flag(names) : app.add_option(names, values[i]));
    if (!flags_[i].is_switch()) options.back()->type_size(1)->allow_extra_args(false);
    options.back()->multi_option_policy(flags_[i].repeats ? CLI::MultiOptionPolicy::TakeAll
                                                          : CLI::MultiOptionPolicy::TakeLast);
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (const CLI::ParseError& error) {
    throw parser_error(error);
  }
  if (help_wanted) return false;
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    flags_[i].given = options[i]->count() > 0;
    // CLI11 takes the next word whatever it is.
    for (const std::string& value : values[i])
      if (value.starts_with("--")) throw usage_error(fmt::format("--{} needs a value.", flags_[i].info.name));
  }
  check_extras(app.remaining());
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    if (!flags_[i].given) continue;
    if (flags_[i].is_switch()) values[i] = {options[i]->results().back()};
    for (const std::string& value : values[i]) flags_[i].set(value);
  }
  return true;
}

std::string CommandLine::usage() const {
  std::string text = "halfwave " + name_;
  for (const Argument& argument : arguments_)
    text += (argument.required ? " " : " [") + argument.name + (argument.required ? "" : "]");
  return text + " [options]";
}

std::string CommandLine::help(std::size_t width) const {
  std::string text = fmt::format("{}\n\nUsage: {}\n\n", summary_, usage());
  TextTable arguments({{}, {}}, "  ");
  for (const Argument& argument : arguments_) arguments.add({argument.name, argument.help});
  text += arguments.text(width);
  // One table for all groups would align them with the longest option of all; each group has its own.
  for (std::size_t i = 0; i < flags_.size();) {
    const std::string group = flags_[i].group;
    TextTable table({{}, {}}, "  ");
    for (; i < flags_.size() && flags_[i].group == group; ++i)
      table.add({flags_[i].usage(), flags_[i].info.help + choices_note(flags_[i]) + default_note(flags_[i])});
    text += fmt::format("\n{}\n{}", group, table.text(width));
  }
  return text;
}

std::string CommandLine::markdown() const {
  const auto cell = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
      text.insert(at, 1, '\\');
    return text;
  };
  std::string text = fmt::format("## `halfwave {}`\n\n{}\n\n    {}\n\n", name_, summary_, usage());
  for (const Argument& argument : arguments_)
    text += fmt::format("- `{}`: {}\n", argument.name, argument.help);
  std::string group;
  for (const Flag& flag : flags_) {
    if (flag.group != group)
      text += fmt::format("\n### {}\n\n| option | default | meaning |\n| --- | --- | --- |\n", flag.group);
    group = flag.group;
    std::string names = fmt::format("`{}`", flag.usage());
    for (const std::string& alias : flag.aliases) {
      if (alias.size() > 1) names += fmt::format(", `{}`", dashed(alias));
    }
    std::string meaning = flag.info.help + choices_note(flag);
    if (!flag.is_switch() && !range_text(flag.info).empty())
      meaning += fmt::format("; {}", range_text(flag.info));
    text +=
        fmt::format("| {} | {} | {} |\n", names,
                    flag.default_text.empty() ? "" : fmt::format("`{}`", flag.default_text), cell(meaning));
  }
  return text + "\n";
}

}  // namespace halfwave::cli
