#include "graph/plan.h"

#include <algorithm>

#include "core/team.h"
#include "kernels/rows.h"

namespace halfwave {
namespace {

/// Adds a layer's place in the network to what it reports.
class LayerSink final : public GradientSink {
 public:
  LayerSink(UpdateSink& sink, const Network& network, std::size_t layer)
      : sink_(sink), network_(network), first_(network.first_tensor(layer)) {}
  Companions companions(std::size_t tensor) const override {
    Companions arrays = sink_.companions();
    for (std::size_t i = 0; i < arrays.count; ++i)
      arrays.arrays[i] += network_.tensors()[first_ + tensor].offset;
    return arrays;
  }
  void ready(std::size_t tensor, std::size_t begin, std::size_t count, const float* gradient) override {
    sink_.ready(first_ + tensor, network_.tensors()[first_ + tensor].offset + begin, count, gradient);
  }

 private:
  UpdateSink& sink_;
  const Network& network_;
  std::size_t first_;
};

}  // namespace

Plan::Plan(Network& network, const PlanOptions& options, std::size_t layers)
    : network_(network),
      layers_(layers),
      activity_l1_(options.activity_l1),
      skipping_(options.skipping),
      memory_(layers),
      nonzeros_(layers) {
  if (options.training) gradients_.assign(network.learned_floats(), 0.0f);
  for (const NetworkTensor& tensor : network.tensors()) {
    tensor_pointers_.push_back(network.values().data() + tensor.offset);
    gradient_pointers_.push_back(options.training && tensor.spec.learned ? gradients_.data() + tensor.offset
                                                                         : nullptr);
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const std::size_t first = network.first_tensor(i), count = network.layer(i).tensors().size();
    memory_[i].tensors = std::span(tensor_pointers_).subspan(first, count);
    memory_[i].gradients = std::span(gradient_pointers_).subspan(first, count);
    memory_[i].batch = options.batch;
    memory_[i].layer = i;
    if (options.count_zeros && network.layer(i).zero_below())
      nonzeros_[i].assign(network.layer(i).outputs(), 0);
  }
  place_buffers(options);  // measures
  if (buffers_.empty()) return;
  place_buffers(options);  // places
}

void Plan::place_buffers(const PlanOptions& options) {
  Placer placer(buffers_.empty() ? nullptr : buffers_.data());
  const std::size_t batch = options.batch;
  const bool skipping = options.skipping != Skipping::never;
  input_ = placer.take(batch * input_stride());

  const float* x = input_;
  std::size_t widest = 0, scratch = 0;
  bool kept = false;  // some layer's backward pass still reads the numbers of buffer x
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    LayerMemory& m = memory_[i];
    m.x = x;
    m.x_stride = row_stride(layer.inputs());
    m.y_stride = row_stride(layer.outputs());
    widest = std::max({widest, m.x_stride, m.y_stride});
    const bool over_input = layer.in_place() && !kept && !(options.training && layer.keeps_input());
    m.y = over_input ? const_cast<float*>(x) : placer.take(batch * m.y_stride);
    m.workspace = placer.take(layer.workspace(batch, options.training));
    scratch = std::max(scratch, layer.scratch(batch, options.training, skipping));
    const bool penalised = activity_l1_ > 0.0f && layer.is_activation();
    kept = options.training && (layer.keeps_output() || penalised);
    x = m.y;
  }
  if (options.training) {  // two buffers take turns; a layer that works in place stays in its own
    float* gradient[2] = {placer.take(batch * widest), placer.take(batch * widest)};
    int turn = 0;
    for (std::size_t i = layers_; i-- > 0;) {
      LayerMemory& m = memory_[i];
      m.dy = gradient[turn];
      if (!network_.layer(i).in_place()) turn = 1 - turn;
      const bool learners_before = network_.first_tensor(i) > 0;
      m.dx = learners_before ? gradient[turn] : nullptr;
    }
  }
  float* const shared = placer.take(scratch);
  for (LayerMemory& m : memory_) m.scratch = shared;
  place_notes(options, placer);
  if (buffers_.empty()) buffers_.assign(placer.used(), 0.0f);
}

void Plan::place_notes(const PlanOptions& options, Placer& placer) {
  notes_.clear();
  const auto gains = [&](std::size_t layer) {  // smaller products lose more by the notes than they gain
    if (layer >= layers_ || !network_.layer(layer).skips_zeros()) return false;
    const std::size_t out = network_.layer(layer).outputs();
    const std::size_t work = options.batch * network_.layer(layer).inputs() * out;
    const bool few = !options.training && options.batch <= kFewExamples;
    const bool enough = few ? work >= std::size_t{1} << 13 : work >= std::size_t{1} << 18 && out >= 32;
    return skipping_ == Skipping::always || (skipping_ == Skipping::automatic && enough);
  };
  const auto make = [&](std::size_t units, bool lists) {
    return &notes_.emplace_back(placer.take(Nonzeros::floats(options.batch, units, lists)), options.batch,
                                units, lists);
  };

  // The input's own zeros; a layer that only hands them on takes the rest with it.
  Zeros known{.many = true, .flat = false};
  const std::size_t first = network_.behind_identities(0);
  if (first < layers_ && network_.layer(first).skips_zeros()) memory_[first].rest = options.rest;
  Nonzeros* notes = input_notes_ = gains(0) ? make(network_.inputs(), true) : nullptr;
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    LayerMemory& m = memory_[i];
    m.x_nonzeros = layer.skips_zeros() ? notes : nullptr;
    m.x_flat = known.flat;
    known = layer.zeros(known, options.training);
    const bool lists = known.many && gains(i + 1);
    notes = lists || !nonzeros_[i].empty() ? make(layer.outputs(), lists) : nullptr;
    m.y_nonzeros = notes;
    if (!lists) notes = nullptr;
    const std::size_t next = network_.behind_identities(i + 1);
    m.dy_zeros = gains(i) && next < layers_ && network_.layer(next).zeros_gradient(options.training);
  }
}

void Plan::begin_input_notes(const StepContext& context) {
  input_notes_->begin(context.batch, network_.layer(0).skips_below(own(context)));
}

void Plan::forward(const StepContext& context) {
  for (std::size_t i = 0; i < layers_; ++i) forward_layer(context, i);
  prepared_ = !context.training;  // where the tensors change with every step, nothing is prepared
}

void Plan::forward_layer(const StepContext& given, std::size_t i) {
  const StepContext context = own(given);
  const Layer& layer = network_.layer(i);
  const LayerMemory& m = memory_[i];
  if (i == 0) {
    if (!input_noted_) make_input(context, context.team(context.batch * network_.inputs()), [](Range) {});
    input_noted_ = false;
  }
  if (!context.training && !prepared_) layer.prepare(context, m);
  if (m.y_nonzeros) {
    const double below = m.y_nonzeros->has_lists() ? network_.layer(i + 1).skips_below(context) : 0.0;
    m.y_nonzeros->begin(context.batch, below);
  }
  layer.forward(context, m);
  if (m.y_nonzeros && !nonzeros_[i].empty()) m.y_nonzeros->add_counts(nonzeros_[i]);
}

bool Plan::skips(std::size_t layer) const {
  const Nonzeros* const notes = memory_[layer].x_nonzeros;
  return notes && notes->any_listed();
}

void Plan::backward(const StepContext& given, UpdateSink& sink) {
  const StepContext context = own(given);
  for (std::size_t i = layers_; i-- > 0;) {
    const Layer& layer = network_.layer(i);
    const LayerMemory& m = memory_[i];
    if (activity_l1_ > 0.0f && layer.is_activation()) {
      const float factor = activity_l1_ / static_cast<float>(context.batch);
      const std::size_t n = context.batch * m.y_stride;
      run_team(context.team(n), [&](int thread, int all) {
        const Range part = share(n, thread, all, kLineFloats);
        add_sign(m.y + part.begin, factor, part.size(), m.dy + part.begin);
      });
    }
    if (!m.dx && m.gradients.empty()) continue;
    LayerSink layer_sink(sink, network_, i);
    layer.backward(context, m, layer_sink);
  }
}

}  // namespace halfwave
