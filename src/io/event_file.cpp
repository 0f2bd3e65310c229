#include "io/event_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <halfwave/error.h>
#include <io/tensorboard.pb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kNameStart = "events.out.tfevents.";

Error system_error(const fs::path& path, int reason) {
  return input_error(
      fmt::format("{}: cannot be written: {}", path.string(), std::generic_category().message(reason)));
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string text = name.data();
  std::ranges::replace(text, '/', '_');
  return text;
}

/// The seconds in the name of an event file, or -1.
std::int64_t seconds_of(const std::string& name) {
  if (!name.starts_with(kNameStart)) return -1;
  std::int64_t seconds = -1;
  std::from_chars(name.data() + kNameStart.size(), name.data() + name.size(), seconds);
  return seconds;
}

/// A message's strings must be UTF-8, which names of files need not be.
std::string utf8(std::string_view text) {
  using Json = nlohmann::json;
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

/// Appended as TFRecord has its numbers, the lowest byte first.
template <class Number>
void append(std::string& record, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) record.push_back(static_cast<char>(number >> (8 * i)));
}

/// A checksum that may itself be among bytes that are summed (tensorflow/core/lib/hash/crc32c.h, Mask).
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}), 15) +
         0xa282ead8u;
}

/// Length, its checksum, the bytes, their checksum.
std::string framed(const std::string& bytes) {
  std::string record;
  record.reserve(bytes.size() + 16);
  append(record, std::uint64_t{bytes.size()});
  append(record, masked_crc(record));
  record += bytes;
  append(record, masked_crc(bytes));
  return record;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      made[i] = i;
      for (int bit = 0; bit < 8; ++bit) made[i] = (made[i] >> 1) ^ (made[i] & 1 ? 0x82f63b78u : 0u);
    }
    return made;
  }();
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >> 8);
  return ~crc;
}

struct EventFile::Pending {
  tensorboard::Event event;

  tensorboard::Summary::Value& add(std::string_view tag) {
    tensorboard::Summary::Value& value = *event.mutable_summary()->add_value();
    value.set_tag(utf8(tag));
    return value;
  }
};

EventFile::EventFile(const fs::path& folder, std::int64_t first_step)
    : pending_(std::make_unique<Pending>()) {
  make_file(folder);
  pending_->event.set_file_version("brain.Event:2");
  write_event();
  pending_->event.set_step(first_step);
  pending_->event.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  write_event();
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventFile::make_file(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  auto seconds = static_cast<std::int64_t>(seconds_since_1970());
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::int64_t other = seconds_of(entry->path().filename().string());
    follows_others_ = follows_others_ || other >= 0;
    seconds = std::max(seconds, other + 1);
  }
  if (error) throw system_error(folder, error.value());
  constexpr int kAttempts = 1000;  // another process may make one of this name
  for (int attempt = 0; attempt < kAttempts && descriptor_ < 0; ++attempt) {
    path_ = folder / fmt::format("{}{:010}.{}.{}.0", kNameStart, seconds + attempt, host_name(), ::getpid());
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) throw system_error(folder, errno);
}

void EventFile::add_scalar(std::string_view tag, double value) {
  pending_->add(tag).set_simple_value(static_cast<float>(value));
}

void EventFile::add_histogram(std::string_view tag, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  tensorboard::HistogramProto& message = *pending_->add(tag).mutable_histo();
  message.set_min(histogram.min());
  message.set_max(histogram.max());
  message.set_num(static_cast<double>(histogram.count()));
  message.set_sum(histogram.sum());
  message.set_sum_squares(histogram.sum_of_squares());
  for (const auto& [limit, count] : histogram.buckets()) {
    message.add_bucket_limit(limit);
    message.add_bucket(count);
  }
}

void EventFile::add_text(std::string_view tag, std::string_view markdown) {
  tensorboard::Summary::Value& value = pending_->add(tag);
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  value.mutable_tensor()->set_dtype(tensorboard::DT_STRING);
  value.mutable_tensor()->mutable_tensor_shape();  // of one text
  value.mutable_tensor()->add_string_val(utf8(markdown));
}

void EventFile::add_hyperparameters(std::span<const Hyperparameter> values) {
  tensorboard::HParamsPluginData data;
  data.mutable_session_start_info()->set_start_time_secs(seconds_since_1970());
  auto& map = *data.mutable_session_start_info()->mutable_hparams();
  for (const auto& [name, value] : values) {
    tensorboard::Value& to = map[utf8(name)];
    if (const auto* flag = std::get_if<bool>(&value)) to.set_bool_value(*flag);
    if (const auto* number = std::get_if<double>(&value)) to.set_number_value(*number);
    if (const auto* text = std::get_if<std::string>(&value)) to.set_string_value(utf8(*text));
  }
  // The plugin looks at the metadata alone; the tensor has nothing in it.
  tensorboard::Summary::Value& value = pending_->add("_hparams_/session_start_info");
  auto& plugin = *value.mutable_metadata()->mutable_plugin_data();
  plugin.set_plugin_name("hparams");
  data.SerializeToString(plugin.mutable_content());
  value.mutable_tensor()->set_dtype(tensorboard::DT_FLOAT);
  value.mutable_tensor()->mutable_tensor_shape()->add_dim();
}

void EventFile::write(std::int64_t step) {
  pending_->event.set_step(step);
  write_event();
}

void EventFile::write_event() {
  tensorboard::Event& event = pending_->event;
  event.set_wall_time(seconds_since_1970());
  const std::string record = framed(event.SerializeAsString());
  event.Clear();
  std::string_view left = record;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error(path_, errno);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace halfwave
