#pragma once
#include <cstdint>
#include <span>

namespace halfwave::test {

/// Reads bytes as a model file, and where they are one computes its graph and its network on zeros, writes it
/// and reads that again. An Error about the input is what bad files are to give; anything else escapes, for
/// the fuzzer and the tests to find.
void try_model(std::span<const std::uint8_t> bytes);

}  // namespace halfwave::test
