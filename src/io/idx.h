#pragma once
#include <filesystem>

#include "io/parts.h"

namespace halfwave {

/// Reads an IDX file, compressed or not (yann.lecun.com/exdb/mnist: two zero bytes, the element type, the
/// number of dimensions, the dimensions and the elements, all big endian). Throws Error (input).
Array read_idx(const std::filesystem::path& path, ArrayUse use);

/// Does the folder hold IDX files of training images under one of the usual names?
bool has_idx(const std::filesystem::path& folder);

/// The MNIST-like folder: train-images-idx3-ubyte and train-labels-idx1-ubyte, t10k-… for the test part, with
/// '-' or '.' before "idx" and with or without ".gz".
Parts read_idx_folder(const std::filesystem::path& folder, Needed needed);

}  // namespace halfwave
