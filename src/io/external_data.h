#pragma once
#include <onnx/onnx_pb.h>

#include <filesystem>

namespace halfwave {

/// Takes the elements that tensors of the model have in other files into the model. Only regular files in the
/// model's folder and below are read: no absolute path, no "..", no symbolic link, no file with several
/// names. Throws Error (input) naming the tensor, also where an offset or length does not fit the file or the
/// type, and where all of it is more than fits into one ONNX file (2 GiB).
void take_in_external_data(onnx::ModelProto& model, const std::filesystem::path& folder);

}  // namespace halfwave
