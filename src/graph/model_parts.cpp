#include "graph/model_parts.h"

#include <algorithm>
#include <cmath>

#include "core/team.h"
#include "kernels/rows.h"

namespace halfwave {
namespace {

/// Numbers for which a second thread pays.
constexpr std::size_t kWorthAThread = std::size_t{1} << 15;

/// Rows of a grid's positions, channels last, from examples that are stored channels first. numbers(example,
/// feature, count, to) gives some of an example's numbers as the network takes them.
template <class Numbers>
void interleave(const Shape& shape, Range rows, float* x, std::size_t stride, Numbers&& numbers) {
  constexpr std::size_t kChannels = 16, kPositions = 64;
  alignas(64) float block[kChannels][kPositions];
  const std::size_t positions = shape.positions();
  for (std::size_t row = rows.begin; row < rows.end;) {
    const std::size_t position = row % positions,
                      count = std::min({kPositions, positions - position, rows.end - row});
    for (std::size_t first = 0; first < shape.channels; first += kChannels) {
      const std::size_t channels = std::min(kChannels, shape.channels - first);
      for (std::size_t c = 0; c < channels; ++c)
        numbers(row / positions, (first + c) * positions + position, count, block[c]);
      float* to = x + row * stride + first;
      for (std::size_t p = 0; p < count; ++p, to += stride)
        for (std::size_t c = 0; c < channels; ++c) to[c] = block[c][p];
    }
    row += count;
  }
}

template <class Numbers>
void make_input(const InputForm& form, const StepContext& context, Plan& plan, Numbers&& numbers) {
  const std::size_t features = form.mean.size(), stride = plan.input_stride();
  const int threads = context.batch * features < kWorthAThread ? 1 : context.threads;
  float* const x = plan.input();
  plan.make_input(context, threads, [&](Range rows) {
    if (form.shape.rank > 0) return interleave(form.shape, rows, x, stride, numbers);
    for (std::size_t i = rows.begin; i < rows.end; ++i) numbers(i, 0, features, x + i * stride);
  });
}

/// row_of(i) is the place of example i of the batch.
template <class Number, class RowOf>
void gather_rows(const Number* values, const InputForm& form, const StepContext& context, Plan& plan,
                 RowOf&& row_of) {
  const std::size_t features = form.mean.size();
  if (!form.order.empty())
    return make_input(form, context, plan,
                      [&](std::size_t i, std::size_t feature, std::size_t count, float* to) {
                        const Number* const example = values + row_of(i) * features;
                        for (std::size_t k = 0; k < count; ++k) {
                          const std::size_t j = feature + k;
                          to[k] = (static_cast<float>(example[form.order[j]]) - form.mean[j]) * form.scale[j];
                        }
                      });
  make_input(form, context, plan, [&](std::size_t i, std::size_t feature, std::size_t count, float* to) {
    standardise(values + row_of(i) * features + feature, form.mean.data() + feature,
                form.scale.data() + feature, count, to);
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
    : shape(parts.network.input()),
      mean(parts.preprocessing.mean),
      scale(parts.preprocessing.scale),
      order(parts.preprocessing.order) {
  if (!with_rest || layer_taking_rest(parts.network) == parts.network.size()) return;
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

void lay_out(const float* values, const InputForm& form, const StepContext& context, Plan& plan) {
  make_input(form, context, plan, [&](std::size_t i, std::size_t feature, std::size_t count, float* to) {
    std::copy_n(values + i * form.mean.size() + feature, count, to);
  });
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
