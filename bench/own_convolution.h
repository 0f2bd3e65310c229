#pragma once
#include <algorithm>
#include <memory>

#include "conv_case.h"
#include "kernels/conv_products.h"
#include "kernels/skipping_products.h"
#include "layers/conv_gradients.h"
#include "layers/registry.h"
#include "layers/row_chunks.h"

namespace halfwave {

/// A product by Halfwave on one thread, skipping zeros or not; making the lists of x is part of run(). The
/// forward product and the weight gradient are the layer's; the input gradient, which the layer makes
/// together with that of the weights, is made here from the same kernels.
class OwnConvolution {
 public:
  OwnConvolution(const ConvCase& c, ConvOperands& o, bool skipping)
      : case_(c),
        o_(o),
        skipping_(skipping),
        layer_(make_layer(c)),
        geometry_(direction(c.height), direction(c.width)),
        shape_{geometry_, c.in, c.out, 1},
        spec_(layer_->tensors()[0]),
        weights_(spec_.floats()),
        result_(std::max(c.rows() * std::max(c.in, c.out), spec_.floats())),
        scratch_(layer_->scratch(c.batch, true, skipping)),
        nonzeros_memory_(Nonzeros::floats(c.rows(), c.in, true)),
        nonzeros_(nonzeros_memory_.data(), c.rows(), c.in, true),
        exchanged_(shape_.exchanged().size()),
        dots_(NonzeroLists(nullptr, c.rows(), c.in).capacity()) {
    spec_.store(o.weights, weights_.data());
  }

  void run(std::size_t i) {
    if (skipping_) note(i);
    if (case_.product == Product::input_gradient)
      skipping_ ? dx_masked(i) : dx_dense(i);
    else
      run_layer(i);
  }

  std::vector<float> result() const {
    if (case_.product == Product::weight_gradient) return spec_.load(result_.data());
    const std::size_t columns = case_.product == Product::forward ? case_.out : case_.in;
    return {result_.data(), result_.data() + case_.rows() * columns};
  }

 private:
  class Nobody final : public GradientSink {
   public:
    Companions companions(std::size_t) const override { return {}; }
    void ready(std::size_t, std::size_t, std::size_t, const float*) override {}
  };

  static ConvDirection direction(std::size_t positions) {
    return {.in = positions, .kernel = ConvCase::kKernel, .before = 1, .after = 1, .out = positions};
  }

  static std::unique_ptr<Layer> make_layer(const ConvCase& c) {
    const LayerInfo& kind = *find_layer_kind("conv");
    std::vector<double> fields;
    for (const LayerField& field : kind.fields)
      fields.push_back(field.name == "filters" ? static_cast<double>(c.out)
                       : field.name == "bias"  ? 0.0
                                               : field.value);
    std::unique_ptr<Layer> layer = kind.make(kind, fields);
    layer->bind(Shape{2, c.height, c.width, c.in});
    return layer;
  }

  void note(std::size_t i) {
    constexpr double kAny = 2.0;
    nonzeros_.begin(case_.rows(), kAny);
    for (std::size_t group = 0; group < NonzeroLists::groups_of(case_.rows()); ++group)
      nonzeros_.note(o_.x[i].data(), case_.in, group);
    nonzeros_.end();
  }

  void run_layer(std::size_t i) {
    float *tensor = weights_.data(), *gradient = result_.data();
    const StepContext context{
        .batch = case_.batch, .training = true, .skipping = skipping_ ? Skipping::always : Skipping::never};
    LayerMemory memory;
    memory.batch = case_.batch;
    memory.x = o_.x[i].data();
    memory.x_stride = case_.in;
    memory.y = result_.data();
    memory.y_stride = case_.out;
    memory.dy = o_.dy[i].data();
    memory.tensors = {&tensor, 1};
    memory.gradients = {&gradient, 1};
    memory.scratch = scratch_.data();
    if (skipping_) memory.x_nonzeros = &nonzeros_;
    Nobody nobody;
    if (case_.product == Product::forward)
      layer_->forward(context, memory);
    else
      layer_->backward(context, memory, nobody);
  }

  void dx_dense(std::size_t i) {
    const Panels panels = shape_.exchanged();
    exchange_channels(weights_.data(), shape_.taps(), case_.in, case_.out, {0, panels.count()},
                      exchanged_.data());
    const RowChunks chunks(case_.rows(), 1, case_.width);
    for (int chunk = 0; chunk < chunks.count(); ++chunk)
      for (std::size_t p = 0; p < panels.count(); ++p)
        conv_product(o_.dy[i].data(), case_.out, case_.out, shape_.geometry.inputs_to_outputs(),
                     chunks.rows(chunk), exchanged_.data() + panels.offset(p), panels.width(p),
                     panels.used(p), nullptr, result_.data() + p * Panels::kWidth, case_.in);
  }

  void dx_masked(std::size_t i) {
    const NonzeroLists& lists = nonzeros_.lists();
    const Panels panels = shape_.panels();
    const RowChunks chunks(case_.rows(), 1, NonzeroLists::kRows);
    for (int chunk = 0; chunk < chunks.count(); ++chunk) {
      const Range groups = NonzeroLists::groups_of(chunks.rows(chunk));
      for (std::size_t block = 0; block < lists.blocks(); ++block) {
        const std::size_t tile = lists.offset(1, 0) - lists.offset(0, 0);
        std::fill_n(dots_.data() + lists.offset(groups.begin, block), groups.size() * tile, 0.0f);
        for (std::size_t p = 0; p < panels.count(); ++p)
          masked_conv_dots(lists, shape_.geometry.inputs_to_outputs(), block, groups,
                           o_.dy[i].data() + p * Panels::kWidth, case_.out,
                           weights_.data() + panels.offset(p), panels.width(p), dots_.data());
        scatter_block(lists, block, groups, dots_.data(), result_.data(), case_.in);
      }
    }
  }

  ConvCase case_;
  ConvOperands& o_;
  bool skipping_;
  std::unique_ptr<Layer> layer_;
  ConvGeometry geometry_;
  ConvShape shape_;
  TensorSpec spec_;
  AlignedVector<float> weights_, result_, scratch_, nonzeros_memory_;
  Nonzeros nonzeros_;
  AlignedVector<float> exchanged_, dots_;
};

inline std::vector<ConvVariant> own_variants(const ConvCase& c, ConvOperands& o) {
  std::vector<ConvVariant> all;
  for (const bool skipping : {true, false}) {
    const auto product = std::make_shared<OwnConvolution>(c, o, skipping);
    all.push_back({skipping ? "Halfwave skipping" : "Halfwave dense", [=](std::size_t i) { product->run(i); },
                   [=] { return product->result(); }});
  }
  return all;
}

}  // namespace halfwave
