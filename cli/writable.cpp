#include <fcntl.h>
#include <fmt/format.h>
#include <halfwave/error.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "command.h"

namespace halfwave::cli {
namespace fs = std::filesystem;

void check_writable(const std::string& path) {
  std::error_code ignored;
  const fs::path target =
      fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored) : fs::path(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (fs::is_directory(target, ignored))
    throw input_error(fmt::format("{}: is a folder; name a file to write.", path));
  const auto refused = [&] {
    return input_error(fmt::format("{}: cannot be written: {}. Name another file with --out.", path,
                                   std::generic_category().message(errno)));
  };
  if (fs::exists(target, ignored) && !fs::is_regular_file(target, ignored)) {
    if (::access(target.c_str(), W_OK) != 0) throw refused();
    return;
  }
  if (!fs::is_directory(folder, ignored))
    throw input_error(fmt::format("{}: there is no folder {}. Make it, or name another file with --out.",
                                  path, folder.string()));
  // Permission bits do not tell of read-only file systems and the like, so a file is made, and removed again.
  const std::string probe = fmt::format("{}.probe-{}", target.string(), ::getpid());
  const int file = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw refused();
  ::close(file);
  ::unlink(probe.c_str());
}

}  // namespace halfwave::cli
