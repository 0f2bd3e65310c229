#pragma once
#include <halfwave/dataset.h>
#include <halfwave/model.h>
#include <halfwave/options.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace halfwave {

/// How things are measured. What each field means stands once, in visit() below.
struct BenchOptions {
  std::vector<std::int64_t> batch;
  std::vector<std::int64_t> width{256, 1024};
  std::int64_t threads = 1;
  double seconds = 0.0;
  bool quick = false;
  bool train = false;
  std::uint64_t seed = 0;

  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor);
};

/// Called while something is measured: what it is, and the share that is done, from 0 to 1.
using BenchProgress = std::function<void(const std::string& what, double share)>;

/// What a machine can do at most.
struct MachineSpeed {
  std::string processor;        ///< its own name for itself
  std::string instruction_set;  ///< that the kernels use on it
  int processors = 1;           ///< that this process may use
  int threads = 1;              ///< that were measured
  double peak_one = 0.0;        ///< multiply-adds of one thread, in floating-point operations a second
  double peak_all = 0.0;        ///< of all the threads together
  double copy_in_cache = 0.0;   ///< one thread copying 16 KiB: bytes read plus bytes written, a second
  double copy_in_memory = 0.0;  ///< all the threads copying 256 MiB (32 MiB where quick)
};
MachineSpeed measure_machine(const BenchOptions& options);

/// One product of a dense layer, computed densely and by skipping the zeros of its input.
struct ProductSpeed {
  struct Point {
    double density = 1.0;  ///< share of the input's numbers that are not zero
    double seconds = 0.0;  ///< skipping zeros, finding them included; median
    double ratio = 1.0;    ///< dense time / skipping time, measured in turn; median
  };
  std::string product;  ///< "forward", "weight_gradient" or "input_gradient"
  std::size_t batch = 1, inputs = 1, outputs = 1;
  double dense_seconds = 0.0;  ///< median
  std::vector<Point> points;   ///< densities descending
  double crossover = 0.0;      ///< the density below which skipping is faster

  /// Floating-point operations of the dense product.
  double operations() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(inputs) * static_cast<double>(outputs);
  }
};
/// The three products of square layers, by batch and width, on random numbers with zeros at random places.
std::vector<ProductSpeed> measure_products(const BenchOptions& options, const BenchProgress& progress = {});

/// One layer of a model.
struct LayerSpeed {
  std::string name, line;  ///< "dense_1", "dense 512"
  std::size_t inputs = 1, outputs = 1;
  bool multiplies = false;  ///< it is a matrix product: the figures up to roofline_seconds mean something
  double density = 1.0;     ///< share of its input that is not zero
  bool skips = false;       ///< its forward product skipped the zeros
  double roofline_seconds = 0.0;  ///< the dense product's operations at the measured peak of the threads used
  double seconds = 0.0;           ///< forward, a batch; median
  /// Backward, with that of the layers behind it that learn nothing, such as its activation; 0 where it
  /// learns nothing itself or was not measured.
  double backward_seconds = 0.0;
  double backward_roofline_seconds = 0.0;
};

/// A model, layer by layer.
struct ModelSpeed {
  std::size_t batch = 1;
  int threads = 1;
  double peak = 0.0;  ///< multiply-adds of the threads, in floating-point operations a second
  std::vector<LayerSpeed> layers;
  double seconds = 0.0;  ///< forward, a batch; median of whole passes
  double roofline_seconds = 0.0;
  double backward_seconds = 0.0;  ///< the same backward, without loss and optimiser; 0: not measured
  double backward_roofline_seconds = 0.0;
};
/// Runs the model on batches of the examples, one after the other; on standard normal numbers where
/// `examples` is null. One result for each batch of the options. The model is not changed, with options.train
/// neither. Throws Error (usage or input) where the examples do not fit or there are none.
std::vector<ModelSpeed> measure_model(const Model& model, const Examples* examples,
                                      const BenchOptions& options, const BenchProgress& progress = {});

/// Which crossovers (densities below which zeros are skipped) are in use.
struct Calibration {
  bool measured = false;  ///< on this machine; else the built-in table
  std::string file;       ///< where this user's measured table is kept; "": no place for it is known
  std::string warning;    ///< why a file that is there is not used; "" where all is well
};
/// Puts this user's measured table into use for all models that run from now on; call it once, before the
/// first of them. Where there is none, or it is damaged or another machine's, the built-in table stays.
Calibration load_calibration();
/// The same as the last load_calibration() or calibrate() gave.
const Calibration& calibration();

/// Measures the crossovers of this machine with one thread, puts them into use and keeps them for this user,
/// in halfwave/crossovers.json in $XDG_CACHE_HOME or ~/.cache. Takes some ten seconds on an idle machine.
/// Throws Error (input) where the file cannot be written.
Calibration calibrate(const BenchOptions& options, const BenchProgress& progress = {});

template <class Self, class Visitor>
void BenchOptions::visit(Self& self, Visitor&& v) {
  v(OptionInfo{"batch",
               "examples at once; none: 1,32,128,512 (--quick 1,128) for products, 128,1 for a model", 1,
               1 << 16},
    self.batch);
  v(OptionInfo{"width", "inputs and outputs of the products' layers", 1, 1 << 14}, self.width);
  v(OptionInfo{"threads", "0: all processors", 0, 1024}, self.threads);
  v(OptionInfo{"seconds", "how long to measure; 0: some 20 for products, 4 for a model, a tenth with --quick",
               0, 3600},
    self.seconds);
  v(OptionInfo{"quick", "a shorter and rougher run"}, self.quick);
  v(OptionInfo{"train", "of a model: as in training, with the backward pass"}, self.train);
  v(OptionInfo{"seed", "fixes the random numbers"}, self.seed);
}

}  // namespace halfwave
