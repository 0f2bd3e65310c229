#include <fmt/format.h>
#define ZLIB_CONST  // zlib then promises not to write to its input
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "halfwave/error.h"
#include "io/byte_source.h"

namespace halfwave {
namespace {

class InflateSource final : public ByteSource {
 public:
  InflateSource(std::string name, std::span<const std::uint8_t> bytes, std::shared_ptr<const Bytes> owner,
                Deflate format)
      : ByteSource(std::move(name)), left_(bytes), owner_(std::move(owner)), format_(format) {
    constexpr int kWindowBits = 15,
                  kGzip = 16;  // zlib's codes: a window of 2^15 bytes; + 16: gzip; negative: raw
    if (inflateInit2(&stream_, format == Deflate::gzip ? kWindowBits + kGzip : -kWindowBits) != Z_OK) {
      throw Error(ErrorKind::fault, "zlib: cannot start to inflate");
    }
  }
  ~InflateSource() override { inflateEnd(&stream_); }

  std::size_t read(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size() && !(ended_ && !start_next_member())) done += step(out.subspan(done));
    return done;
  }

  std::uint64_t most() const override {
    constexpr std::uint64_t kLargestRatio =
        1032;  // deflate: 258 bytes from two bits; zlib.net/zlib_tech.html
    return (std::uint64_t{left_.size()} + 16) * kLargestRatio + (std::uint64_t{1} << 16);
  }

 private:
  /// Inflates once; how many bytes came out.
  std::size_t step(std::span<std::uint8_t> out) {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const std::size_t in_size = std::min(left_.size(), kMost), out_size = std::min(out.size(), kMost);
    stream_.next_in = left_.data();
    stream_.avail_in = static_cast<uInt>(in_size);
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out_size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    left_ = left_.subspan(in_size - stream_.avail_in);
    const std::size_t produced = out_size - stream_.avail_out;
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result == Z_BUF_ERROR || (result == Z_OK && left_.empty() && produced < out_size)) {
      throw input_error(fmt::format("{}: the file is truncated: its compressed data end early", name()));
    } else if (result == Z_MEM_ERROR) {
      throw Error(ErrorKind::fault, "zlib: out of memory");
    } else if (result != Z_OK) {
      throw input_error(fmt::format("{}: the compressed data are damaged ({})", name(),
                                    stream_.msg != nullptr ? stream_.msg : "not a deflate stream"));
    }
    return produced;
  }

  /// gzip files may be written one after the other; anything else behind the end is padding.
  bool start_next_member() {
    if (format_ != Deflate::gzip || left_.size() < 2 || left_[0] != 0x1f || left_[1] != 0x8b) return false;
    ended_ = inflateReset(&stream_) != Z_OK;
    return !ended_;
  }

  std::span<const std::uint8_t> left_;
  std::shared_ptr<const Bytes> owner_;
  Deflate format_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> inflate_source(std::string name, std::span<const std::uint8_t> bytes,
                                           std::shared_ptr<const Bytes> owner, Deflate format) {
  return std::make_unique<InflateSource>(std::move(name), bytes, std::move(owner), format);
}

}  // namespace halfwave
