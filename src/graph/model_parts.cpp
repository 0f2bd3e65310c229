#include "graph/model_parts.h"

#include "core/team.h"
#include "kernels/rows.h"

namespace halfwave {
namespace {

/// row_of(i) is the example that row i of the batch is made from.
template <class RowOf>
void gather_rows(const Examples& examples, const Preprocessing& preprocessing, std::size_t count, float* x,
                 std::size_t stride, int threads, RowOf&& row_of) {
  const std::size_t features = preprocessing.mean.size();
  const int team = count * features < (std::size_t{1} << 15) ? 1 : threads;
  std::visit(
      [&](const auto& values) {
        run_team(team, [&](int thread, int all) {
          const Range mine = share(count, thread, all);
          for (std::size_t i = mine.begin; i < mine.end; ++i)
            standardise(values.data() + row_of(i) * features, preprocessing.mean.data(),
                        preprocessing.scale.data(), features, x + i * stride);
        });
      },
      examples.values);
}

}  // namespace

std::size_t logit_layers(const ModelParts& parts) {
  const std::size_t last = parts.network.size() - 1;
  const std::string_view kind = parts.network.layer(last).info().name;
  const bool closing =
      parts.network.outputs() == 1 ? kind == "sigmoid" : kind == "softmax" || kind == "log_softmax";
  return closing && last > 0 && parts.schema.task == Task::classification ? last : last + 1;
}

void gather(const Examples& examples, const Preprocessing& preprocessing, std::size_t first,
            std::size_t count, float* x, std::size_t stride, int threads) {
  gather_rows(examples, preprocessing, count, x, stride, threads, [&](std::size_t i) { return first + i; });
}

void gather(const Examples& examples, const Preprocessing& preprocessing, std::span<const std::uint32_t> rows,
            float* x, std::size_t stride, int threads) {
  gather_rows(examples, preprocessing, rows.size(), x, stride, threads,
              [&](std::size_t i) { return rows[i]; });
}

}  // namespace halfwave
