#include <fmt/format.h>
#include <halfwave/error.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "command.h"
#include "core/file.h"

namespace halfwave::cli {
namespace fs = std::filesystem;
namespace {

/// Permission bits do not tell of read-only file systems and the like, so a file is made, and removed again.
/// False, and errno says why, where that fails.
bool can_create_beside(const fs::path& path) {
  const NewFile probe = create_beside(path);
  if (probe.descriptor < 0) return false;
  ::close(probe.descriptor);
  ::unlink(probe.path.c_str());
  return true;
}

}  // namespace

void check_writable(const std::string& path, std::string_view option) {
  std::error_code ignored;
  const fs::path target =
      fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored) : fs::path(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (fs::is_directory(target, ignored))
    throw input_error(fmt::format("{}: is a folder; name a file to write.", path));
  const auto refused = [&] {
    return input_error(fmt::format("{}: cannot be written: {}. Name another file with --{}.", path,
                                   std::generic_category().message(errno), option));
  };
  if (fs::exists(target, ignored) && !fs::is_regular_file(target, ignored)) {
    if (::access(target.c_str(), W_OK) != 0) throw refused();
    return;
  }
  if (!fs::is_directory(folder, ignored))
    throw input_error(fmt::format("{}: there is no folder {}. Make it, or name another file with --{}.", path,
                                  folder.string(), option));
  if (!can_create_beside(target)) throw refused();
}

void check_writable_folder(const std::string& path, std::string_view what, std::string_view option) {
  const auto refused = [&](const std::error_code& reason) {
    return input_error(fmt::format("{}: the {} cannot be written: {}. Name another one with --{}.", path,
                                   what, reason.message(), option));
  };
  std::error_code error;
  std::vector<fs::path> made;  // innermost first
  for (fs::path folder = fs::absolute(path); !fs::exists(fs::symlink_status(folder, error));
       folder = folder.parent_path())
    made.push_back(folder);
  const auto remove_made = [&] {
    std::error_code ignored;
    for (const fs::path& folder : made) fs::remove(folder, ignored);
  };
  fs::create_directories(path, error);
  if (!error && !can_create_beside(fs::path(path) / "file")) error.assign(errno, std::generic_category());
  remove_made();
  if (error) throw refused(error);
}

}  // namespace halfwave::cli
