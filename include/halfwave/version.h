#pragma once

namespace halfwave {

/// The version of the library in use, as "major.minor.patch".
const char* version() noexcept;

}  // namespace halfwave
