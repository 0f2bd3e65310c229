// Lost if this fails: reports that are one file and stay it - whatever texts a comparison has, they remain
// texts - and that other programs can read the numbers from.
#include "report_page.h"

#include <gmock/gmock.h>

#include <limits>
#include <regex>

namespace halfwave::cli {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kOpening = R"(<script type="application/json" id="comparison">)";

/// What an HTML reader finds in the element: all up to the first end of a script.
std::string embedded(const std::string& page) {
  const std::size_t start = page.find(kOpening) + kOpening.size();
  return page.substr(start, page.find("</script", start) - start);
}

std::size_t occurrences(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

ordered_json comparison_named(const std::string& name) {
  return {{"command", "compare"},
          {"command_line", "halfwave compare '" + name + "'"},
          {"variants", {{{"name", name}, {"network", {{"line", name}}}}}}};
}

TEST(ReportPage, HoldsTheObject) {
  const ordered_json object = comparison_named("relu");
  const std::string json = embedded(report_page(object));
  EXPECT_EQ(ordered_json::parse(json), object);
  EXPECT_THAT(json, Not(HasSubstr("\n"))) << "compact";
}

TEST(ReportPage, TextsStayTexts) {
  const std::string plain = report_page(comparison_named("relu"));
  for (const std::string name :
       {"</script><script>alert(1)</script>", "<!-- <script>", "--><img src=x>", "]]>", "{{comparison}}",
        "a \"quoted\" \\ back\\u003cslash", "new\nline\ttab", "\xe2\x80\xa8 and ü"}) {
    const std::string page = report_page(comparison_named(name));
    EXPECT_EQ(ordered_json::parse(embedded(page)), comparison_named(name));
    for (const std::string_view markup : {"<script", "</script", "<!--", "<img"})
      EXPECT_EQ(occurrences(page, markup), occurrences(plain, markup)) << markup << " of " << name;
  }
}

TEST(ReportPage, InvalidUtf8IsReplaced) {
  const ordered_json object = ordered_json::parse(embedded(report_page(comparison_named("a\xff\xc3z"))));
  EXPECT_EQ(object["variants"][0]["name"], "a\xef\xbf\xbd\xef\xbf\xbdz");
}

TEST(ReportPage, NumbersThatAreNotFiniteAreNull) {
  using Limits = std::numeric_limits<double>;
  const ordered_json object = {
      {"values", {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), 0.1}}};
  EXPECT_EQ(embedded(report_page(object)), R"({"values":[null,null,null,0.1]})");
}

TEST(ReportPage, NeedsNothingElse) {
  const std::string page = report_page(comparison_named("relu"));
  const std::regex resource(
      R"((src|href)\s*=\s*["']?(?!data:,|#)[\w/.:]|url\(|@import|\bimport\s*\(|\bfetch\s*\(|XMLHttpRequest)");
  std::smatch found;
  // Outside Chart.js, whose text is a library's: it makes no element and asks for nothing.
  std::size_t library = page.find("/*!\n * Chart.js"), end = page.find("</script>", library);
  ASSERT_NE(library, std::string::npos);
  const std::string own = page.substr(0, library) + page.substr(end);
  EXPECT_FALSE(std::regex_search(own, found, resource)) << found.str();
  EXPECT_THAT(page.substr(library, end - library), Not(HasSubstr("XMLHttpRequest")));
  EXPECT_THAT(own, Not(HasSubstr("https:")));
}

TEST(ReportPage, KeepsTheLicenceOfChartJs) {
  const std::string page = report_page(comparison_named("relu"));
  for (const char* part :
       {"Chart.js Contributors", "The MIT License", "Permission is hereby granted", "THE SOFTWARE IS"})
    EXPECT_THAT(page, HasSubstr(part));
}

TEST(ReportPage, IsAPageForEverybody) {
  const std::string page = report_page(comparison_named("relu"));
  EXPECT_EQ(page.find("<!DOCTYPE html>\n<html lang=\"en\">"), 0U);
  EXPECT_THAT(page, HasSubstr("<meta charset=\"utf-8\">"));
  EXPECT_THAT(page, HasSubstr("name=\"viewport\" content=\"width=device-width, initial-scale=1\""));
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

}  // namespace
}  // namespace halfwave::cli
