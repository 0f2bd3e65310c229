#pragma once
#include <halfwave/train.h>

#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"

namespace halfwave::cli {

/// Whether an option is about keeping a single run: comparisons keep theirs in a store.
bool keeps_one_run(std::string_view name);

/// Declares the options of training under their headings; not those whose name `left_out` holds for.
void declare_training_options(CommandLine& line, TrainOptions& options,
                              bool (*left_out)(std::string_view name) = nullptr);

/// Whether a network line, or a named network, leaves its activations to --activation.
bool takes_activation(std::string_view net);

/// Of --hidden and --activation beside a --net that has no use for them.
std::vector<std::string> options_without_effect(const CommandLine& line, const TrainOptions& options);

}  // namespace halfwave::cli
