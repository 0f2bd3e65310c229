#include "layers/operators.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>

namespace halfwave {
namespace {

class Operators final : public Layer {
 public:
  Operators(const LayerInfo& info, std::shared_ptr<const OperatorRegion> region)
      : Layer(info, {}), region_(std::move(region)) {}

  const OperatorRegion& region() const { return *region_; }
  bool has_backward() const override { return false; }

  /// Examples in as many as the graph takes at once; where the last ones are fewer, the last of them again.
  void forward(const StepContext& context, const LayerMemory& m) const override {
    const std::size_t together = region_->together > 0 ? region_->together : context.batch;
    for (std::size_t first = 0; first < context.batch; first += together) {
      std::vector<Tensor> inputs;
      for (const OperatorRegion::Value& value : region_->inputs)
        inputs.push_back(read(value, m, first, together, context.batch));
      const std::vector<Tensor> results = run_graph(region_->graph, inputs, context.threads);
      for (std::size_t i = 0; i < results.size(); ++i)
        write(region_->outputs[i], results[i], m, first, std::min(together, context.batch - first));
    }
  }

  void backward(const StepContext&, const LayerMemory&, GradientSink&) const override {
    throw Error(ErrorKind::fault, "a region of operators was to hand a gradient back");
  }

 private:
  /// Where number `order` of an example is in a matrix of rows of `channels`.
  static std::size_t place(const OperatorRegion::Value& value, std::size_t i, std::size_t channels,
                           std::size_t stride) {
    const std::size_t number = value.order.empty() ? value.first + i : value.order[i];
    return number / channels * stride + number % channels;
  }

  Tensor read(const OperatorRegion::Value& value, const LayerMemory& m, std::size_t first, std::size_t count,
              std::size_t all) const {
    Dims dims = value.dims;
    if (region_->together == 0) dims[0] = static_cast<std::int64_t>(count);
    Tensor made(ElementType::float32, std::move(dims));
    float* to = made.elements<float>().data();
    for (std::size_t e = first; e < first + count; ++e, to += value.numbers) {
      const float* const x = m.x + std::min(e, all - 1) * input().positions() * m.x_stride;
      for (std::size_t i = 0; i < value.numbers; ++i) to[i] = x[place(value, i, inputs(), m.x_stride)];
    }
    return value.type == ElementType::float32 ? made : made.cast(value.type);
  }

  void write(const OperatorRegion::Value& value, const Tensor& result, const LayerMemory& m,
             std::size_t first, std::size_t count) const {
    const Tensor numbers = result.type() == ElementType::float32 ? result : result.cast(ElementType::float32);
    if (numbers.count() < count * value.numbers)
      throw input_error(fmt::format("{}: a result has the shape {} where {} numbers an example are expected",
                                    region_->reason, describe(result.dims()), value.numbers));
    const float* from = numbers.elements<float>().data();
    for (std::size_t e = first; e < first + count; ++e, from += value.numbers) {
      float* const y = m.y + e * output().positions() * m.y_stride;
      for (std::size_t i = 0; i < value.numbers; ++i) y[place(value, i, outputs(), m.y_stride)] = from[i];
    }
  }

  Shape output_for(const Shape&) const override { return region_->output; }

  std::shared_ptr<const OperatorRegion> region_;
};

const LayerInfo& operators_info() {
  static const LayerInfo info{
      .name = "operators",
      .help = "operators of a model file that have no layer",
      .onnx = "",
      .fields = {},
      .make = [](const LayerInfo&, std::vector<double>) -> std::unique_ptr<Layer> {
        throw usage_error("'operators' is a part of a model file and cannot be made from a line.");
      }};
  return info;
}

}  // namespace

std::unique_ptr<Layer> make_operators(std::shared_ptr<const OperatorRegion> region) {
  return std::make_unique<Operators>(operators_info(), std::move(region));
}

const OperatorRegion* operator_region(const Layer& layer) {
  const auto* operators = dynamic_cast<const Operators*>(&layer);
  return operators ? &operators->region() : nullptr;
}

}  // namespace halfwave
