#include "io/npz_write.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <bit>

#include "core/file.h"

namespace halfwave {
namespace {

static_assert(std::endian::native == std::endian::little, "the files' numbers are little-endian");

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A record of the zip format, number by number, little-endian.
class Record {
 public:
  Record& u16(std::uint64_t value) { return add(value, 2); }
  Record& u32(std::uint64_t value) { return add(value, 4); }
  Record& u64(std::uint64_t value) { return add(value, 8); }
  Record& text(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& add(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFFu);
    return *this;
  }
  std::string bytes_;
};

/// The archive's own parts, after PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central
/// directory), 4.3.14 to 16 (its end) and 4.5.3 (the extra field with 64-bit numbers).
class ZipDirectory {
 public:
  explicit ZipDirectory(std::uint64_t zip64_from) : zip64_from_(zip64_from) {}

  /// What stands before the bytes of a member that begins at `offset`.
  std::string add(const std::string& name, std::uint32_t crc, std::uint64_t size, std::uint64_t offset) {
    Record extra;
    if (is_large(size)) extra.u16(1).u16(16).u64(size).u64(size);
    Record local;
    local.u32(0x04034b50);
    describe(local, crc, size, name, extra.size());
    local.text(name).text(extra.bytes());

    if (is_large(offset)) {
      Record with_offset;
      with_offset.u16(1).u16(is_large(size) ? 24 : 8);
      if (is_large(size)) with_offset.u64(size).u64(size);
      extra = std::move(with_offset.u64(offset));
    }
    constexpr std::uint64_t kMadeByUnix = 3 << 8, kReadableFile = std::uint64_t{0100644} << 16;
    entries_.u32(0x02014b50).u16(kMadeByUnix | kVersion);
    describe(entries_, crc, size, name, extra.size());
    entries_.u16(0).u16(0).u16(0).u32(kReadableFile).u32(short_form(offset));
    entries_.text(name).text(extra.bytes());
    ++count_;
    return local.bytes();
  }

  /// The directory and the end, for a directory that begins at `offset`.
  std::string finish(std::uint64_t offset) const {
    Record end;
    end.text(entries_.bytes());
    constexpr std::uint64_t kMostEntries = 0xFFFF;
    if (is_large(offset) || is_large(entries_.size()) || count_ >= kMostEntries) {
      constexpr std::uint64_t kRestOfRecord = 44;
      const std::uint64_t at = offset + entries_.size();
      end.u32(0x06064b50).u64(kRestOfRecord).u16(kVersion).u16(kVersion).u32(0).u32(0);
      end.u64(count_).u64(count_).u64(entries_.size()).u64(offset);
      end.u32(0x07064b50).u32(0).u64(at).u32(1);
    }
    const std::uint64_t count = std::min<std::uint64_t>(count_, kMostEntries);
    end.u32(0x06054b50).u16(0).u16(0).u16(count).u16(count);
    end.u32(short_form(entries_.size())).u32(short_form(offset)).u16(0);
    return end.bytes();
  }

 private:
  static constexpr std::uint64_t kVersion = 45;  // of the format, with 64-bit numbers: 4.5

  bool is_large(std::uint64_t number) const { return number >= zip64_from_; }
  std::uint64_t short_form(std::uint64_t number) const { return is_large(number) ? kZip64From : number; }

  /// What a member's two headers have in common: stored, at the earliest date that there is, names in UTF-8.
  void describe(Record& to, std::uint32_t crc, std::uint64_t size, const std::string& name,
                std::size_t extra) const {
    constexpr std::uint64_t kUtf8 = 1 << 11, kStored = 0, kDate1980 = 0x21;
    to.u16(kVersion).u16(kUtf8).u16(kStored).u16(0).u16(kDate1980).u32(crc);
    to.u32(short_form(size)).u32(short_form(size)).u16(name.size()).u16(extra);
  }

  std::uint64_t zip64_from_, count_ = 0;
  Record entries_;
};

}  // namespace

std::string npy_header(std::string_view type, std::span<const std::size_t> shape) {
  // numpy.org/doc/stable/reference/generated/numpy.lib.format.html: the numbers begin at a multiple of 64
  // bytes.
  constexpr std::size_t kDataAlignment = 64, kFixed = 10;
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type,
                                       fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const std::size_t used = kFixed + dictionary.size() + 1;
  dictionary.append((kDataAlignment - used % kDataAlignment) % kDataAlignment, ' ');
  dictionary += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dictionary.size() & 0xFFu);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

void write_npy(const std::filesystem::path& path, std::span<const float> numbers,
               std::span<const std::size_t> shape) {
  const NpzMember array = npz_member("", numbers, shape);
  write_file_atomically(path, {bytes_of(array.header), array.bytes});
}

void write_npz(const std::filesystem::path& path, std::span<const NpzMember> members,
               std::uint64_t zip64_from) {
  ZipDirectory directory(zip64_from);
  std::vector<std::string> heads;  // what stands before the bytes of each member, and at the end
  std::uint64_t offset = 0;
  for (const NpzMember& member : members) {
    uLong crc = crc32_z(0, bytes_of(member.header).data(), member.header.size());
    crc = crc32_z(crc, member.bytes.data(), member.bytes.size());
    const std::uint64_t size = member.header.size() + member.bytes.size();
    heads.push_back(directory.add(member.name + ".npy", static_cast<std::uint32_t>(crc), size, offset) +
                    member.header);
    offset += heads.back().size() + member.bytes.size();
  }
  heads.push_back(directory.finish(offset));
  std::vector<std::span<const std::uint8_t>> parts;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    parts.push_back(bytes_of(heads[i]));
    if (i < members.size()) parts.push_back(members[i].bytes);
  }
  write_file_atomically(path, parts);
}

}  // namespace halfwave
