#pragma once
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace halfwave {

using Bytes = std::vector<std::uint8_t>;

/// Whether there is a file, folder or link to one; false also where that cannot be found out.
bool is_there(const std::filesystem::path& path);

/// The whole file. Throws Error (input) that names the file and the system's reason.
Bytes read_file(const std::filesystem::path& path);

/// An empty file that was just made, open for writing; the caller closes it. -1: none could be made, errno
/// says why.
struct NewFile {
  int descriptor = -1;
  std::filesystem::path path;
};
/// Makes a file in the folder of `path` whose name begins with it and is no other file's, not even one that
/// an earlier process left behind.
NewFile create_beside(const std::filesystem::path& path);

/// Puts the parts, one after the other, into the file so that it has either its old or its whole new
/// contents, whatever happens: a temporary file in the same folder, fsync, rename, fsync of the folder. On
/// failure the temporary file is removed and the old file is intact. A link is followed; what is no regular
/// file (a pipe, /dev/stdout) is written to. Throws Error (input) that names the file and the system's reason
/// (permission, no space left, …).
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::uint8_t>> parts);
inline void write_file_atomically(const std::filesystem::path& path,
                                  std::initializer_list<std::span<const std::uint8_t>> parts) {
  write_file_atomically(path, std::span(parts.begin(), parts.size()));
}
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace halfwave
