#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "halfwave/error.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

Error system_error(const fs::path& path, const char* what) {
  const int reason = errno;
  return input_error(path.string() + ": " + what + ": " + std::generic_category().message(reason));
}

/// An open file, closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  bool open() const { return number_ >= 0; }
  /// False where the system reports that what was written did not arrive.
  bool close() { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

bool write_all(int file, std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // the system writes at most 2 GiB at once
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), std::min(bytes.size(), kMost));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_all(int file, std::span<const std::span<const std::uint8_t>> parts) {
  return std::all_of(parts.begin(), parts.end(), [&](auto part) { return write_all(file, part); });
}

void write_in_place(const fs::path& path, std::span<const std::span<const std::uint8_t>> parts) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.open()) throw system_error(path, "cannot be written");
  if (!write_all(file.get(), parts) || !file.close()) throw system_error(path, "cannot be written");
}

/// Removes the temporary file unless it was renamed.
struct Temporary {
  fs::path path;
  bool kept = false;
  ~Temporary() {
    if (!kept) ::unlink(path.c_str());
  }
};

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Bytes read_file(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) throw system_error(path, "cannot be read");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error(path, "cannot be read");
  if (S_ISDIR(status.st_mode)) throw input_error(path.string() + ": cannot be read: it is a folder");
  // One byte more than the file has, so that the end is seen without growing; pipes start at one block.
  Bytes bytes(std::max<std::size_t>(static_cast<std::size_t>(status.st_size) + 1, 4096));
  std::size_t size = 0;
  for (;;) {
    if (size == bytes.size()) bytes.resize(2 * size);
    const ssize_t n = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(path, "cannot be read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

NewFile create_beside(const fs::path& path) {
  // A process that was killed may have left its file, and its number is given out again (in a container
  // always).
  constexpr int kAttempts = 10000;
  static std::atomic<unsigned> calls{0};
  NewFile file;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    file.path = path;
    file.path += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(calls++);
    file.descriptor = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor >= 0 || errno != EEXIST) break;
  }
  return file;
}

void write_file_atomically(const fs::path& path, std::span<const std::span<const std::uint8_t>> parts) {
  std::error_code ignored;
  const fs::path target = fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored) : path;
  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode))
    throw input_error(path.string() + ": cannot be written: it is a folder");
  if (exists && !S_ISREG(old.st_mode)) return write_in_place(target, parts);

  const NewFile made = create_beside(target);
  Descriptor file(made.descriptor);
  if (!file.open()) throw system_error(path, "cannot be written");
  Temporary temporary{made.path};
  if (exists && ::fchmod(file.get(), old.st_mode & 07777) != 0) throw system_error(path, "cannot be written");
  if (!write_all(file.get(), parts) || ::fsync(file.get()) != 0 || !file.close()) {
    throw system_error(path, "cannot be written");
  }
  if (::rename(temporary.path.c_str(), target.c_str()) != 0) throw system_error(path, "cannot be written");
  temporary.kept = true;
  // The rename itself is durable once the folder is on disk; some file systems cannot, and the file is whole
  // already.
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (Descriptor entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); entry.open()) {
    ::fsync(entry.get());
  }
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, {std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())});
}

}  // namespace halfwave
