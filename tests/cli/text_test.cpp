// Lost if this fails: output that people can read - aligned, in the terminal's width - and commands that a
// shell reads back as they were.
#include "text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <sstream>

#include "resume.h"
#include "table.h"

namespace halfwave::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Text, Numbers) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  EXPECT_EQ(percent(0.9341), "93.4 %");
  EXPECT_EQ(clock_time(0.2), "0:01");
  EXPECT_EQ(clock_time(754), "12:34");
  EXPECT_EQ(clock_time(3723), "1:02:03");
  for (const double unknown : {-1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300})
    EXPECT_EQ(clock_time(unknown), "?") << unknown;
}

TEST(Text, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(display_width("28 × 28"), 7u);
  EXPECT_EQ(truncated("×××", 2), "××");
  EXPECT_EQ(truncated("ab", 5), "ab");
}

TEST(Text, WrappedLinesFitAndLoseNothing) {
  const std::string text = "a bb ccc dddd eeeee × averyveryverylongword 1 22 333";
  for (std::size_t width = 1; width < 60; ++width) {
    std::string joined;
    for (const std::string& line : wrapped(text, width)) {
      EXPECT_LE(display_width(line), width);
      joined += line;
    }
    const auto without_spaces = [](std::string s) { return std::erase(s, ' '), s; };
    EXPECT_EQ(without_spaces(joined), without_spaces(text)) << "width " << width;
  }
  EXPECT_EQ(wrapped("", 10), std::vector<std::string>{""});
}

TEST(Text, AShellReadsQuotedWordsBack) {
  const std::vector<std::string> words{"plain", "two words",   "it's",      "$HOME `x` \"q\" \\ *",
                                       "",      "a,b=c/d.e:f", "new\nline", "×"};
  const std::vector<std::string> printf_line{"printf", "%s\\0"};
  std::vector<std::string> all = printf_line;
  all.insert(all.end(), words.begin(), words.end());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(shell_line(all).c_str(), "r"), ::pclose);
  ASSERT_TRUE(pipe);
  std::string output, expected;
  std::array<char, 4096> buffer{};
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    output.append(buffer.data(), n);
  for (const std::string& word : words) expected.append(word).push_back('\0');
  EXPECT_EQ(output, expected);
}

TEST(Resume, AddsOnlyWhatIsMissing) {
  const std::vector<std::string> words{"./halfwave", "train", "my data.csv"};
  EXPECT_EQ(resume_command(words, "m.checkpoint", false),
            "./halfwave train 'my data.csv' --checkpoint m.checkpoint --resume");
  EXPECT_EQ(resume_command(words, "", false), "./halfwave train 'my data.csv' --resume");
  EXPECT_EQ(resume_command(words, "", true), "./halfwave train 'my data.csv'");
  EXPECT_EQ(default_checkpoint("a/b.onnx"), "a/b.checkpoint");
  EXPECT_EQ(default_checkpoint("b.net"), "b.net.checkpoint");
  EXPECT_EQ(default_checkpoint(".onnx"), ".onnx.checkpoint");
}

TEST(TextTable, AlignsItsColumns) {
  TextTable table({{"name"}, {"count", Align::right}});
  table.add({"×", "7"});
  table.add({"longer", "1,234"});
  EXPECT_EQ(table.text(100),
            "name    count\n"
            "×           7\n"
            "longer  1,234\n");
}

TEST(TextTable, FitsTheWidthAndLosesNothing) {
  TextTable table({{"name"}, {"first text"}, {"second text"}}, "  ");
  table.add(
      {"abc", "the quick brown fox jumps over the lazy dog", "pack my box with five dozen liquor jugs"});
  for (std::size_t width = 40; width <= 100; width += 7) {
    const std::string text = table.text(width);
    for (const std::string& line : lines_of(text)) {
      EXPECT_LE(display_width(line), width);
      EXPECT_NE(line.back(), ' ') << "no trailing spaces";
    }
    for (const char* word : {"abc", "quick", "dog", "pack", "jugs"})
      EXPECT_NE(text.find(word), std::string::npos) << word;
  }
}

TEST(TextTable, LiveRowsHaveTheHeadersWidth) {
  const LiveTable table({"epoch", "train accuracy", "×"});
  EXPECT_EQ(display_width(table.header()), display_width(table.row({"1", "12.5 %", "0"})));
}

}  // namespace
}  // namespace halfwave::cli
