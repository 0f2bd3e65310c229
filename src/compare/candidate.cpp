#include "compare/candidate.h"

#include <algorithm>

#include "graph/initialise.h"
#include "io/copy_model.h"
#include "train/optimiser.h"
#include "train/prepare.h"
#include "train/run.h"

namespace halfwave {

Candidate::Candidate(const Dataset& data, const TrainOptions& options)
    : data_(data), options_(resolve(options, data)), model_(make_model(data, options_, nullptr)) {}

double Candidate::usual_rate() const { return Optimiser::usual_rate(options_.optimiser, model_->network); }

std::string Candidate::network() const { return model_->network.line(); }

std::size_t Candidate::parameters() const { return model_->network.parameters(); }

double Candidate::run_bytes() const {
  const Network& network = model_->network;
  // Weights, gradient, two arrays of the optimiser, and three copies for divergence and averages.
  constexpr double kArrays = 7.0;
  double outputs = 0.0;
  for (std::size_t i = 0; i < network.size(); ++i)
    if (!network.layer(i).in_place()) outputs += static_cast<double>(network.layer(i).output().numbers());
  // Outputs and their gradients.
  const auto batch =
      static_cast<double>(std::min<std::size_t>(static_cast<std::size_t>(options_.batch), data_.train.count));
  return 4.0 * (kArrays * static_cast<double>(network.values().size()) + 2.0 * batch * outputs);
}

TrainResult Candidate::train(const TrainOptions& options, TrainObserver* observer) const {
  auto model = std::make_shared<ModelParts>(copy_of(*model_));
  initialise(model->network, options.init, options.bias_init, options.seed);
  return Run(data_, options, std::move(model), false, observer).train();
}

}  // namespace halfwave
