#include <fmt/format.h>

#include <algorithm>

#include "operators/arguments.h"

namespace halfwave {
namespace {

// --- StringNormalizer. Letters are those of ASCII: what else a locale would change stays.

enum class Case { none, lower, upper };

Case case_of(const OperatorNode& node) {
  const std::string name = node.text("case_change_action", "NONE");
  if (name == "NONE") return Case::none;
  if (name == "LOWER") return Case::lower;
  if (name == "UPPER") return Case::upper;
  throw input_error(fmt::format("case_change_action '{}' is none of NONE, LOWER, UPPER", name));
}

std::string in_case(std::string text, Case to) {
  for (char& c : text) {
    if (to == Case::lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (to == Case::upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

/// The texts that are no stop words, in their new case; a single empty one where none is left.
std::vector<std::string> normalised(const OperatorNode& node, const Tensor& texts) {
  const bool exact = node.integer("is_case_sensitive", 0) != 0;
  const auto key = [&](const std::string& text) { return exact ? text : in_case(text, Case::lower); };
  std::vector<std::string> stopwords = node.texts("stopwords");
  std::transform(stopwords.begin(), stopwords.end(), stopwords.begin(), key);
  std::vector<std::string> kept;
  for (const std::string& text : texts.elements<std::string>())
    if (std::find(stopwords.begin(), stopwords.end(), key(text)) == stopwords.end())
      kept.push_back(in_case(text, case_of(node)));
  if (kept.empty()) kept.emplace_back();
  return kept;
}

std::vector<ValueInfo> infer_normalizer(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = argument(inputs, 0);
  if (data.type != ElementType::text) throw input_error("its input must be texts");
  case_of(node);
  if (data.dims &&
      (data.dims->empty() || data.dims->size() > 2 || (data.dims->size() == 2 && data.dims->front() != 1)))
    throw input_error(fmt::format("texts must be one row, not {}", describe(*data.dims)));
  if (!data.value) return one_output(data.type, std::nullopt);
  Dims dims = *data.dims;
  dims.back() = static_cast<std::int64_t>(normalised(node, data.value).size());
  return one_output(data.type, dims);
}

void compute_normalizer(const OperatorCall& call) {
  std::vector<std::string> texts = normalised(call.node, call.inputs[0]);
  std::move(texts.begin(), texts.end(), call.outputs[0].elements<std::string>().begin());
}

constexpr Operator kOperators[] = {{"StringNormalizer", 10, infer_normalizer, compute_normalizer}};

}  // namespace

std::span<const Operator> text_operators() { return kOperators; }

}  // namespace halfwave
