#pragma once
#include <halfwave/dataset.h>
#include <halfwave/options.h>

namespace halfwave::cli {

/// Declarations of the DataOptions that say how a file is read, whether or not there is a model already.
template <class Self, class Visitor>
void visit_reading_options(Self& self, Visitor&& v) {
  v(OptionInfo{"header", "tables: the first row names the columns"}, self.header);
}

/// Declarations of the DataOptions that have a flag; the seed has one among the options of the run.
template <class Self, class Visitor>
void visit_data_options(Self& self, Visitor&& v) {
  constexpr double kLargestShare = 0.99, kManyExamples = 1e15;
  v(OptionInfo{"test",
               "a file with the separate test part; split: leave the data's own test part alone and split "
               "one off the "
               "training part"},
    self.test);
  v(
      OptionInfo{
          "target",
          "tables: the target column, by name or number from 0, negative from the end; else the last one"},
      self.target);
  visit_reading_options(self, v);
  v(OptionInfo{.name = "task",
               .help = "what is predicted; auto: from the target",
               .choices = {"auto", "classification", "regression"}},
    self.task);
  v(OptionInfo{"validation",
               "share split off as the test part where there is none (or --test split); stratified", 0,
               kLargestShare},
    self.validation);
  v(OptionInfo{"examples",
               "train on so many examples only, drawn by the seed, of each class in proportion; the test "
               "part stays whole; 0: all",
               0, kManyExamples},
    self.examples);
}

}  // namespace halfwave::cli
