#pragma once
// Models made from a line, without training, and what is found in them.
#include <gmock/gmock.h>
#include <halfwave/inspect.h>

#include <string>
#include <vector>

#include "graph/initialise.h"
#include "graph/model_parts.h"

namespace halfwave {

/// Initialised as training would; classes = 0: a regression with one target, standardised.
inline ModelParts parts_of(const std::string& line, std::vector<std::int64_t> shape, std::size_t classes,
                           const std::string& init = "auto") {
  ModelParts parts{.network = parse_network(line, shape, classes == 0 ? 1 : classes),
                   .schema = {},
                   .preprocessing = {},
                   .facts = {}};
  parts.schema.task = classes == 0 ? Task::regression : Task::classification;
  parts.schema.shape = std::move(shape);
  for (std::size_t c = 0; c < classes; ++c) parts.schema.classes.push_back(std::to_string(c));
  parts.preprocessing.mean.assign(parts.schema.features(), 1.0f);
  parts.preprocessing.scale.assign(parts.schema.features(), 0.5f);
  if (classes == 0) {
    parts.preprocessing.target_mean = {3.0f};
    parts.preprocessing.target_scale = {2.0f};
  }
  initialise(parts.network, init, 0.0, 1);
  return parts;
}

inline const NetworkTensor& tensor_of(const Network& network, const std::string& name) {
  for (const NetworkTensor& tensor : network.tensors())
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

/// Changes the numbers of a tensor.
template <class Change>
void change(Network& network, const std::string& name, Change&& its) {
  const NetworkTensor& tensor = tensor_of(network, name);
  std::vector<float> numbers = network.get(tensor);
  its(numbers);
  network.set(tensor, numbers);
}

/// "kind in where" of each.
inline std::vector<std::string> names_of(const std::vector<Finding>& findings) {
  std::vector<std::string> names;
  for (const Finding& finding : findings) names.push_back(finding.kind + " in " + finding.where);
  return names;
}

inline const Finding* find_kind(const std::vector<Finding>& findings, const std::string& kind) {
  for (const Finding& finding : findings)
    if (finding.kind == kind) return &finding;
  return nullptr;
}

}  // namespace halfwave
