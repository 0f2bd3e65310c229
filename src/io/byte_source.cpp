#include "io/byte_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "halfwave/error.h"

namespace halfwave {
namespace {

constexpr std::size_t kStep = std::size_t{256} << 10;

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::span<const std::uint8_t> bytes, std::shared_ptr<const Bytes> owner)
      : ByteSource(std::move(name)), left_(bytes), owner_(std::move(owner)) {}

  std::size_t read(std::span<std::uint8_t> out) override {
    const std::size_t n = std::min(out.size(), left_.size());
    if (n > 0) std::memcpy(out.data(), left_.data(), n);
    left_ = left_.subspan(n);
    return n;
  }
  std::uint64_t most() const override { return left_.size(); }

 private:
  std::span<const std::uint8_t> left_;
  std::shared_ptr<const Bytes> owner_;
};

bool is_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

Bytes read_not_empty(const std::filesystem::path& path) {
  Bytes bytes = read_file(path);
  if (bytes.empty()) throw input_error(fmt::format("{}: the file is empty", path.string()));
  return bytes;
}

}  // namespace

void ByteSource::read_exactly(std::span<std::uint8_t> out, const char* what) {
  if (read(out) < out.size()) {
    throw input_error(fmt::format("{}: the file is truncated: it ends in the middle of {}", name_, what));
  }
}

void ByteSource::expect_end() {
  std::uint8_t extra = 0;
  if (read({&extra, 1}) > 0)
    throw input_error(fmt::format("{}: holds more bytes than its header says", name_));
}

void ByteSource::append(Bytes& bytes, std::uint64_t size, const char* what) {
  if (size > most()) {
    throw input_error(fmt::format(
        "{}: the file is truncated, or its header wrong: {} bytes of {} announced, at most {} there", name_,
        size, what, most()));
  }
  check_memory(name_, bytes.size() + size);
  bytes.reserve(bytes.size() + size);
  while (size > 0) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(size, kStep)),
                      begin = bytes.size();
    bytes.resize(begin + n);
    read_exactly({bytes.data() + begin, n}, what);
    size -= n;
  }
}

Bytes ByteSource::read_all() {
  Bytes bytes;
  for (std::size_t size = 0;;) {
    check_memory(name_, size + std::max(kStep, size / 2));
    bytes.resize(size + std::max(kStep, size / 2));
    const std::size_t n = read({bytes.data() + size, bytes.size() - size});
    size += n;
    if (size < bytes.size()) {
      bytes.resize(size);
      return bytes;
    }
  }
}

void check_memory(const std::string& name, std::uint64_t bytes) {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return;  // not known
  const std::uint64_t memory = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  if (bytes <= memory / 2) return;  // the other half is for what is made of it
  throw input_error(
      fmt::format("{}: its {} bytes or more do not fit into the memory of {}", name, bytes, memory));
}

std::unique_ptr<ByteSource> memory_source(std::string name, std::span<const std::uint8_t> bytes,
                                          std::shared_ptr<const Bytes> owner) {
  return std::make_unique<MemorySource>(std::move(name), bytes, std::move(owner));
}

std::unique_ptr<ByteSource> open_source(const std::filesystem::path& path) {
  const auto bytes = std::make_shared<const Bytes>(read_not_empty(path));
  if (is_gzip(*bytes)) return inflate_source(path.string(), *bytes, bytes, Deflate::gzip);
  return memory_source(path.string(), *bytes, bytes);
}

Bytes read_contents(const std::filesystem::path& path) {
  Bytes bytes = read_not_empty(path);
  if (!is_gzip(bytes)) return bytes;
  return inflate_source(path.string(), bytes, nullptr, Deflate::gzip)->read_all();
}

}  // namespace halfwave
