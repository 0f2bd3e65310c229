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

/// to += from
void add_to(const StepContext& context, const float* from, std::size_t floats, float* to) {
  run_team(context.team(floats), [&](int thread, int all) {
    const Range part = share(floats, thread, all, kLineFloats);
    add(to + part.begin, from + part.begin, part.size(), to + part.begin);
  });
}

}  // namespace

Plan::Plan(Network& network, const PlanOptions& options, std::size_t layers)
    : network_(network),
      layers_(layers),
      options_(options),
      memory_(layers),
      backward_scratch_(layers),
      joined_(layers),
      sums_(layers),
      nonzeros_(layers),
      notes_(layers + 1) {
  if (options.training) gradients_.assign(network.learned_floats(), 0.0f);
  for (const NetworkTensor& tensor : network.tensors()) {
    tensor_pointers_.push_back(network.values().data() + tensor.offset);
    gradient_pointers_.push_back(options.training && tensor.spec.learned ? gradients_.data() + tensor.offset
                                                                         : nullptr);
  }
  Layout layout(network, layers, options);
  plan_notes(layout);
  const std::vector<WorkBlocks> work = plan_work(layout.arena(), layout);
  layout.arena().place();
  buffers_.assign(layout.arena().size(), 0.0f);
  set_pointers(layout, work);
  set_followers(layout);
}

std::vector<Plan::WorkBlocks> Plan::plan_work(Arena& arena, const Layout& layout) const {
  const bool skipping = options_.skipping != Skipping::never;
  std::vector<WorkBlocks> work;
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    const std::size_t forward = layout.at_forward(i), last = layout.at_last(i);
    // One that observes does so at the moment of the layer before.
    const std::size_t seen = layout.observes(i) ? layout.at_forward(i - 1) : forward;
    const std::size_t scratch = layer.scratch(options_.batch, options_.training, skipping);
    // For inference a workspace is prepared once and kept.
    const std::size_t first = options_.training ? seen : layout.at_input();
    const std::size_t end = options_.training ? last : layout.at_loss();
    const std::size_t folded = layout.folds(i) ? layer.fold_floats() : 0;
    work.push_back({arena.add(layer.workspace(options_.batch, options_.training) + folded, first, end),
                    arena.add(scratch, forward, forward),
                    arena.add(options_.training ? scratch : 0, last, last)});
  }
  return work;
}

void Plan::set_pointers(Layout& layout, const std::vector<WorkBlocks>& work) {
  Arena& arena = layout.arena();
  const auto at = [&](std::size_t block) {
    return block == Layout::kNone ? nullptr : buffers_.data() + arena.offset(block);
  };
  input_ = at(layout.value(Network::kInput));
  for (std::size_t i = 0; i < layers_; ++i) {
    const Layer& layer = network_.layer(i);
    const std::size_t first = network_.first_tensor(i), count = layer.tensors().size();
    const std::span<const std::size_t> inputs = network_.inputs_of(i);
    const Layout::Backward& backward = layout.backward(i);
    LayerMemory& m = memory_[i];
    m.tensors = std::span(tensor_pointers_).subspan(first, count);
    m.gradients = std::span(gradient_pointers_).subspan(first, count);
    m.batch = options_.batch;
    m.layer = i;
    m.x_stride = row_stride(layer.inputs());
    m.y_stride = row_stride(layer.outputs());
    m.y = at(layout.value(i));
    m.dy = at(backward.dy);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const float* const x = at(layout.value(inputs[k]));
      float* const dx = k < backward.dx.size() ? at(backward.dx[k]) : nullptr;
      if (layer.joins()) {
        const std::size_t channels =
            inputs[k] == Network::kInput ? network_.input().channels : network_.layer(inputs[k]).outputs();
        joined_[i].push_back({x, row_stride(channels), channels, dx});
      } else {
        m.x = x;
        m.dx = dx;
      }
    }
    m.joined = joined_[i];
    for (const Layout::Sum& sum : backward.sums) sums_[i].push_back({at(sum.to), at(sum.from), sum.floats});
    m.workspace = at(work[i].workspace);
    m.scratch = at(work[i].forward_scratch);
    backward_scratch_[i] = at(work[i].backward_scratch);
    runs_backward_.push_back(layout.runs_backward(i));
    holds_output_.push_back(arena.last(layout.value(i)) >= layout.at_loss());
  }
  for (std::size_t v = 0; v <= layers_; ++v) {
    Notes& notes = notes_[v];
    if (!notes.wanted) continue;
    const Shape& shape = v == 0 ? network_.input() : network_.layer(v - 1).output();
    notes.nonzeros = &noted_.emplace_back(at(notes.block), options_.batch * shape.positions(), shape.channels,
                                          notes.lists);
    if (v > 0) memory_[v - 1].y_nonzeros = notes.nonzeros;
    for (const std::size_t user : notes.users) memory_[user].x_nonzeros = notes.nonzeros;
  }
}

void Plan::begin_notes(const StepContext& context, std::size_t value) {
  const Notes& notes = notes_[value + 1];
  const Shape& shape = value == Network::kInput ? network_.input() : network_.layer(value).output();
  double below = 0.0;
  for (const std::size_t user : notes.users)
    below = std::max(below, network_.layer(user).skips_below(context));
  notes.nonzeros->begin(context.batch * shape.positions(), below);
}

void Plan::forward(const StepContext& context) {
  for (std::size_t i = 0; i < layers_; ++i) forward_layer(context, i);
  // Where the tensors change with every step nothing is prepared, or what is prepared is not kept.
  prepared_ = !context.training && !options_.training;
}

void Plan::set_followers(const Layout& layout) {
  followers_.resize(layers_);
  affine_.resize(layers_);
  for (std::size_t i = 0; i < layers_; ++i) {
    leader_.push_back(layout.leader(i));
    if (layout.folds(i)) {
      affine_[i] = network_.layer(i + 1).affine(memory_[i + 1]);
      memory_[i].affine = &affine_[i];
    }
    Followers& followers = followers_[i];
    for (std::size_t j = i + 1; j < layers_ && layout.leader(j) == i; ++j)
      if (!layout.folded(j)) followers.layers.push_back({&network_.layer(j), &memory_[j]});
    const std::size_t next = i + 1 + followers.layers.size() + (layout.folds(i) ? 1 : 0);
    if (next < layers_ && layout.observes(next) && layout.leader(next - 1) == i) {
      followers.last_observes = true;
      followers.layers.push_back({&network_.layer(next), &memory_[next]});
      memory_[next].observed = true;
    }
    if (!followers.layers.empty()) memory_[i].row_sink = &followers;
  }
}

void Plan::Followers::ready(Range rows) const {
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const auto& [layer, memory] = layers[k];
    if (last_observes && k + 1 == layers.size()) {
      layer->observe(*context, *memory, rows);
      continue;
    }
    layer->follow(*context, *memory, rows);
    if (memory->y_nonzeros) memory->y_nonzeros->note_rows(memory->y, memory->y_stride, rows);
  }
}

void Plan::begin_layer(const StepContext& context, std::size_t i) {
  if (!context.training && !prepared_) network_.layer(i).prepare(context, memory_[i]);
  if (memory_[i].y_nonzeros) begin_notes(context, i);
}

void Plan::end_layer(std::size_t i) {
  Nonzeros* const notes = memory_[i].y_nonzeros;
  if (notes && !nonzeros_[i].empty()) notes->add_counts(nonzeros_[i]);
}

void Plan::forward_layer(const StepContext& given, std::size_t i) {
  const StepContext context = own(given);
  if (i == 0) {
    if (!input_noted_) make_input(context, context.team(context.batch * network_.inputs()), [](Range) {});
    input_noted_ = false;
    went_back_ = false;
  }
  if (leader_[i] != i) return;  // done
  std::size_t end = i + 1;      // of those that it leads
  while (end < layers_ && leader_[end] == i) ++end;
  for (std::size_t j = end; j-- > i;) begin_layer(context, j);  // what is folded is prepared first
  followers_[i].context = &context;
  network_.layer(i).forward(context, memory_[i]);
  for (std::size_t j = i + 1; j < end; ++j)
    if (memory_[j].y_nonzeros) memory_[j].y_nonzeros->end();
  for (std::size_t j = i; j < end; ++j) end_layer(j);
}

bool Plan::skips(std::size_t layer) const {
  const Nonzeros* const notes = memory_[layer].x_nonzeros;
  return notes && notes->any_listed();
}

void Plan::backward(const StepContext& given, UpdateSink& sink) {
  const StepContext context = own(given);
  went_back_ = true;
  for (std::size_t i = layers_; i-- > 0;) {
    if (!runs_backward_[i]) continue;
    const Layer& layer = network_.layer(i);
    LayerMemory m = memory_[i];
    m.scratch = backward_scratch_[i];
    if (options_.activity_l1 > 0.0f && layer.is_activation()) {
      const float factor = options_.activity_l1 / static_cast<float>(context.batch);
      const std::size_t n = context.batch * layer.output().positions() * m.y_stride;
      run_team(context.team(n), [&](int thread, int all) {
        const Range part = share(n, thread, all, kLineFloats);
        add_sign(m.y + part.begin, factor, part.size(), m.dy + part.begin);
      });
    }
    LayerSink layer_sink(sink, network_, i);
    layer.backward(context, m, layer_sink);
    for (const Sum& sum : sums_[i]) add_to(context, sum.from, context.batch * sum.floats, sum.to);
  }
}

}  // namespace halfwave
