#pragma once
#include <halfwave/compare.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave::cli {

/// A comparison and what belongs to it.
struct CompareReport {
  const Comparison& comparison;
  nlohmann::ordered_json data = {};     ///< as data_json gives it
  nlohmann::ordered_json options = {};  ///< of the data, of training and of comparing, as given
  std::vector<Variation> over = {};
  std::string command_line = {};
  std::string store = {};  ///< "": none
  std::string page = {};   ///< the file of the report; "": none
  int threads = 1;         ///< that were to be used in all
  std::vector<std::string> warnings = {};
};

/// A score as people read it: its name, what it is multiplied by, and its unit.
struct ScoreWords {
  std::string name;  ///< "test accuracy", "test RMSE", "train accuracy" or "loss"
  double unit = 1.0;
  std::string suffix;  ///< " %" or ""
  int decimals = 1;    ///< where no error says how many there are to be
};
ScoreWords score_words(std::string_view metric);

/// Units of a run's hidden layers: all layers with weights but the last.
std::size_t hidden_units(const ComparedRun& run);

/// A variant in a line, when it is through: "relu: learning rate 0.003, test accuracy 71.2 ± 0.8 %".
std::string variant_line(const ComparedVariant& variant, double learning_rate, const ScoreWords& words);

/// The result for people, in lines of at most `width` columns: scores, what training was like, the search for
/// learning rates, and the verdict.
std::string compare_text(const Comparison& comparison, std::size_t width);

/// How long it took, and where runs and report are.
std::string places_text(const CompareReport& report, std::size_t width);

}  // namespace halfwave::cli
