#include "core/processor.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <cstring>
#include <fstream>
#include <string_view>

namespace halfwave {
namespace {

/// Without spaces at the ends, and single ones between words.
std::string tidied(std::string_view text) {
  std::string tidy;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t';
    if (!space) tidy += c;
    if (space && !tidy.empty() && tidy.back() != ' ') tidy += ' ';
  }
  if (tidy.ends_with(' ')) tidy.pop_back();
  return tidy;
}

#if defined(__x86_64__) || defined(__i386__)
/// The brand string of CPUID leaves 0x80000002 to 0x80000004, family and model of leaf 1 (Intel's and AMD's
/// manuals: the extended parts count only for families 6 and 15).
std::string name_from_processor() {
  constexpr unsigned kFirstLeaf = 0x80000002u, kLeaves = 3;
  unsigned words[4 * kLeaves] = {}, a = 0, b = 0, c = 0, d = 0;
  for (unsigned i = 0; i < kLeaves; ++i) {
    unsigned* w = words + 4 * i;
    if (__get_cpuid(kFirstLeaf + i, w, w + 1, w + 2, w + 3) == 0) return "";
  }
  char brand[sizeof words + 1] = {};
  std::memcpy(brand, words, sizeof words);
  const std::string name = tidied(brand);
  if (name.empty() || __get_cpuid(1, &a, &b, &c, &d) == 0) return name;
  const unsigned base = (a >> 8) & 0xF;
  const unsigned family = base == 0xF ? base + ((a >> 20) & 0xFF) : base;
  const unsigned model = ((a >> 4) & 0xF) | (base == 6 || base == 0xF ? (a >> 12) & 0xF0 : 0);
  return name + " (family " + std::to_string(family) + ", model " + std::to_string(model) + ")";
}
#else
/// Linux on other architectures: the first line of /proc/cpuinfo that names the processor.
std::string name_from_processor() {
  std::ifstream file("/proc/cpuinfo");
  for (const char* key : {"model name", "Hardware", "CPU part"}) {
    file.clear();
    file.seekg(0);
    for (std::string line; std::getline(file, line);) {
      const std::size_t colon = line.find(':');
      if (line.starts_with(key) && colon != std::string::npos) return tidied(line.substr(colon + 1));
    }
  }
  return "";
}
#endif

}  // namespace

std::string processor_name() {
  const std::string name = name_from_processor();
  return name.empty() ? "unknown processor" : name;
}

}  // namespace halfwave
