#pragma once
#include <filesystem>

#include "io/parts.h"

namespace halfwave {

/// Reads an array in NumPy's format (numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions
/// 1 to 3): booleans, integers, floats and text, of either byte order, in C or Fortran order. Throws Error
/// (input).
Array read_npy(ByteSource& source, ArrayUse use);

/// A `.npy` of inputs. For training it needs its labels beside it: y.npy beside x.npy or X.npy (y_train.npy
/// beside x_train.npy); x_test.npy and y_test.npy are the test part.
Parts read_npy_siblings(const std::filesystem::path& inputs, Needed needed);

/// The inputs of such a folder (x.npy, X.npy, x_train.npy, X_train.npy), or an empty path.
std::filesystem::path find_npy_inputs(const std::filesystem::path& folder);

}  // namespace halfwave
