#pragma once
#include <span>
#include <string>

namespace halfwave::cli {

/// Where an interrupted run is saved when the user named no folder: beside the model, "a/b.onnx" ->
/// "a/b.checkpoint".
std::string default_checkpoint(const std::string& model_path);

/// The user's command line, quoted for a shell, with what is missing to go on: --checkpoint where a folder is
/// given here, and --resume unless it is there already.
std::string resume_command(std::span<const std::string> words, const std::string& checkpoint,
                           bool has_resume);

}  // namespace halfwave::cli
