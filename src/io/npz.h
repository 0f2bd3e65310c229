#pragma once
#include <filesystem>

#include "io/parts.h"

namespace halfwave {

/// Reads an `.npz` archive (a zip file, also zip64, of .npy members, stored or deflated): x_train, y_train,
/// x_test and y_test, or X and y; a capital or a small x. The labels may be missing where `labels_needed` is
/// false. Throws Error (input) that names the member.
Parts read_npz(const std::filesystem::path& path, Needed needed, bool labels_needed);

}  // namespace halfwave
