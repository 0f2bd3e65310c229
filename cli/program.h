#pragma once
#include <string>
#include <vector>

namespace halfwave::cli {

/// The program: words[0] is its own name. Returns the exit code: 0 done, else the ErrorKind.
int run_program(const std::vector<std::string>& words);

/// docs/cli.md, from the declarations of the commands.
std::string reference_markdown();

}  // namespace halfwave::cli
