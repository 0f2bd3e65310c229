#include "io/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "halfwave/error.h"
#include "io/npy.h"

namespace halfwave {
namespace {

// The zip format: APPNOTE.TXT of PKWARE, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14-16
// (its end).
constexpr std::uint32_t kLocalHeader = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;

struct Member {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored = 0, size = 0, offset = 0;
};

/// Passes the bytes of a member on and compares their checksum at its end.
class CheckedSource final : public ByteSource {
 public:
  CheckedSource(std::unique_ptr<ByteSource> from, const Member& member)
      : ByteSource(from->name()), from_(std::move(from)), left_(member.size), expected_(member.crc) {}

  std::size_t read(std::span<std::uint8_t> out) override {
    const std::size_t n = from_->read(out);
    crc_ = crc32_z(crc_, out.data(), n);
    if (n > left_) throw input_error(fmt::format("{}: holds more bytes than the archive says", name()));
    left_ -= n;
    if (n < out.size() && (left_ > 0 || crc_ != expected_)) {
      throw input_error(fmt::format("{}: the data are damaged: {}", name(),
                                    left_ > 0 ? "they end early" : "their checksum differs"));
    }
    return n;
  }
  std::uint64_t most() const override { return std::min(left_, from_->most()); }

 private:
  std::unique_ptr<ByteSource> from_;
  std::uint64_t left_;
  std::uint32_t expected_;
  uLong crc_ = 0;
};

class Archive {
 public:
  explicit Archive(const std::filesystem::path& path)
      : path_(path.string()), bytes_(std::make_shared<const Bytes>(read_file(path))) {
    read_directory();
  }

  const Member* find(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      for (const Member& member : members_) {
        if (member.name == name || member.name == std::string(name) + ".npy") return &member;
      }
    }
    return nullptr;
  }

  Array read(const Member& member, ArrayUse use) const {
    const std::string name = fmt::format("{}: {}", path_, member.name);
    if ((member.flags & 1) != 0) throw input_error(fmt::format("{}: is encrypted", name));
    if (member.method != 0 && member.method != 8) {
      throw input_error(
          fmt::format("{}: zip compression method {} is not supported: save with numpy.savez or "
                      "numpy.savez_compressed",
                      name, member.method));
    }
    if (number(member.offset, 4) != kLocalHeader) throw damaged();
    // The local header repeats the name and has its own extra fields; only their lengths matter.
    const std::uint64_t data =
        member.offset + 30 + number(member.offset + 26, 2) + number(member.offset + 28, 2);
    const std::span<const std::uint8_t> stored = slice(data, member.stored);
    auto source = member.method == 0 ? memory_source(name, stored, bytes_)
                                     : inflate_source(name, stored, bytes_, Deflate::raw);
    CheckedSource checked(std::move(source), member);
    return read_npy(checked, use);
  }

  std::string names() const {
    std::vector<std::string> names;
    for (const Member& member : members_) names.push_back(member.name);
    return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
  }

 private:
  Error damaged() const {
    return input_error(
        fmt::format("{}: not an .npz archive, or a truncated one: its zip directory cannot be read", path_));
  }

  std::span<const std::uint8_t> slice(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_->size() || size > bytes_->size() - offset) throw damaged();
    return std::span(*bytes_).subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }

  /// A little-endian number of the file.
  std::uint64_t number(std::uint64_t offset, std::size_t size) const {
    const std::span<const std::uint8_t> bytes = slice(offset, size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
    return value;
  }

  std::uint64_t find_end() const {
    constexpr std::uint64_t kEndSize = 22, kLongestComment = 65535;
    const std::uint64_t size = bytes_->size();
    for (std::uint64_t back = kEndSize; back <= size && back <= kEndSize + kLongestComment; ++back) {
      if (number(size - back, 4) == kEnd) return size - back;
    }
    throw damaged();
  }

  void read_directory() {
    const std::uint64_t end = find_end();
    std::uint64_t entries = number(end + 10, 2), at = number(end + 16, 4);
    if (end >= 20 && number(end - 20, 4) == kLocator64) {
      const std::uint64_t end64 = number(end - 12, 8);
      if (number(end64, 4) != kEnd64) throw damaged();
      entries = number(end64 + 32, 8);
      at = number(end64 + 48, 8);
    }
    for (std::uint64_t i = 0; i < entries; ++i) {
      if (number(at, 4) != kEntry) throw damaged();
      const std::uint64_t name_size = number(at + 28, 2), extra_size = number(at + 30, 2);
      Member member;
      member.flags = static_cast<std::uint16_t>(number(at + 8, 2));
      member.method = static_cast<std::uint16_t>(number(at + 10, 2));
      member.crc = static_cast<std::uint32_t>(number(at + 16, 4));
      member.stored = number(at + 20, 4);
      member.size = number(at + 24, 4);
      member.offset = number(at + 42, 4);
      const auto name = slice(at + 46, name_size);
      member.name.assign(name.begin(), name.end());
      read_zip64(member, at + 46 + name_size, extra_size);
      members_.push_back(std::move(member));
      at += 46 + name_size + extra_size + number(at + 32, 2);
    }
  }

  /// The extra field 1 holds, in this order, those of the three numbers that do not fit 32 bits.
  void read_zip64(Member& member, std::uint64_t at, std::uint64_t size) const {
    const std::uint64_t end = at + size;
    while (at + 4 <= end) {
      const std::uint64_t id = number(at, 2), length = number(at + 2, 2);
      at += 4;
      if (id == 1) {
        std::uint64_t value = at;
        for (std::uint64_t* field : {&member.size, &member.stored, &member.offset}) {
          if (*field != std::numeric_limits<std::uint32_t>::max()) continue;
          if (value + 8 > at + length) throw damaged();
          *field = number(value, 8);
          value += 8;
        }
      }
      at += length;
    }
  }

  std::string path_;
  std::shared_ptr<const Bytes> bytes_;
  std::vector<Member> members_;
};

}  // namespace

Parts read_npz(const std::filesystem::path& path, Needed needed, bool labels_needed) {
  const Archive archive(path);
  const Member* inputs = archive.find({"x_train", "X_train", "X", "x"});
  const Member* labels = archive.find({"y_train", "Y_train", "y", "Y"});
  const Member* test_inputs = archive.find({"x_test", "X_test"});
  const Member* test_labels = archive.find({"y_test", "Y_test"});
  const bool only_test = needed == Needed::test && test_inputs != nullptr;
  if ((inputs == nullptr && !only_test) || (labels == nullptr && labels_needed)) {
    throw input_error(
        fmt::format("{}: needs the arrays x_train and y_train (x_test, y_test), or X and y; it has {}",
                    path.string(), archive.names()));
  }
  if (labels_needed && test_inputs != nullptr && test_labels == nullptr) {
    throw input_error(fmt::format("{}: has {}, but no y_test", path.string(), test_inputs->name));
  }
  const auto read_part = [&](const Member& x, const Member* y) {
    Part part{archive.read(x, ArrayUse::inputs), std::nullopt};
    if (y != nullptr) part.labels = archive.read(*y, ArrayUse::labels);
    return part;
  };
  Parts parts;
  if (test_inputs != nullptr) parts.test = read_part(*test_inputs, test_labels);
  if (!only_test) parts.train = read_part(*inputs, labels);
  return parts;
}

}  // namespace halfwave
