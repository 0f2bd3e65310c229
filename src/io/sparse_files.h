#pragma once
#include <halfwave/model.h>

#include <filesystem>
#include <span>
#include <string>

namespace halfwave {

/// Writes a sparse matrix as scipy.sparse.save_npz does (an `.npz` of format, shape, data, indices and
/// indptr), in compressed sparse rows; scipy.sparse.load_npz reads it. Whole or not at all; throws Error
/// (input) where that fails.
void write_csr_npz(const std::filesystem::path& path, const SparseRows& rows);

/// Writes the rows as LIBSVM's text, "label index:value …": indices from 1, a label a row, or 0 where
/// `labels` is empty. Whole or not at all; throws Error (input) where that fails.
void write_libsvm(const std::filesystem::path& path, const SparseRows& rows,
                  std::span<const std::string> labels);

}  // namespace halfwave
