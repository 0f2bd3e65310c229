#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "operators/family_parts.h"
#include "operators/normalisation.h"
#include "operators/type_set.h"
#include "operators/windows.h"

namespace halfwave {
namespace {

/// Image, channel and place of a tensor [batch, channels, …]; without more axes there is one place.
struct Planes {
  std::size_t batch, channels, places;
  explicit Planes(const Dims& dims)
      : batch(static_cast<std::size_t>(dims[0])),
        channels(static_cast<std::size_t>(dims[1])),
        places(static_cast<std::size_t>(product(dims, 2, dims.size()))) {}
};

void check_rank(const ValueInfo& data, std::size_t least) {
  if (data.dims && data.dims->size() < least)
    throw input_error(fmt::format("{} has fewer than {} axes", describe(*data.dims), least));
}

/// The parameter in input i must have this shape.
void check_parameter(Infos inputs, std::size_t i, const Dims& dims) {
  const ValueInfo& info = floating_argument(inputs, i);
  if (info.dims && *info.dims != dims)
    throw input_error(
        fmt::format("input {} must have shape {}, not {}", i + 1, describe(dims), describe(*info.dims)));
}

double epsilon_of(const OperatorNode& node, float otherwise) {
  return static_cast<double>(node.number("epsilon", otherwise));
}

template <class T>
std::vector<T> numbers_in(const Tensor& tensor) {
  const Tensor numbers = tensor.cast(kTypeOf<T>);
  const std::span<const T> elements = numbers.elements<T>();
  return {elements.begin(), elements.end()};
}

// --- BatchNormalization (https://arxiv.org/abs/1502.03167)

/// Whether it takes the statistics of its input instead of those that it is given. Before opset 14 that is
/// told by the outputs that it has, since is_test is often left at its default.
bool uses_batch(const OperatorNode& node) {
  if (node.opset >= 14) return node.integer("training_mode", 0) != 0;
  const bool more = std::any_of(node.outputs.begin() + std::min<std::ptrdiff_t>(1, std::ssize(node.outputs)),
                                node.outputs.end(), [](const std::string& name) { return !name.empty(); });
  return more && node.integer("is_test", 0) == 0;
}

/// Before opset 9: a scale for each place of a channel, where `spatial` is 0.
bool is_spatial(const OperatorNode& node) { return node.opset >= 9 || node.integer("spatial", 1) != 0; }

std::vector<ValueInfo> infer_batch_normalization(const OperatorNode& node, Infos inputs) {
  const ValueInfo& data = floating_argument(inputs, 0);
  check_rank(data, 2);
  epsilon_of(node, 1e-5f);
  static_cast<void>(node.number("momentum", 0.9f));
  std::optional<Dims> statistics;
  if (data.dims)
    statistics = is_spatial(node) ? Dims{(*data.dims)[1]} : Dims(data.dims->begin() + 1, data.dims->end());
  for (std::size_t i = 1; i <= 4; ++i) {
    floating_argument(inputs, i);
    if (statistics) check_parameter(inputs, i, *statistics);
  }
  std::vector<ValueInfo> outputs(node.opset >= 14 ? 3 : 5, {inputs[3].type, statistics, {}});
  if (!uses_batch(node)) outputs.assign(outputs.size(), {});
  outputs[0] = {data.type, data.dims, {}};
  return outputs;
}

/// Mean and variance of each channel of the batch.
template <class T>
void batch_statistics(std::span<const T> x, const Planes& p, std::vector<T>& mean, std::vector<T>& variance) {
  const auto count = static_cast<double>(p.batch * p.places);
  for (std::size_t c = 0; c < p.channels; ++c) {
    double sum = 0.0, squares = 0.0;
    const auto for_channel = [&](auto&& f) {
      for (std::size_t n = 0; n < p.batch; ++n) {
        const T* plane = x.data() + (n * p.channels + c) * p.places;
        for (std::size_t i = 0; i < p.places; ++i) f(static_cast<double>(plane[i]));
      }
    };
    for_channel([&](double value) { sum += value; });
    for_channel([&](double value) { squares += (value - sum / count) * (value - sum / count); });
    mean[c] = static_cast<T>(sum / count);
    variance[c] = static_cast<T>(squares / count);
  }
}

/// Writes the running and the saved statistics, where they are wanted.
template <class T>
void put_statistics(const OperatorCall& call, const std::vector<T>& mean, const std::vector<T>& variance,
                    const std::vector<T>& old_mean, const std::vector<T>& old_variance) {
  const auto momentum = static_cast<T>(call.node.number("momentum", 0.9f));
  const auto put = [&](std::size_t i, const std::vector<T>& numbers, const std::vector<T>* old) {
    if (i >= call.outputs.size() || !call.outputs[i]) return;
    Tensor made(kTypeOf<T>, call.outputs[i].dims());
    const std::span<T> to = made.template elements<T>();
    for (std::size_t c = 0; c < to.size(); ++c)
      to[c] = old ? (*old)[c] * momentum + numbers[c] * (T(1) - momentum) : numbers[c];
    call.outputs[i] = made.cast(call.outputs[i].type());
  };
  put(1, mean, &old_mean);
  put(2, variance, &old_variance);
  put(3, mean, nullptr);
  put(4, variance, nullptr);
}

template <class T>
void batch_normalise(const OperatorCall& call) {
  Planes p(call.inputs[0].dims());
  if (!is_spatial(call.node)) p.channels *= p.places, p.places = 1;
  const std::span<const T> x = call.inputs[0].elements<T>();
  const std::vector<T> scale = numbers_in<T>(call.inputs[1]), bias = numbers_in<T>(call.inputs[2]);
  std::vector<T> mean = numbers_in<T>(call.inputs[3]), variance = numbers_in<T>(call.inputs[4]);
  if (uses_batch(call.node)) {
    const std::vector<T> old_mean = mean, old_variance = variance;
    batch_statistics(x, p, mean, variance);
    put_statistics(call, mean, variance, old_mean, old_variance);
  }
  if (!call.outputs[0]) return;
  const double epsilon = epsilon_of(call.node, 1e-5f);
  const std::span<T> y = call.outputs[0].elements<T>();
  share_work(call.threads, p.batch * p.channels, static_cast<double>(x.size()), [&](Range planes) {
    for (std::size_t plane = planes.begin; plane < planes.end; ++plane) {
      const std::size_t c = plane % p.channels;
      const T factor = scale[c] / static_cast<T>(std::sqrt(static_cast<double>(variance[c]) + epsilon)),
              middle = mean[c], start = bias[c];
      for (std::size_t i = plane * p.places; i < (plane + 1) * p.places; ++i)
        y[i] = (x[i] - middle) * factor + start;
    }
  });
}

void compute_batch_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_batch_normalization);
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) { batch_normalise<T>(call); });
}

// --- InstanceNormalization, GroupNormalization: rows of some channels of an image

/// Scale and bias have parameters(channels) numbers each.
template <class Parameters>
std::vector<ValueInfo> infer_channel_normalization(const OperatorNode& node, Infos inputs,
                                                   Parameters&& parameters) {
  const ValueInfo& data = floating_argument(inputs, 0);
  check_rank(data, 2);
  epsilon_of(node, 1e-5f);
  for (std::size_t i = 1; i <= 2; ++i) {
    floating_argument(inputs, i);
    check_same_type(inputs, 0, i);
    if (data.dims) check_parameter(inputs, i, {parameters((*data.dims)[1])});
  }
  return one_output(data.type, data.dims);
}

std::vector<ValueInfo> infer_instance_normalization(const OperatorNode& node, Infos inputs) {
  return infer_channel_normalization(node, inputs, [](std::int64_t channels) { return channels; });
}

/// The channels' number of groups, which divides it.
std::int64_t channel_groups(const OperatorNode& node, std::int64_t channels) {
  const std::int64_t groups = node.integer("num_groups", 0);
  if (groups < 1 || channels % groups != 0)
    throw input_error(fmt::format("{} channels do not make {} groups", channels, groups));
  return groups;
}

std::vector<ValueInfo> infer_group_normalization(const OperatorNode& node, Infos inputs) {
  return infer_channel_normalization(node, inputs, [&](std::int64_t channels) {
    const std::int64_t groups = channel_groups(node, channels);
    return node.opset < 21 ? groups : channels;
  });
}

/// Rows of whole channels. The parameters are one for each channel, or for each row of an image.
void normalise_channels(const OperatorCall& call, std::size_t groups) {
  visit_among<kFullPrecision>(call.inputs[0].type(), [&]<class T>(TypeTag<T>) {
    const Planes p(call.inputs[0].dims());
    const std::span<const T> x = call.inputs[0].elements<T>(), scale = call.inputs[1].elements<T>(),
                             bias = call.inputs[2].elements<T>();
    const std::span<T> y = call.outputs[0].elements<T>();
    if (y.empty()) return;
    const std::size_t row_channels = p.channels / groups, length = row_channels * p.places;
    const double epsilon = epsilon_of(call.node, 1e-5f);
    share_work(call.threads, p.batch * groups, 4.0 * static_cast<double>(x.size()), [&](Range rows) {
      for (std::size_t row = rows.begin; row < rows.end; ++row) {
        const Moments m = moments_of(x.data() + row * length, length, true);
        const double inverse = 1.0 / std::sqrt(m.variance + epsilon);
        for (std::size_t i = 0; i < row_channels; ++i) {
          const std::size_t plane = row * row_channels + i, channel = plane % p.channels,
                            parameter = scale.size() == p.channels ? channel : channel / row_channels;
          const T factor = static_cast<T>(inverse) * scale[parameter], middle = static_cast<T>(m.mean);
          for (std::size_t at = plane * p.places; at < (plane + 1) * p.places; ++at)
            y[at] = (x[at] - middle) * factor + bias[parameter];
        }
      }
    });
  });
}

void compute_instance_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_instance_normalization);
  normalise_channels(call, static_cast<std::size_t>(call.inputs[0].dims()[1]));
}
void compute_group_normalization(const OperatorCall& call) {
  if (!kFullPrecision.has(call.inputs[0].type()))
    return compute_as(call, kFullPrecision, compute_group_normalization);
  normalise_channels(call, static_cast<std::size_t>(channel_groups(call.node, call.inputs[0].dims()[1])));
}

constexpr Operator kOperators[] = {
    {"BatchNormalization", 1, infer_batch_normalization, compute_batch_normalization},
    {"GroupNormalization", 18, infer_group_normalization, compute_group_normalization},
    {"InstanceNormalization", 1, infer_instance_normalization, compute_instance_normalization},
};

}  // namespace

std::span<const Operator> normalisation_operators() {
  static const std::vector<Operator> all =
      joined({kOperators, row_normalisation_operators(), axis_normalisation_operators()});
  return all;
}

}  // namespace halfwave
