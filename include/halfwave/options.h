#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace halfwave {

/// What is declared of an option besides its type and default, once: flags of the command line, JSON, checks
/// and help all come from it. A struct of options has `template <class Self, class Visitor> static void
/// visit(Self&, Visitor&&)` that calls visitor(OptionInfo, field) for each of its fields.
struct OptionInfo {
  std::string name;  ///< "learning-rate": the flag without its dashes; in JSON with '_'
  std::string help;
  double low = -std::numeric_limits<double>::infinity();  ///< numbers: allowed range, both ends included
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  ///< texts: what is allowed; empty: anything
};

}  // namespace halfwave
