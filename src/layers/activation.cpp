#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "core/random.h"
#include "core/team.h"
#include "kernels/activation_kernels.h"
#include "layers/column_sums.h"
#include "layers/kinds.h"

namespace halfwave {
namespace {

/// What all activations share: their declaration, and their fields as the kernels take them.
class ActivationLayer : public RowLayer {
 public:
  ActivationLayer(const LayerInfo& info, std::vector<double> fields)
      : RowLayer(info, std::move(fields)), activation_(find_activation(info.name)) {
    for (const double value : this->fields()) parameters_.push_back(static_cast<float>(value));
    flat_ = activation_.zero_below && flat_where_zero(activation_, parameters_.data());
  }

  bool is_activation() const override { return true; }
  bool zero_below() const override { return activation_.zero_below; }
  Zeros zeros(Zeros, bool) const override { return {activation_.zero_below, flat_}; }
  bool zeros_gradient(bool) const override { return activation_.zero_below && activation_.elementwise; }
  bool keeps_input() const override { return !activation_.backward_from_output; }
  bool keeps_output() const override { return activation_.backward_from_output; }
  bool in_place() const override { return true; }

 protected:
  const ActivationInfo& activation() const { return activation_; }
  const float* parameters() const { return parameters_.data(); }
  const float* saved(const LayerMemory& m) const { return activation_.backward_from_output ? m.y : m.x; }
  std::size_t saved_stride(const LayerMemory& m) const {
    return activation_.backward_from_output ? m.y_stride : m.x_stride;
  }

 private:
  const ActivationInfo& activation_;
  std::vector<float> parameters_;
  bool flat_ = false;
};

/// Every number by itself: the matrix is one long array, padding included.
class Pointwise final : public ActivationLayer {
 public:
  Pointwise(const LayerInfo& info, std::vector<double> fields)
      : ActivationLayer(info, std::move(fields)), functions_(activation_functions(activation())) {}

  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    const std::size_t begin = rows.begin * m.x_stride;
    functions_.forward(m.x + begin, m.y + begin, rows.size() * m.x_stride, parameters());
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    const std::size_t n = input_rows(context) * m.x_stride;
    run_team(context.team(n * kWork), [&](int thread, int all) {
      const Range part = share(n, thread, all, kLineFloats);
      functions_.backward(saved(m) + part.begin, m.dy + part.begin, m.dx + part.begin, part.size(),
                          parameters());
    });
  }

 private:
  ActivationFunctions functions_;
};

/// Every number by itself, with a learned number for each unit (prelu's slope, brelu's threshold).
class PerUnit final : public ActivationLayer {
 public:
  PerUnit(const LayerInfo& info, std::vector<double> fields)
      : ActivationLayer(info, std::move(fields)), functions_(per_unit_functions(activation())) {}

  std::vector<TensorSpec> tensors() const override {
    return {{.name = std::string(info().fields[0].name),
             .shape = {inputs()},
             .start = static_cast<float>(field(0))}};
  }

  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    functions_.forward({m.x + rows.begin * m.x_stride, m.x_stride},
                       {m.y + rows.begin * m.y_stride, m.y_stride}, rows.size(), inputs(), m.tensors[0]);
  }

  std::size_t scratch(std::size_t batch, bool training, bool) const override {
    return training ? sums(nullptr, batch).floats() : 0;
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink& sink) const override {
    float* const dx = m.dx ? m.dx : m.dy;
    const ColumnSums all = sums(m.scratch, context.batch);
    all.run(context.team(input_rows(context) * m.x_stride * kWork), [&](Range rows, float* of_rows) {
      functions_.backward({saved(m) + rows.begin * saved_stride(m), saved_stride(m)},
                          {m.dy + rows.begin * m.y_stride, m.y_stride},
                          {dx + rows.begin * m.x_stride, m.x_stride}, rows.size(), inputs(), m.tensors[0],
                          of_rows);
    });
    for (std::size_t j = 0; j < inputs(); ++j) m.gradients[0][j] = static_cast<float>(all.total(0, j));
    sink.ready(0, 0, inputs(), m.gradients[0]);
  }

 private:
  /// The gradient of each unit's number.
  ColumnSums sums(float* memory, std::size_t batch) const {
    return {memory, batch * input().positions(), inputs(), 1};
  }

  PerUnitFunctions functions_;
};

/// Every number by itself, with a random number for each in training (rrelu), and the mean of them otherwise.
class Randomised final : public ActivationLayer {
 public:
  Randomised(const LayerInfo& info, std::vector<double> fields)
      : ActivationLayer(info, std::move(fields)),
        training_(random_functions(activation())),
        inference_(activation_functions(activation())) {}

  void forward_rows(const StepContext& context, const LayerMemory& m, Range rows) const override {
    const std::size_t begin = rows.begin * m.x_stride, n = rows.size() * m.x_stride;
    if (context.training)
      training_.forward(m.x + begin, m.y + begin, n, parameters(), position(context, m, begin));
    else
      inference_.forward(m.x + begin, m.y + begin, n, parameters());
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    const std::size_t n = input_rows(context) * m.x_stride;
    run_team(context.team(n * kWork), [&](int thread, int all) {
      const Range part = share(n, thread, all, kLineFloats);
      training_.backward(saved(m) + part.begin, m.dy + part.begin, m.dx + part.begin, part.size(),
                         parameters(), position(context, m, part.begin));
    });
  }

 private:
  static RandomPosition position(const StepContext& context, const LayerMemory& m, std::size_t first) {
    return {context.seed, stream_id(Stream::dropout, context.step), (m.layer << 40) + first};
  }

  RandomFunctions training_;
  ActivationFunctions inference_;
};

/// Whole rows: softmax (n units to n), crelu (n units to 2 n).
class RowWise final : public ActivationLayer {
 public:
  RowWise(const LayerInfo& info, std::vector<double> fields)
      : ActivationLayer(info, std::move(fields)), functions_(row_functions(activation())) {}

  bool in_place() const override { return !doubles(); }

  void forward_rows(const StepContext&, const LayerMemory& m, Range rows) const override {
    functions_.forward({m.x + rows.begin * m.x_stride, m.x_stride},
                       {m.y + rows.begin * m.y_stride, m.y_stride}, rows.size(), inputs());
  }

  void backward(const StepContext& context, const LayerMemory& m, GradientSink&) const override {
    run_team(context.team(input_rows(context) * m.x_stride * kWork), [&](int thread, int all) {
      const Range rows = share(input_rows(context), thread, all);
      functions_.backward({saved(m) + rows.begin * saved_stride(m), saved_stride(m)},
                          {m.dy + rows.begin * m.y_stride, m.y_stride},
                          {m.dx + rows.begin * m.x_stride, m.x_stride}, rows.size(), inputs());
    });
  }

 private:
  bool doubles() const { return activation().form == ActivationInfo::Form::doubled; }
  Shape output_for(const Shape& input) const override {
    Shape output = input;
    if (doubles()) output.channels *= 2;
    return output;
  }

  RowFunctions functions_;
};

/// The number that people mean by a float: 0.01 by 0.01f, which is not 0.01 as a double.
double as_written(float number) {
  const std::string text = fmt::format("{}", number);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

LayerInfo activation_layer(const ActivationInfo& activation) {
  LayerInfo info{.name = activation.name,
                 .help = activation.formula,
                 .onnx = activation.onnx,
                 .fields = {},
                 .make = nullptr};
  for (const ActivationParameter& p : activation.parameters)
    info.fields.push_back({p.name, as_written(p.value), as_written(p.low), as_written(p.high), p.help});
  switch (activation.form) {
    case ActivationInfo::Form::pointwise:
      info.make = make_layer<Pointwise>;
      break;
    case ActivationInfo::Form::per_unit:
      info.make = make_layer<PerUnit>;
      break;
    case ActivationInfo::Form::random:
      info.make = make_layer<Randomised>;
      break;
    case ActivationInfo::Form::doubled:
    case ActivationInfo::Form::row:
      info.make = make_layer<RowWise>;
      break;
  }
  return info;
}

}  // namespace halfwave
