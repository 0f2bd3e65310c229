#include "io/download.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <mutex>

#include "halfwave/error.h"

namespace halfwave {
namespace {

struct Transfer {
  Bytes bytes;
  std::uint64_t limit;
  bool too_long = false;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress;
};

// curl is C: nothing may be thrown through it, so failures are told by the numbers that end a transfer.
std::size_t take(const char* data, std::size_t, std::size_t size, void* context) noexcept {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.too_long = size > transfer.limit - transfer.bytes.size();
  if (transfer.too_long) return CURL_WRITEFUNC_ERROR;
  try {
    transfer.bytes.insert(transfer.bytes.end(), data, data + size);
  } catch (...) {
    return CURL_WRITEFUNC_ERROR;
  }
  return size;
}

int tell(void* context, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) noexcept {
  const auto& transfer = *static_cast<const Transfer*>(context);
  try {
    if (transfer.progress)
      transfer.progress(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
  } catch (...) {
    return 1;
  }
  return 0;
}

}  // namespace

Bytes download(const std::string& address, std::uint64_t limit, long connect_seconds,
               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) throw Error(ErrorKind::fault, "curl cannot be started");
  CURL* curl = handle.get();
  Transfer transfer{{}, limit, false, progress};
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "halfwave");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tell);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  const CURLcode result = curl_easy_perform(curl);
  if (transfer.too_long)
    throw input_error(fmt::format("{}: holds more than the expected {} bytes", address, limit));
  if (result != CURLE_OK) {
    throw input_error(
        fmt::format("{}: {}", address, reason[0] != '\0' ? reason : curl_easy_strerror(result)));
  }
  return std::move(transfer.bytes);
}

}  // namespace halfwave
