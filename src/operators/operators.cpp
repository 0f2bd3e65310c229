#include <algorithm>
#include <tuple>

#include "operators/operator.h"

namespace halfwave {
namespace {

constexpr auto by_name = [](const Operator& a, const Operator& b) {
  return std::tie(a.domain, a.name, a.since) < std::tie(b.domain, b.name, b.since);
};

constexpr OperatorFamily kFamilies[] = {{"elementwise", elementwise_operators},
                                        {"activations", activation_operators},
                                        {"products", matrix_operators},
                                        {"convolution", convolution_operators},
                                        {"pooling", pooling_operators},
                                        {"normalisation", normalisation_operators},
                                        {"shapes", shape_operators},
                                        {"reductions", reduction_operators},
                                        {"resizing", resize_operators},
                                        {"texts", text_operators},
                                        {"sequences", sequence_operators}};

std::vector<Operator> all_operators() {
  std::vector<Operator> all;
  for (const OperatorFamily& family : kFamilies) {
    const std::span<const Operator> declared = family.declared();
    all.insert(all.end(), declared.begin(), declared.end());
  }
  std::sort(all.begin(), all.end(), by_name);
  return all;
}

}  // namespace

std::span<const OperatorFamily> operator_families() { return kFamilies; }

std::span<const Operator> operators() {
  static const std::vector<Operator> all = all_operators();
  return all;
}

const Operator* find_operator(const OperatorNode& node) {
  const Operator* found = nullptr;  // the newest form that is not newer than the file
  for (const Operator& op : operators())
    if (op.name == node.op && op.domain == node.domain && op.since <= node.opset) found = &op;
  return found;
}

}  // namespace halfwave
