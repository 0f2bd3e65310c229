#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace halfwave {

/// Named arrays of 32-bit numbers and a text, in one file in the safetensors format (8 bytes of header
/// length, a JSON header, the data), with a checksum of text and data in the header's metadata.
struct TensorFile {
  struct Entry {
    std::string name;
    std::string type;  ///< "F32" or "U32"
    std::vector<std::uint8_t> bytes;
  };
  std::string text;
  std::vector<Entry> entries;

  /// Throws Error (input) where there is no such entry, or it has another size.
  void read_into(const std::string& name, std::span<float> numbers, const std::string& file) const;
  void read_into(const std::string& name, std::span<std::uint32_t> numbers, const std::string& file) const;
};

/// What goes into an entry, without a copy.
struct TensorView {
  std::string name, type;
  std::span<const std::uint8_t> bytes;
};
inline TensorView view(std::string name, std::span<const float> numbers) {
  return {
      std::move(name), "F32", {reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size_bytes()}};
}
inline TensorView view(std::string name, std::span<const std::uint32_t> numbers) {
  return {
      std::move(name), "U32", {reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size_bytes()}};
}

/// Whole or not at all. Throws Error (input).
void write_tensor_file(const std::filesystem::path& path, const std::string& text,
                       std::span<const TensorView> tensors);
/// Throws Error (input) where the file is missing, cut short or damaged.
TensorFile read_tensor_file(const std::filesystem::path& path);

}  // namespace halfwave
