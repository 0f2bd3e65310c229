#pragma once
// A small evaluator of the ONNX expressions in the declarations: expr := number | name | Op(expr, ...,
// attribute=expr). The operators are those of opset 17, from their definitions in the ONNX documentation.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

class OnnxExpression {
 public:
  using Names = std::map<std::string, double, std::less<>>;
  OnnxExpression(std::string_view text, const Names& names) : text_(text), names_(names) {}

  double value() {
    const double result = expression();
    if (at_ != text_.size()) throw std::runtime_error("text after the expression");
    return result;
  }

 private:
  struct Arguments {
    std::vector<double> inputs;
    Names attributes;
    double attribute(const char* name) const { return attributes.at(name); }
  };

  bool take(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string word() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const std::size_t begin = at_;
    const auto part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    };
    while (at_ < text_.size() && part(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  double expression() {
    const std::string name = word();
    if (take('(')) return apply(name, arguments());
    if (const auto found = names_.find(name); found != names_.end()) return found->second;
    std::size_t used = 0;
    const double number = std::stod(name, &used);
    if (used != name.size()) throw std::runtime_error("not a number: " + name);
    return number;
  }

  Arguments arguments() {
    Arguments all;
    do {
      const std::size_t begin = at_;
      const std::string name = word();
      if (take('=')) {
        all.attributes[name] = expression();
      } else {
        at_ = begin;
        all.inputs.push_back(expression());
      }
    } while (take(','));
    if (!take(')')) throw std::runtime_error("')' expected");
    return all;
  }

  static double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

  static double apply(const std::string& op, const Arguments& a) {
    const double x = a.inputs.at(0);
    const auto second = [&] { return a.inputs.at(1); };
    if (op == "Identity") return x;
    if (op == "Abs") return std::abs(x);
    if (op == "Neg") return -x;
    if (op == "Exp") return std::exp(x);
    if (op == "Sqrt") return std::sqrt(x);
    if (op == "Erf") return std::erf(x);
    if (op == "Tanh") return std::tanh(x);
    if (op == "Relu") return std::max(x, 0.0);
    if (op == "Sigmoid") return 1 / (1 + std::exp(-x));
    if (op == "Softplus") return softplus(x);
    if (op == "Softsign") return x / (1 + std::abs(x));
    if (op == "HardSwish") return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    if (op == "Add") return x + second();
    if (op == "Sub") return x - second();
    if (op == "Mul") return x * second();
    if (op == "Div") return x / second();
    if (op == "Greater") return x > second();
    if (op == "Where") return x != 0 ? second() : a.inputs.at(2);
    if (op == "Clip") return std::clamp(x, second(), a.inputs.at(2));
    if (op == "PRelu") return x < 0 ? second() * x : x;
    if (op == "LeakyRelu") return x < 0 ? a.attribute("alpha") * x : x;
    if (op == "ThresholdedRelu") return x > a.attribute("alpha") ? x : 0;
    if (op == "Elu") return x < 0 ? a.attribute("alpha") * std::expm1(x) : x;
    if (op == "Celu")
      return std::max(0.0, x) + std::min(0.0, a.attribute("alpha") * std::expm1(x / a.attribute("alpha")));
    if (op == "Selu")
      return 1.05070102214813232421875 * (x > 0 ? x : 1.67326319217681884765625 * std::expm1(x));
    if (op == "HardSigmoid") return std::clamp(a.attribute("alpha") * x + a.attribute("beta"), 0.0, 1.0);
    if (op == "Shrink") {
      if (x < -a.attribute("lambd")) return x + a.attribute("bias");
      return x > a.attribute("lambd") ? x - a.attribute("bias") : 0;
    }
    throw std::runtime_error("not an operator of opset 17: " + op);
  }

  std::string_view text_;
  const Names& names_;
  std::size_t at_ = 0;
};

}  // namespace halfwave
