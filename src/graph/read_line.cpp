#include "graph/read_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "graph/read_layer.h"

namespace halfwave {
namespace {

constexpr std::string_view kBlanks = " \t\r", kBlanksAndLines = " \t\r\n", kBetweenItems = " \t\r\n,;";
constexpr std::string_view kStructure = ",;\n()|*";
constexpr std::string_view kResidual = "residual", kMultiply = "multiply", kInput = "input",
                           kActivation = "activation";
constexpr std::size_t kDeepest = 64, kMostRepeats = 1000, kMostLayers = 10000;

/// A single branch of it is joined with the input.
bool may_join_its_input(const Layer& layer) { return adds_branches(layer) || layer.info().name == kMultiply; }

bool is_one_of(char c, std::string_view characters) { return characters.find(c) != std::string_view::npos; }

/// By recursive descent:
///     list   = [item] { separator [item] }           separator: , ; or a new line
///     item   = { repeats '*' } ( layer | '(' list ')' )
///     layer  = words [ '(' branch { '|' branch } ')' ]
///     branch = 'input' | list
class LineReader {
 public:
  LineReader(std::string_view text, std::string_view activation)
      : text_(text),
        activation_(activation),
        alone_(text.find_first_of(kStructure) == std::string_view::npos) {}

  NetworkLine read() {
    NetworkLine line;
    read_list(line, "");
    if (next() == ')') throw here(line, "").wrong("a ')' closes nothing here.");
    if (next() == '|')
      throw here(line, "").wrong("a '|' is not between branches here, as in residual(A | B).");
    return line;
  }

 private:
  /// The next character, or 0 at the end.
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip(std::string_view characters) {
    at_ = std::min(text_.find_first_not_of(characters, at_), text_.size());
  }
  /// What stands before the next sign of the line's structure.
  std::string_view take_words() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(kStructure, at_), text_.size());
    return trimmed(text_.substr(begin, at_ - begin));
  }

  /// For messages: the layer that comes next, and the text around.
  LayerWords here(const NetworkLine& line, const std::string& before) const {
    constexpr std::size_t kBefore = 20, kShown = 30;
    const std::size_t begin = at_ - std::min(at_, kBefore);
    return {layer_place(before, line.items.size() + 1), trimmed(text_.substr(begin, kShown))};
  }

  void read_list(NetworkLine& line, const std::string& before) {
    for (;;) {
      skip(kBetweenItems);
      if (at_ == text_.size() || next() == ')' || next() == '|') return;
      read_item(line, before);
      skip(kBlanks);
      if (at_ < text_.size() && !is_one_of(next(), ")|,;\n"))
        throw here(line, before).wrong("a ',' is missing here.");
    }
  }

  void read_item(NetworkLine& line, const std::string& before) {
    const std::size_t first = line.items.size();
    std::size_t repeats = 1;
    std::string_view words = take_words();
    for (; next() == '*'; words = take_words()) {
      repeats =
          std::min(repeats * read_repeats(words, line, before), kMostLayers + 1);  // too many are too many
      ++at_;
      skip(kBlanksAndLines);
    }
    if (!words.empty()) {
      read_layer_item(words, line, before);
    } else if (next() == '(') {
      open(line, before);
      read_list(line, before);
      close(line, before);
    } else {
      throw here(line, before).wrong("a layer is missing here.");
    }
    const std::size_t end = line.items.size();
    if (end == first) throw here(line, before).wrong("there are no layers between '(' and ')'.");
    for (std::size_t r = 1; r < repeats; ++r)
      for (std::size_t i = first; i < end; ++i) line.items.push_back(copy(line.items[i]));
  }

  std::size_t read_repeats(std::string_view words, const NetworkLine& line, const std::string& before) const {
    std::size_t repeats = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), repeats);
    if (error != std::errc() || end != words.data() + words.size() || repeats < 1 || repeats > kMostRepeats)
      throw here(line, before)
          .wrong(fmt::format("'{}' is no number of repeats: before '*' there must be one from 1 to {}.",
                             words, kMostRepeats));
    return repeats;
  }

  void read_layer_item(std::string_view words, NetworkLine& line, const std::string& before) {
    const LayerWords layer{layer_place(before, line.items.size() + 1),
                           words == kActivation ? activation_ : words, alone_};
    if (words == kInput)
      throw layer.wrong("'input' is a whole branch, as in concat(conv 32 | input), and no layer.");
    NetworkLine::Item item{read_layer(layer), {}};
    count(layer);
    if (item.layer->joins() != (next() == '('))
      throw layer.wrong(
          next() == '(' ? fmt::format("{} takes no branches; before '(' there must be a ','.", words)
                        : fmt::format("{0} needs branches, as in {0}(dense 64, relu | dense 64).", words));
    if (item.layer->joins()) read_branches(item, layer);
    line.items.push_back(std::move(item));
  }

  void read_branches(NetworkLine::Item& item, const LayerWords& layer) {
    open({}, layer.place);
    do {
      count(layer);  // an empty branch has its price as well
      const std::string place = branch_place(layer.place, item.branches.size() + 1);
      NetworkLine& branch = item.branches.emplace_back();
      const std::size_t begin = at_;
      if (take_words() == kInput && is_one_of(next(), ")|")) continue;
      at_ = begin;
      read_list(branch, place);
      if (branch.items.empty() && at_ < text_.size())
        throw layer.wrong(fmt::format(
            "branch {} is empty; the word 'input' alone stands for the input itself.", item.branches.size()));
    } while (next() == '|' && ++at_);
    close({}, layer.place);
    if (item.branches.size() > 1) return;
    if (!may_join_its_input(*item.layer))
      throw layer.wrong(fmt::format("{} needs at least two branches, with '|' between them.", layer.text));
    item.branches.emplace_back();
  }

  void open(const NetworkLine& line, const std::string& before) {
    if (++depth_ > kDeepest)
      throw here(line, before).wrong(fmt::format("parentheses go deeper than {}.", kDeepest));
    ++at_;
  }
  void close(const NetworkLine& line, const std::string& before) {
    if (next() == '|')
      throw here(line, before).wrong("a '|' is not between branches here, as in residual(A | B).");
    if (next() != ')') throw here(line, before).wrong("a '(' is not closed: a ')' is missing.");
    --depth_;
    ++at_;
  }

  NetworkLine::Item copy(const NetworkLine::Item& item) {
    const Layer& layer = *item.layer;
    count({layer_place("", layers_ + 1), layer.info().name});
    NetworkLine::Item twin{layer.info().make(layer.info(), {layer.fields().begin(), layer.fields().end()}),
                           {}};
    for (const NetworkLine& branch : item.branches) {
      count({layer_place("", layers_ + 1), layer.info().name});
      NetworkLine& same = twin.branches.emplace_back();
      for (const NetworkLine::Item& inner : branch.items) same.items.push_back(copy(inner));
    }
    return twin;
  }
  void count(const LayerWords& layer) {
    if (++layers_ > kMostLayers)
      throw layer.wrong(fmt::format("the line has more than {} layers.", kMostLayers));
  }

  std::string_view text_, activation_;
  bool alone_;
  std::size_t at_ = 0, depth_ = 0, layers_ = 0;
};

}  // namespace

NetworkLine read_network_line(std::string_view text, std::string_view activation) {
  return LineReader(text, activation).read();
}

bool adds_branches(const Layer& layer) { return layer.info().name == kResidual; }

bool joins_its_input(const NetworkLine::Item& item) {
  return may_join_its_input(*item.layer) && item.branches.size() == 2 && !item.branches[0].items.empty() &&
         item.branches[1].items.empty();
}

}  // namespace halfwave
