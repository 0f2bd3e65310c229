#pragma once
#include <halfwave/model.h>

#include <map>
#include <string>
#include <vector>

#include "graph/plan.h"

namespace halfwave {

/// (x - mean) · scale by feature before the network; y · target_scale + target_mean after it.
struct Preprocessing {
  std::vector<float> mean,
      scale;  ///< [features], as the network has them: those of a grid channel by channel
  /// Which raw number each feature is, e.g. of a model that takes images with their channels last; empty: the
  /// same one.
  std::vector<std::uint32_t> order;
  std::vector<float> target_mean, target_scale;  ///< [outputs] in regression, else empty
};

/// One of a model's results, as a part of the row that its network gives.
struct ModelResult {
  std::string name;
  std::vector<std::int64_t> shape;  ///< of one example's
};

struct OriginalFile;  // io/original_file.h

/// What a Model is made of.
struct ModelParts {
  Network network;
  Schema schema;
  Preprocessing preprocessing;
  std::map<std::string, std::string> facts;
  /// Of a file that another program wrote; else empty: one result, a row.
  std::vector<ModelResult> results{};
  std::vector<std::string> unused_nodes{};  ///< of such a file: nodes that no result depends on
  /// Such a file, to be written again with its own names; null where the network has changed since.
  std::shared_ptr<const OriginalFile> original{};
};

/// How many layers make the outputs that a loss is about: all but a closing softmax (or, of one output,
/// sigmoid) of a classification, which is part of the loss.
std::size_t logit_layers(const ModelParts& parts);

/// How examples become the network's input, (x - mean) · scale + rest by feature, channels last where it is a
/// grid. Where the network takes rows and its first layer can put a rest back in its products
/// (LayerMemory::rest), the rest is left out of the numbers: a feature that is zero in most of the raw data,
/// such as an image's background or a category, is then zero in the network too, although its mean is not. A
/// feature at least half of whose numbers are zero has a mean of at most one deviation; features with a
/// larger mean have no rest.
struct InputForm {
  Shape shape;                       ///< of an example in the network
  std::vector<float> mean, scale;    ///< [features]
  std::vector<std::uint32_t> order;  ///< of the raw numbers, see Preprocessing
  AlignedVector<float> rest;         ///< [features, rounded up to a line], or empty: all zero

  /// with_rest = false: no rest; training goes without where the data have no zeros to gain by.
  explicit InputForm(const ModelParts& parts, bool with_rest = true);
  const float* rest_or_null() const { return rest.empty() ? nullptr : rest.data(); }
};

/// Whether at least a fifth of the raw numbers of the first examples are zero.
bool has_zeros(const Examples& examples);

// Raw examples are stored as the schema's shape says, channels first but for a Preprocessing::order.

/// Examples first … first+count-1 into a plan's input; count is context.batch.
void gather(const Examples& examples, const InputForm& form, std::size_t first, const StepContext& context,
            Plan& plan);
/// The examples named by `rows`, context.batch of them.
void gather(const Examples& examples, const InputForm& form, std::span<const std::uint32_t> rows,
            const StepContext& context, Plan& plan);
/// The first context.batch examples of raw numbers.
void gather(const float* values, const InputForm& form, const StepContext& context, Plan& plan);
void gather(const std::uint8_t* values, const InputForm& form, const StepContext& context, Plan& plan);
/// The same for examples [context.batch, features] that have the form's mean and scale already.
void lay_out(const float* values, const InputForm& form, const StepContext& context, Plan& plan);

/// Predictions [count, outputs] from a plan's output: regression targets in their own units.
void read_predictions(const Preprocessing& preprocessing, const Plan& plan, std::size_t count, float* to);

}  // namespace halfwave
