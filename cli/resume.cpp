#include "resume.h"

#include <vector>

#include "text.h"

namespace halfwave::cli {

std::string default_checkpoint(const std::string& model_path) {
  constexpr std::string_view kEnding = ".onnx";
  std::string stem = model_path;
  if (stem.size() > kEnding.size() && stem.ends_with(kEnding)) stem.resize(stem.size() - kEnding.size());
  return stem + ".checkpoint";
}

std::string resume_command(std::span<const std::string> words, const std::string& checkpoint,
                           bool has_resume) {
  std::vector<std::string> line(words.begin(), words.end());
  if (!checkpoint.empty()) line.insert(line.end(), {"--checkpoint", checkpoint});
  if (!has_resume) line.emplace_back("--resume");
  return shell_line(line);
}

}  // namespace halfwave::cli
