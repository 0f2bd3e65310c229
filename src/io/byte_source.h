#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/file.h"

namespace halfwave {

/// A stream of bytes from a file, a compressed file or a member of an archive.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills `out`; fewer bytes only at the end of the stream. Throws Error (input) where the stream is
  /// damaged.
  virtual std::size_t read(std::span<std::uint8_t> out) = 0;
  /// No more bytes than this can still come: what a header claims is checked against it before memory is
  /// taken.
  virtual std::uint64_t most() const = 0;

  /// As messages call it: the file, and the member of the archive.
  const std::string& name() const { return name_; }

  /// Fills `out` whole or throws Error (input): the file ends in the middle of `what`.
  void read_exactly(std::span<std::uint8_t> out, const char* what);
  /// Throws Error (input) where bytes follow that no header has announced; verifies the checksum of what was
  /// read.
  void expect_end();
  /// Appends `size` bytes. Memory grows with what has arrived, not with what was claimed.
  void append(Bytes& bytes, std::uint64_t size, const char* what);
  /// Everything up to the end.
  Bytes read_all();

 private:
  std::string name_;
};

/// Throws Error (input) where this many bytes are more than half the machine's memory: what a few compressed
/// bytes can claim.
void check_memory(const std::string& name, std::uint64_t bytes);

/// Bytes of memory that `owner` keeps alive.
std::unique_ptr<ByteSource> memory_source(std::string name, std::span<const std::uint8_t> bytes,
                                          std::shared_ptr<const Bytes> owner);

enum class Deflate { gzip, raw };

/// The inflated contents of deflated bytes: gzip files (of one or more members) or the raw streams of zip
/// archives.
std::unique_ptr<ByteSource> inflate_source(std::string name, std::span<const std::uint8_t> bytes,
                                           std::shared_ptr<const Bytes> owner, Deflate format);

/// The contents of a file, inflated where it starts as gzip does.
std::unique_ptr<ByteSource> open_source(const std::filesystem::path& path);

/// The same in memory.
Bytes read_contents(const std::filesystem::path& path);

}  // namespace halfwave
