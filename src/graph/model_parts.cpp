#include "graph/model_parts.h"

#include <algorithm>
#include <cmath>

#include "core/team.h"
#include "kernels/rows.h"

namespace halfwave {
namespace {

/// row_of(i) is the row that example i of the batch is made from.
template <class Number, class RowOf>
void gather_rows(const Number* values, const InputForm& form, const StepContext& context, Plan& plan,
                 RowOf&& row_of) {
  const std::size_t features = form.mean.size(), stride = plan.input_stride();
  const int threads = context.batch * features < (std::size_t{1} << 15) ? 1 : context.threads;
  float* const x = plan.input();
  plan.make_input(context, threads, [&](Range rows) {
    for (std::size_t i = rows.begin; i < rows.end; ++i)
      standardise(values + row_of(i) * features, form.mean.data(), form.scale.data(), features,
                  x + i * stride);
  });
}

template <class RowOf>
void gather_rows(const Examples& examples, const InputForm& form, const StepContext& context, Plan& plan,
                 RowOf&& row_of) {
  std::visit([&](const auto& values) { gather_rows(values.data(), form, context, plan, row_of); },
             examples.values);
}

std::size_t same_row(std::size_t i) { return i; }

}  // namespace

std::size_t logit_layers(const ModelParts& parts) {
  const std::size_t last = parts.network.size() - 1;
  const std::string_view kind = parts.network.layer(last).info().name;
  const bool closing =
      parts.network.outputs() == 1 ? kind == "sigmoid" : kind == "softmax" || kind == "log_softmax";
  return closing && last > 0 && parts.schema.task == Task::classification ? last : last + 1;
}

bool has_zeros(const Examples& examples) {
  constexpr std::size_t kExamples = 256;
  return std::visit(
      [&](const auto& values) {
        const std::size_t numbers =
            examples.count == 0 ? 0 : values.size() / examples.count * std::min(examples.count, kExamples);
        const auto end = values.begin() + static_cast<std::ptrdiff_t>(numbers);
        return 5 * static_cast<std::size_t>(std::count(values.begin(), end, 0)) >=
               std::max<std::size_t>(numbers, 1);
      },
      examples.values);
}

InputForm::InputForm(const ModelParts& parts, bool with_rest)
    : mean(parts.preprocessing.mean), scale(parts.preprocessing.scale) {
  const Network& network = parts.network;
  const std::size_t first = network.behind_identities(0);
  if (!with_rest || first == network.size() || !network.layer(first).skips_zeros()) return;
  AlignedVector<float> rests(row_stride(mean.size()), 0.0f);
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const float deviations = mean[j] * scale[j];
    if (!(std::fabs(deviations) <= 1.0f) || deviations == 0.0f) continue;
    rests[j] = -deviations;
    mean[j] = 0.0f;
  }
  if (std::ranges::any_of(rests, [](float r) { return r != 0.0f; })) rest = std::move(rests);
}

void gather(const Examples& examples, const InputForm& form, std::size_t first, const StepContext& context,
            Plan& plan) {
  gather_rows(examples, form, context, plan, [&](std::size_t i) { return first + i; });
}

void gather(const Examples& examples, const InputForm& form, std::span<const std::uint32_t> rows,
            const StepContext& context, Plan& plan) {
  gather_rows(examples, form, context, plan, [&](std::size_t i) { return rows[i]; });
}

void gather(const float* values, const InputForm& form, const StepContext& context, Plan& plan) {
  gather_rows(values, form, context, plan, same_row);
}
void gather(const std::uint8_t* values, const InputForm& form, const StepContext& context, Plan& plan) {
  gather_rows(values, form, context, plan, same_row);
}

void read_predictions(const Preprocessing& preprocessing, const Plan& plan, std::size_t count, float* to) {
  const std::size_t outputs = plan.outputs();
  for (std::size_t i = 0; i < count; ++i, to += outputs) {
    std::copy_n(plan.output() + i * plan.output_stride(), outputs, to);
    for (std::size_t j = 0; j < preprocessing.target_scale.size(); ++j)
      to[j] = to[j] * preprocessing.target_scale[j] + preprocessing.target_mean[j];
  }
}

}  // namespace halfwave
