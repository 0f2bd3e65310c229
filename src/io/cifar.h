#pragma once
#include <filesystem>

#include "io/parts.h"

namespace halfwave {

/// Does the folder hold batches of CIFAR-10 in the binary version?
bool has_cifar(const std::filesystem::path& folder);

/// data_batch_1.bin …, test_batch.bin, compressed or not (cs.toronto.edu/~kriz/cifar.html: records of a label
/// and 3 × 32 × 32 bytes, channels first); batches.meta.txt names the classes where it is present.
Parts read_cifar_folder(const std::filesystem::path& folder, Needed needed);

/// The classes of CIFAR-10.
const std::vector<std::string>& cifar10_classes();

}  // namespace halfwave
