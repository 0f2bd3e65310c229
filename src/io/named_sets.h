#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "halfwave/dataset.h"

namespace halfwave {

/// One file of a named set and the SHA-256 of its contents, uncompressed: however a mirror compressed it, the
/// examples are the published ones.
struct NamedFile {
  std::string name;  ///< without ".gz"
  std::uint64_t size;
  std::string checksum;
};

/// A data set that is looked up on this machine, and downloaded where it is not there.
struct NamedSet {
  std::string name, size, description;
  std::vector<std::string> addresses;  ///< tried in turn: "<address><file>.gz", or the archive
  std::string archive;  ///< the .tar.gz with all the files; "" where each is an address of its own
  std::vector<NamedFile> files;
  std::vector<std::string> classes;
};

const std::vector<NamedSet>& named_sets();

/// Where named sets may be on this machine.
struct Places {
  std::filesystem::path given;  ///< $HALFWAVE_DATA, or ""
  std::filesystem::path cache;  ///< downloads go to cache/<name>; "": there is no home for them
  std::vector<std::filesystem::path> installed;  ///< /usr/share/datasets
  long connect_seconds = 10;                     ///< for all addresses together
};

/// From $HALFWAVE_DATA, $XDG_CACHE_HOME or ~/.cache, and /usr/share/datasets.
Places default_places();

/// The folder that holds all files of the set: $HALFWAVE_DATA/<name>, $HALFWAVE_DATA itself, the cache, the
/// installed ones; else they are downloaded to the cache and compared with their checksums. Throws Error
/// (input) that says where it has looked, why the download failed, and which files to put where.
std::filesystem::path find_or_download(const NamedSet& set, const Places& places,
                                       const DownloadProgress& progress);

}  // namespace halfwave
