#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "core/file.h"

namespace halfwave {

/// Fetches what an address (http, https or file) holds, at most `limit` bytes. It waits `connect_seconds` for
/// a connection, and gives up when nothing has come for half a minute. `progress(done, total)`: bytes; total
/// 0: unknown. Throws Error (input) with the address and the reason.
Bytes download(const std::string& address, std::uint64_t limit, long connect_seconds,
               const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace halfwave
