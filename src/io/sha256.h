#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace halfwave {

/// The SHA-256 checksum (FIPS 180-4) as 64 hexadecimal digits.
std::string sha256(std::span<const std::uint8_t> bytes);

}  // namespace halfwave
