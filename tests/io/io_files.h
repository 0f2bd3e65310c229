#pragma once
// Writers of the formats that the readers are tested with, and a folder that goes away with the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "halfwave/dataset.h"
#include "halfwave/error.h"

namespace halfwave::testing {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    static int number = 0;
    path_ = fs::temp_directory_path() /
            ("halfwave-io-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  /// Writes the file and returns its path.
  std::string write(const std::string& name, const std::string& contents) const {
    fs::create_directories((path_ / name).parent_path());
    fs::remove(path_ / name);  // a file that is cut and rewritten may be flushed to disk when it is closed
    std::ofstream(path_ / name, std::ios::binary)
        .write(contents.data(), static_cast<std::streamsize>(contents.size()));
    return file(name);
  }

 private:
  fs::path path_;
};

inline std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// zlib's compression of the text: windowBits 31 gzip, -15 raw deflate.
inline std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib");
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
inline std::string gzipped(const std::string& text) { return deflated(text, 31); }

/// The bytes of a number, most significant first or last.
template <class T>
std::string number_bytes(T value, bool big_endian) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  if ((std::endian::native == std::endian::big) != big_endian) bytes = {bytes.rbegin(), bytes.rend()};
  return bytes;
}
template <class T>
std::string array_bytes(const std::vector<T>& values, bool big_endian) {
  std::string bytes;
  for (const T value : values) bytes += number_bytes(value, big_endian);
  return bytes;
}

inline std::string idx(std::uint8_t type, const std::vector<std::uint32_t>& shape, const std::string& data) {
  std::string file{'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  return file + array_bytes(shape, true) + data;
}

/// A .npy of version 1; `shape` as Python writes it, e.g. "(3,)".
inline std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                       bool fortran = false) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) +
         number_bytes(static_cast<std::uint16_t>(header.size()), false) + header + data;
}

struct ZipMember {
  std::string name, contents;
  std::uint16_t method = 0, flags = 0;  ///< 0 stored, 8 deflated
};

/// A zip archive; with zip64 fields for all sizes and offsets where asked for.
inline std::string zip(const std::vector<ZipMember>& members, bool zip64 = false) {
  const auto u16 = [](std::size_t v) { return number_bytes(static_cast<std::uint16_t>(v), false); };
  const auto u32 = [](std::size_t v) { return number_bytes(static_cast<std::uint32_t>(v), false); };
  const auto u64 = [](std::size_t v) { return number_bytes(static_cast<std::uint64_t>(v), false); };
  std::string file, directory;
  for (const ZipMember& m : members) {
    const std::string data = m.method == 8 ? deflated(m.contents, -15) : m.contents;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(m.contents.data()), static_cast<uInt>(m.contents.size()));
    const std::size_t offset = file.size();
    const std::string extra =
        zip64 ? u16(1) + u16(24) + u64(m.contents.size()) + u64(data.size()) + u64(offset) : "";
    const std::string fixed = u16(m.flags) + u16(m.method) + u32(0) + u32(crc);
    file += u32(0x04034b50) + u16(20) + fixed + u32(data.size()) + u32(m.contents.size()) +
            u16(m.name.size()) + u16(0) + m.name + data;
    const std::size_t none = 0xffffffff;
    directory += u32(0x02014b50) + u16(20) + u16(20) + fixed + u32(zip64 ? none : data.size()) +
                 u32(zip64 ? none : m.contents.size()) + u16(m.name.size()) + u16(extra.size()) + u16(0) +
                 u16(0) + u16(0) + u32(0) + u32(zip64 ? none : offset) + m.name + extra;
  }
  const std::size_t start = file.size(), n = members.size();
  file += directory;
  if (zip64) {
    const std::size_t end64 = file.size();
    file += u32(0x06064b50) + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(n) + u64(n) +
            u64(directory.size()) + u64(start);
    file += u32(0x07064b50) + u32(0) + u64(end64) + u32(1);
  }
  return file + u32(0x06054b50) + u16(0) + u16(0) + u16(n) + u16(n) + u32(directory.size()) +
         u32(zip64 ? 0xffffffff : start) + u16(0);
}

inline DataOptions options_for(const std::string& source) {
  DataOptions options;
  options.source = source;
  return options;
}
inline Dataset load(const std::string& source) { return load_dataset(options_for(source)); }

inline std::vector<float> floats(const Examples& examples) {
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&examples.values))
    return {bytes->begin(), bytes->end()};
  return std::get<std::vector<float>>(examples.values);
}

/// The call throws an Error of this kind whose one line holds all of these parts.
template <class Call>
void expect_error(ErrorKind kind, const std::vector<std::string>& parts, Call&& call) {
  try {
    call();
    ADD_FAILURE() << "no error, where one was expected that says: " << ::testing::PrintToString(parts);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}
inline void expect_load_error(const std::string& source, const std::vector<std::string>& parts) {
  expect_error(ErrorKind::input, parts, [&] { load(source); });
}

}  // namespace halfwave::testing
