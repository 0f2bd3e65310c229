#include <map>

#include "recognise/layer_builder.h"

namespace halfwave {

Rule find_rule(std::string_view op) {
  static const std::map<std::string_view, Rule> all = [] {
    std::map<std::string_view, Rule> rules;
    for (const auto family :
         {rules_of_moves, rules_of_products, rules_of_windows, rules_of_channels, rules_of_joins})
      for (const auto& [name, rule] : family()) rules[name] = rule;
    return rules;
  }();
  const auto found = all.find(op);
  return found == all.end() ? nullptr : found->second;
}

}  // namespace halfwave
