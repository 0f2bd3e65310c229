#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/histogram.h"

namespace halfwave {

/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes);

/// A file of events for TensorBoard: a TFRecord file of tensorflow.Event messages. What is added belongs to
/// the next write(), which puts it into the file as one event in one call of the system: whoever reads the
/// file meanwhile, or after the process was killed, finds whole events.
class EventFile {
 public:
  using Hyperparameter = std::pair<std::string, std::variant<bool, double, std::string>>;

  /// Makes the folder where it is missing and a new file in it, whose name comes after those of the event
  /// files that are there: TensorBoard reads a folder's files as one run, in the order of their names. It is
  /// told to forget what they have from first_step on. Throws Error (input) that names the folder and the
  /// system's reason.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  const std::filesystem::path& path() const { return path_; }
  /// The folder had event files already.
  bool follows_others() const { return follows_others_; }

  void add_scalar(std::string_view tag, double value);
  /// Of numbers none of which was finite there is no histogram.
  void add_histogram(std::string_view tag, const Histogram& histogram);
  void add_text(std::string_view tag, std::string_view markdown);
  void add_hyperparameters(std::span<const Hyperparameter> values);
  /// Throws Error (input) that names the file and the system's reason; the file then takes no more.
  void write(std::int64_t step);

 private:
  struct Pending;

  void make_file(const std::filesystem::path& folder);
  void write_event();

  std::filesystem::path path_;
  bool follows_others_ = false;
  int descriptor_ = -1;
  std::unique_ptr<Pending> pending_;
};

}  // namespace halfwave
