#pragma once
#include <filesystem>
#include <string>

#include "layers/skipping.h"

namespace halfwave {

/// Where this user's measured table is kept: halfwave/crossovers.json in $XDG_CACHE_HOME or ~/.cache; an
/// empty path where neither is known.
std::filesystem::path crossover_path();

/// What a table belongs to: processor and instruction set, e.g. "AMD EPYC (family 25, model 17), AVX-512".
std::string crossover_machine();

/// Writes the table as JSON, whole or not at all; folders are made where they are missing. Throws Error
/// (input) that names the file and the system's reason.
void write_crossovers(const std::filesystem::path& path, const Crossovers& table);

/// Throws Error (input) that names the file, and place or key, where it is no table of this format and this
/// machine: nothing of it is trusted.
Crossovers read_crossovers(const std::filesystem::path& path);

}  // namespace halfwave
