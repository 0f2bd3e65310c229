#pragma once
#include <halfwave/dataset.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfwave {

struct ModelParts;

/// One layer of a model's network.
struct LayerSummary {
  std::string name;                 ///< "relu_2"; in a file that another program wrote: its node's
  std::string line;                 ///< as in a network line, e.g. "conv 32 3x3"
  std::vector<std::int64_t> shape;  ///< of its output for one example; of images {channels, height, width}
  std::size_t parameters = 0;       ///< numbers that it learns

  bool operator==(const LayerSummary&) const = default;
};

/// A matrix of which only the numbers that are not zero are kept, row after row.
struct SparseRows {
  std::size_t columns = 0;
  std::vector<std::int64_t> starts{0};  ///< [rows + 1]: where in the other two each row begins, and the end
  std::vector<std::int32_t> indices;    ///< columns, ascending within a row
  std::vector<float> values;

  std::size_t rows() const { return starts.size() - 1; }
  /// Adds a row of `columns` numbers.
  void add(std::span<const float> row);
};

/// Called while a model runs on examples, with the number of those that are done.
using RunProgress = std::function<void(std::size_t done)>;

/// A trained network with its preprocessing: raw inputs in, predictions out. Copies share the same network.
class Model {
 public:
  /// Reads an ONNX file, Halfwave's own or any other program's (docs/onnx.md says which graphs). Throws Error
  /// (input) naming file and tensor or node.
  static Model load(const std::string& path);
  /// Writes the ONNX file, whole or not at all: preprocessing is part of its graph, class names and training
  /// facts are in its metadata. Throws Error (input) where the file cannot be written.
  void save(const std::string& path) const;

  /// What kind of data it takes, and the names of its classes.
  const Schema& schema() const;
  /// The network in one line, e.g. "dense 512, relu, dense 10".
  std::string network() const;
  /// Numbers that were learned.
  std::size_t parameters() const;
  /// Numbers of one prediction: one a class (logits, or probabilities where the network ends in softmax), or
  /// the targets.
  std::size_t outputs() const;
  /// Facts about its training: "epochs", "test_accuracy", "halfwave_version", …
  const std::map<std::string, std::string>& facts() const;

  /// Predictions [examples, outputs] for examples as load_examples gives them: raw numbers, as they are
  /// stored, those of images channels first ([channels, height, width], as Schema::shape says), whatever the
  /// network makes of them inside. threads = 0: all.
  std::vector<float> predict(const Examples& examples, int threads = 0,
                             const RunProgress& progress = {}) const;
  /// The same for raw numbers [count, features], row after row.
  std::vector<float> predict(std::span<const float> inputs, std::size_t count, int threads = 0) const;

  /// The network's layers, in the order in which they are computed.
  std::vector<LayerSummary> layers() const;
  /// What the layer of that name gives for each example, as it is inside of the network: [examples, numbers],
  /// those of an image or signal channels first. The code of a hidden layer with weights, its non-zero units,
  /// is what the activation behind it gives. Throws Error (usage) for a name that no layer has, naming all.
  std::vector<float> layer_output(std::string_view layer, const Examples& examples, int threads = 0,
                                  const RunProgress& progress = {}) const;
  /// The same without its zeros.
  SparseRows layer_code(std::string_view layer, const Examples& examples, int threads = 0,
                        const RunProgress& progress = {}) const;

  /// Classification: the class that each row of predictions names.
  std::vector<std::int32_t> classes(std::span<const float> predictions) const;

  explicit Model(std::shared_ptr<ModelParts> parts) : parts_(std::move(parts)) {}
  ModelParts& parts() const { return *parts_; }
  const std::shared_ptr<ModelParts>& shared_parts() const { return parts_; }

 private:
  std::shared_ptr<ModelParts> parts_;
};

/// A model made ready to answer at once, again and again: everything is allocated and prepared beforehand,
/// and of every weight matrix only the rows are touched whose unit is not zero. Not for several threads at
/// once: each takes its own, copies of the model share the weights.
class Predictor {
 public:
  /// batch: the most examples that will come at once. threads: 0 = all; for one example a second thread pays
  /// where layers have a million weights or so.
  explicit Predictor(const Model& model, std::size_t batch = 1, int threads = 1);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  /// Raw inputs [count, features] as Model::predict takes them, row after row, count <= batch. The
  /// predictions [count, outputs], as Model::predict gives them, hold until the next call. Throws Error
  /// (usage) for another number of inputs.
  std::span<const float> predict(std::span<const float> inputs);
  std::span<const float> predict(std::span<const std::uint8_t> inputs);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// How well a model does on labelled examples.
struct Evaluation {
  double loss =
      0.0;  ///< classification: mean cross-entropy; regression: mean squared error in the target's units
  double accuracy = 0.0;  ///< classification: share of examples whose largest output is their class
  double rmse = 0.0;      ///< regression: root of the mean squared error, in the target's units
};
Evaluation evaluate(const Model& model, const Examples& examples, int threads = 0);

}  // namespace halfwave
