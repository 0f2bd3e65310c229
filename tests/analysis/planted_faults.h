#pragma once
// Networks with exactly one fault each, and healthy ones: what inspect has to name, and what healing has to
// mend.
#include <halfwave/train.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "graph/model_parts.h"
#include "train/optimiser.h"
#include "train/prepare.h"

namespace halfwave {

/// A network that is made in a second or two, with what is wrong with it.
struct Planted {
  std::string name;
  std::string kind = {};   ///< of the finding that comes first; "": healthy
  std::string where = {};  ///< the layer that it names; "": the network as a whole
  double number = 0;       ///< units, where it counts some; else 0
  double data_scale = 1;   ///< the features of the data are multiplied by this
  std::string data = "mnist1d";
  TrainOptions faulty = {},
               healthy = {};  ///< how it was made, and its healthy twin; epochs = 0: not trained at all
  std::function<void(Network&)> damage = {};  ///< done to the made network, or empty
};

/// The data of a planted network.
inline Dataset planted_data(const Planted& planted) {
  Dataset data = load_dataset(planted.data);
  for (Examples* part : {&data.train, &data.test})
    for (float& value : std::get<std::vector<float>>(part->values))
      value *= static_cast<float>(planted.data_scale);
  return data;
}

/// What the options make of the data.
inline Model made_model(const Dataset& data, const TrainOptions& options) {
  if (options.epochs > 0) return train(data, options).model;
  return Model(make_model(data, resolve(options, data), nullptr));
}
inline Model faulty_model(const Planted& planted, const Dataset& data) {
  Model model = made_model(data, planted.faulty);
  if (planted.damage) planted.damage(model.parts().network);
  return model;
}
inline Model healthy_model(const Planted& planted, const Dataset& data) {
  return made_model(data, planted.healthy);
}

/// How good a model is on the test part: accuracy, or in regression the share of the variance that it
/// explains.
inline double planted_score(const Model& model, const Dataset& data) {
  const Evaluation result = evaluate(model, data.test, 1);
  if (data.schema.task == Task::classification) return result.accuracy;
  double sum = 0, squares = 0;
  for (const float target : data.test.targets) {
    sum += static_cast<double>(target);
    squares += static_cast<double>(target) * static_cast<double>(target);
  }
  const auto n = static_cast<double>(data.test.targets.size());
  return 1.0 - result.loss / (squares / n - sum / n * (sum / n));
}

/// A layer's tensor, by its whole name: "dense_1.weight".
inline const NetworkTensor& tensor_named(const Network& network, const std::string& name) {
  for (const NetworkTensor& tensor : network.tensors())
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

/// Makes every step-th unit of a dense layer dead, the first `count` of them: no input can wake them, be it
/// of a layer behind a relu or standardised data.
inline std::function<void(Network&)> kill_units(const std::string& layer, std::size_t count,
                                                std::size_t step) {
  return [=](Network& network) {
    const NetworkTensor &weight = tensor_named(network, layer + ".weight"),
                        &bias = tensor_named(network, layer + ".bias");
    std::vector<float> w = network.get(weight), b = network.get(bias);
    const std::size_t units = b.size();
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t unit = k * step;
      for (std::size_t i = unit; i < w.size(); i += units) w[i] = -std::fabs(w[i]);
      b[unit] = -40.0f;
    }
    network.set(weight, w);
    network.set(bias, b);
  };
}

inline TrainOptions planted_options(const std::string& net, std::int64_t epochs) {
  TrainOptions options;
  options.net = net;
  options.epochs = epochs;
  options.batch = 64;
  options.learning_rate = 0.003;
  options.schedule = "constant";
  options.threads = 1;
  options.seed = 7;
  return options;
}

/// The twelve faults.
inline std::vector<Planted> planted_faults() {
  std::vector<Planted> all;
  const auto add = [&](Planted planted, const std::string& net, std::int64_t epochs) -> Planted& {
    planted.faulty = planted.healthy = planted_options(net, epochs);
    return all.emplace_back(std::move(planted));
  };
  const std::string two = "dense 128, relu, dense 128, relu, dense";

  Planted& half = add({"half of a layer dead", "dead_units", "dense_2", 64}, two, 3);
  half.faulty.learning_rate = half.healthy.learning_rate = 0.001;  // of which no unit dies by itself
  half.damage = kill_units("dense_2", 64, 2);
  add({"3 units dead of 512", "dead_units", "dense_1", 3}, "dense 512, relu, dense", 3).damage =
      kill_units("dense_1", 3, 100);
  add({"all of the last hidden layer dead", "dead_units", "dense_3", 64},
      "dense 64, relu, dense 64, relu, dense 64, relu, dense", 3)
      .damage = kill_units("dense_3", 64, 1);

  // Raw inputs, far from mean 0 and variance 1, drive every unit into its flat part.
  Planted& saturated = add({"saturated sigmoids", "saturated_units", "dense_1", 64},
                           "dense 64, sigmoid, dense 64, sigmoid, dense", 3);
  saturated.data_scale = 10000;
  saturated.faulty.standardise = false;

  Planted& vanishing = add({"vanishing over 20 layers", "vanishing_gradient", "dense_1"},
                           "20 * (dense 32, sigmoid), dense", 1);
  vanishing.healthy.net = "20 * (dense 32, relu), dense";

  Planted& he = add({"He missing", "he_missing", "dense_1"}, "30 * (dense 64, relu), dense", 0);
  he.faulty.init = "lecun_uniform";
  he.faulty.learning_rate = he.healthy.learning_rate = 0.002;

  add({"learning rate too high", "learning_rate_too_high", ""}, two, 3).faulty.learning_rate = 0.3;

  add({"duplicate units", "duplicate_units", "dense_1", 127}, "dense 128, relu, dense", 2).faulty.init =
      "constant 0.02";

  add({"always-on units", "always_on_units", "dense_1", 128}, "dense 128, relu, dense", 1).faulty.bias_init =
      20;

  Planted& relu_output = add({"ReLU on a regression output", "output_range", "relu_3"},
                             "dense 64, relu, dense 64, relu, dense, relu", 10);
  relu_output.data = "sine";
  relu_output.healthy.net = "dense 64, relu, dense 64, relu, dense";

  add({"double softmax", "double_softmax", "softmax_2"}, "dense 128, relu, dense, softmax, softmax", 3)
      .healthy.net = "dense 128, relu, dense, softmax";

  add({"sigmoid before ReLU", "sigmoid_before_relu", "relu_1"},
      "dense 64, sigmoid, relu, dense 64, relu, dense", 3)
      .healthy.net = "dense 64, relu, dense 64, relu, dense";
  return all;
}

/// The six healthy ones, each of another make.
inline std::vector<Planted> healthy_networks() {
  std::vector<Planted> all;
  const auto add = [&](Planted planted, const std::string& net, std::int64_t epochs) -> Planted& {
    planted.faulty = planted.healthy = planted_options(net, epochs);
    return all.emplace_back(std::move(planted));
  };
  add({"an MLP"}, "dense 128, relu, dense 128, relu, dense", 8);
  Planted& sparse = add({"an MLP with 70 to 90 % zeros"}, "dense 256, relu, dense 256, relu, dense", 12);
  sparse.faulty.activity_l1 = sparse.healthy.activity_l1 = 0.01;
  sparse.faulty.learning_rate = sparse.healthy.learning_rate = 0.001;
  add({"a CNN with batch norm"},
      "conv 16 5, batch_norm, relu, pool 2, conv 16 3, batch_norm, relu, global_average_pool, dense", 4);
  add({"tanh and sigmoid"}, "dense 64, tanh, dense 64, sigmoid, dense", 6);
  add({"a residual network"}, "dense 64, relu, 3 * (residual(dense 64, relu, dense 64), relu), dense", 4);
  add({"a regression"}, "dense 64, relu, dense 64, relu, dense", 10).data = "friedman1";
  return all;
}

}  // namespace halfwave
