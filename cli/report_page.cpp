#include "report_page.h"

#include <span>
#include <string_view>

namespace halfwave::cli {

/// The page without a comparison, in parts; made at build time, see cmake/embed.cmake.
std::span<const std::string_view> page_text();

namespace {

/// JSON that stays one piece of text inside an HTML script element: nothing in it can end the element or
/// open a comment. In JSON '<' stands in texts only, where it may be written as an escape.
std::string embeddable(const nlohmann::ordered_json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  return text;
}

}  // namespace

std::string report_page(const nlohmann::ordered_json& comparison) {
  constexpr std::string_view kPlace = "{{comparison}}";
  std::string page;
  for (const std::string_view part : page_text()) page += part;
  return page.replace(page.find(kPlace), kPlace.size(), embeddable(comparison));
}

}  // namespace halfwave::cli
