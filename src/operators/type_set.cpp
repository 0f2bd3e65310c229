#include "operators/type_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace halfwave {

const ValueInfo& argument_among(Infos inputs, std::size_t i, TypeSet types) {
  const ValueInfo& info = argument(inputs, i);
  if (types.has(info.type)) return info;
  std::vector<std::string_view> names;
  for (int number = 1; number < 32; ++number)
    if (const auto type = static_cast<ElementType>(number); types.has(type)) names.push_back(type_name(type));
  throw input_error(
      fmt::format("input {} must be of {}, not {}", i + 1, fmt::join(names, ", "), type_name(info.type)));
}

void check_scalar(Infos inputs, std::size_t i) {
  if (given(inputs, i) && inputs[i].dims && element_count(*inputs[i].dims) != 1)
    throw input_error(
        fmt::format("input {} must be a single number, not {}", i + 1, describe(*inputs[i].dims)));
}

ElementType computed_type(ElementType type, TypeSet compiled) {
  if (compiled.has(type)) return type;
  if (kHalfPrecision.has(type)) return ElementType::float32;
  const ElementType wide = kUnsigned.has(type) ? ElementType::uint64 : ElementType::int64;
  return compiled.has(wide) ? wide : ElementType::float64;
}

void compute_as(const OperatorCall& call, TypeSet compiled, void (*compute)(const OperatorCall&),
                std::size_t inputs_converted) {
  const ElementType own = call.inputs[0].type(), other = computed_type(own, compiled);
  std::vector<Tensor> inputs(call.inputs.begin(), call.inputs.end()),
      outputs(call.outputs.begin(), call.outputs.end());
  for (Tensor& input : std::span(inputs).first(std::min(inputs_converted, inputs.size())))
    if (input.type() == own) input = input.cast(other);
  for (Tensor& output : outputs)
    if (output.type() == own) output = Tensor(other, output.dims());
  compute({call.node, inputs, outputs, call.threads});
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (call.outputs[i].type() == own) call.outputs[i] = outputs[i].cast(own);
}

}  // namespace halfwave
