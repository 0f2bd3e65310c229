#include "layers/onnx_expression.h"

#include <fmt/format.h>

#include <charconv>

#include "halfwave/error.h"

namespace halfwave {
namespace {

/// Recursive descent over
///   expression := word | word '(' argument { ',' argument } ')'
///   argument   := expression | word '=' word
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  OnnxExpression whole() {
    OnnxExpression result = expression();
    if (at_ != text_.size()) throw wrong("the end");
    return result;
  }

 private:
  OnnxExpression expression() {
    OnnxExpression result;
    result.text = word();
    if (!accept('(')) return result;
    result.is_operation = true;
    do argument(result);
    while (accept(','));
    if (!accept(')')) throw wrong("',' or ')'");
    return result;
  }

  void argument(OnnxExpression& operation) {
    OnnxExpression value = expression();
    if (value.is_operation || !accept('=')) {
      operation.arguments.push_back(std::move(value));
    } else {
      operation.attributes.push_back({std::move(value.text), word()});
    }
  }

  /// A name or a number: everything up to a blank or a sign of the grammar.
  std::string word() {
    skip_blanks();
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(" (),=", begin), text_.size());
    if (at_ == begin) throw wrong("a name or a number");
    std::string result(text_.substr(begin, at_ - begin));
    skip_blanks();
    return result;
  }

  bool accept(char sign) {
    if (at_ == text_.size() || text_[at_] != sign) return false;
    ++at_;
    skip_blanks();
    return true;
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(' ', at_), text_.size()); }

  Error wrong(std::string_view expected) const {
    return Error(ErrorKind::fault,
                 fmt::format("ONNX expression '{}', character {}: {} is expected", text_, at_ + 1, expected));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

OnnxExpression parse_onnx_expression(std::string_view text) { return Parser(text).whole(); }

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace halfwave
