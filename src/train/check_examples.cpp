#include "train/check_examples.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

namespace halfwave {
namespace {

void check_size(std::string_view what, std::string_view numbers, std::size_t has, std::size_t needed) {
  if (has != needed)
    throw usage_error(fmt::format("{} has {} {} where its examples need {}.", what, has, numbers, needed));
}

}  // namespace

void check_examples(const Examples& examples, const Schema& schema, Labels labels, std::string_view what) {
  const std::size_t values = std::visit([](const auto& v) { return v.size(); }, examples.values);
  check_size(what, "values", values, examples.count * schema.features());
  if (labels == Labels::unused) return;
  if (schema.task == Task::regression)
    return check_size(what, "targets", examples.targets.size(), examples.count * schema.outputs);
  check_size(what, "labels", examples.labels.size(), examples.count);
  if (schema.classes.size() < 2)
    throw usage_error(fmt::format("{} has {} class; to tell classes apart there must be two.", what,
                                  schema.classes.size()));
  const auto classes = static_cast<std::int32_t>(schema.classes.size());
  const auto wrong = std::find_if(examples.labels.begin(), examples.labels.end(),
                                  [&](std::int32_t label) { return label < 0 || label >= classes; });
  if (wrong != examples.labels.end())
    throw usage_error(fmt::format("{}: label {} of example {} is not one of the {} classes.", what, *wrong,
                                  wrong - examples.labels.begin(), classes));
}

}  // namespace halfwave
