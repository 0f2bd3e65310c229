#include "train/run_identity.h"

#include <fmt/format.h>
#include <halfwave/version.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "train/options_json.h"

namespace halfwave {
namespace {

/// FNV-1a over 8-byte words.
std::uint64_t hash_of(std::uint64_t hash, const void* data, std::size_t bytes) {
  const auto* from = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i, std::min<std::size_t>(8, bytes - i));
    hash = (hash ^ word) * 0x100000001b3ull;
    hash ^= hash >> 29;
  }
  return hash;
}

constexpr std::uint64_t kBasis = 0xcbf29ce484222325ull;

std::string digits(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace

std::string fingerprint(std::string_view bytes) {
  return digits(hash_of(kBasis, bytes.data(), bytes.size()));
}

std::string data_fingerprint(const Examples& examples) {
  std::uint64_t hash = kBasis;
  std::visit([&](const auto& v) { hash = hash_of(hash, v.data(), v.size() * sizeof(v[0])); },
             examples.values);
  hash = hash_of(hash, examples.labels.data(), examples.labels.size() * sizeof(std::int32_t));
  hash = hash_of(hash, examples.targets.data(), examples.targets.size() * sizeof(float));
  return digits(hash);
}

nlohmann::ordered_json shaping_options(const TrainOptions& options) {
  nlohmann::ordered_json json = options_json(options);
  for (const char* name : {"threads", "checkpoint", "every", "resume", "log_dir"}) json.erase(name);
  return json;
}

std::string run_identity(const Dataset& data, const TrainOptions& options, const ModelParts& model,
                         bool started) {
  nlohmann::ordered_json identity{
      {"version", version()},
      {"network", model.network.line()},
      {"data",
       {{"name", data.name}, {"train", data_fingerprint(data.train)}, {"test", data_fingerprint(data.test)}}},
      {"options", shaping_options(options)}};
  if (started) {
    const auto values = model.network.values();
    identity["start"] = digits(hash_of(0, values.data(), values.size_bytes()));
  }
  // A name of a file need not be UTF-8, JSON must be.
  return identity.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace halfwave
