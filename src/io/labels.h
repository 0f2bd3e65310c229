#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace halfwave {

/// Looks texts up without making a std::string of each.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// A number as a class is named: 3 for 3.0, the shortest text that reads back as the same number otherwise.
std::string number_text(double value);

/// Numeric targets are classes where they are whole numbers with at most 20 distinct values.
bool look_like_classes(const std::set<double>& distinct);

/// Throws Error (input) where a classification has a single class, or so many that its target is rather an
/// identifier.
void check_classes(const std::string& name, std::size_t classes);

/// From the name of a class to its index.
class ClassMap {
 public:
  explicit ClassMap(const std::vector<std::string>& classes);

  /// The index of the class, or -1. Where the classes have words for names, their numbers 0, 1, … stand for
  /// them too.
  std::int32_t find(std::string_view text) const;
  /// The end of a message about a text that was not found: "is out of range 0 … 9", "is none of the classes:
  /// …".
  std::string why_unknown(std::string_view text) const;

 private:
  const std::vector<std::string>& classes_;
  TextMap<std::int32_t> index_;
  bool words_ = true;
};

}  // namespace halfwave
