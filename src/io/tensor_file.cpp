#include "io/tensor_file.h"

#include <fmt/format.h>
#include <halfwave/error.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file.h"

namespace halfwave {
namespace {

using Json = nlohmann::ordered_json;

std::uint32_t checksum(std::uint32_t crc, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return crc;  // zlib would take a null pointer as "begin anew"
  return static_cast<std::uint32_t>(crc32_z(crc, bytes.data(), bytes.size()));
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <class Number>
void copy_entry(const TensorFile& tensors, const std::string& name, const char* type,
                std::span<Number> numbers, const std::string& file) {
  for (const TensorFile::Entry& entry : tensors.entries)
    if (entry.name == name) {
      if (entry.type != type || entry.bytes.size() != numbers.size_bytes())
        throw input_error(fmt::format("{}: tensor '{}' has {} bytes of {}; {} of {} are needed.", file, name,
                                      entry.bytes.size(), entry.type, numbers.size_bytes(), type));
      if (!numbers.empty()) std::memcpy(numbers.data(), entry.bytes.data(), entry.bytes.size());
      return;
    }
  throw input_error(fmt::format("{}: there is no tensor '{}'.", file, name));
}

Error damaged(const std::filesystem::path& path, const std::string& what) {
  return input_error(fmt::format("{}: {}. The file is damaged.", path.string(), what));
}

}  // namespace

void TensorFile::read_into(const std::string& name, std::span<float> numbers, const std::string& file) const {
  copy_entry(*this, name, "F32", numbers, file);
}

void TensorFile::read_into(const std::string& name, std::span<std::uint32_t> numbers,
                           const std::string& file) const {
  copy_entry(*this, name, "U32", numbers, file);
}

void write_tensor_file(const std::filesystem::path& path, const std::string& text,
                       std::span<const TensorView> tensors) {
  Json header;
  std::uint32_t crc = checksum(0, bytes_of(text));
  std::vector<std::span<const std::uint8_t>> parts(2);  // length and header come first, when they are known
  std::size_t offset = 0;
  for (const TensorView& tensor : tensors) {
    const std::size_t end = offset + tensor.bytes.size();
    header[tensor.name] = {
        {"dtype", tensor.type}, {"shape", {tensor.bytes.size() / 4}}, {"data_offsets", {offset, end}}};
    crc = checksum(crc, tensor.bytes);
    parts.push_back(tensor.bytes);
    offset = end;
  }
  header["__metadata__"] = {{"text", text}, {"crc32", fmt::format("{:08x}", crc)}};
  std::string head = header.dump();
  head.resize((head.size() + 7) / 8 * 8, ' ');
  std::uint8_t length[8];
  for (std::size_t i = 0; i < 8; ++i)
    length[i] = static_cast<std::uint8_t>(std::uint64_t{head.size()} >> (8 * i));
  parts[0] = length;
  parts[1] = bytes_of(head);
  write_file_atomically(path, parts);
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path);
  if (bytes.size() < 8) throw damaged(path, "it is shorter than its header");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) length |= std::uint64_t{bytes[i]} << (8 * i);
  if (length > bytes.size() - 8) throw damaged(path, "its header is longer than the file");
  const std::span<const std::uint8_t> data = std::span(bytes).subspan(8 + length);
  TensorFile file;
  try {
    const Json header =
        Json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
    const Json& metadata = header.at("__metadata__");
    file.text = metadata.at("text").get<std::string>();
    const std::uint32_t crc = checksum(checksum(0, bytes_of(file.text)), data);
    if (metadata.at("crc32").get<std::string>() != fmt::format("{:08x}", crc))
      throw damaged(path, "its checksum is wrong");
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") continue;
      const Json &first = entry.at("data_offsets").at(0), &last = entry.at("data_offsets").at(1);
      const bool whole = first.is_number_unsigned() && last.is_number_unsigned();
      const std::uint64_t begin = whole ? first.get<std::uint64_t>() : 0,
                          end = whole ? last.get<std::uint64_t>() : 0;
      if (!whole || begin > end || end > data.size())
        throw damaged(path, fmt::format("tensor '{}' lies outside of it", name));
      file.entries.push_back({name,
                              entry.at("dtype").get<std::string>(),
                              {data.begin() + static_cast<std::ptrdiff_t>(begin),
                               data.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
  } catch (const nlohmann::json::exception& e) {
    throw damaged(path, fmt::format("its header cannot be read ({})", e.what()));
  }
  return file;
}

}  // namespace halfwave
