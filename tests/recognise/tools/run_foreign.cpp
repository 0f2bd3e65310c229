// Runs a model file on raw numbers, for tests/foreign_models_test.py: run_foreign MODEL INPUTS OUTPUTS, the
// last two files of 32-bit floats, one example after the other. Prints the layers, one a line.
#include <halfwave/error.h>
#include <halfwave/model.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "graph/model_parts.h"
#include "layers/operators.h"

namespace {

std::vector<float> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> numbers(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), numbers.size() * sizeof(float), reinterpret_cast<char*>(numbers.data()));
  return numbers;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const halfwave::Model model = halfwave::Model::load(argv[1]);
  const halfwave::Network& network = model.parts().network;
  for (std::size_t i = 0; i < network.size(); ++i) {
    const halfwave::OperatorRegion* region = halfwave::operator_region(network.layer(i));
    std::printf("%s\t%s\t%s\n", network.layer_name(i).c_str(), network.layer(i).line().c_str(),
                region ? region->reason.c_str() : "");
  }
  const std::vector<float> inputs = read(argv[2]);
  const std::vector<float> outputs = model.predict(inputs, inputs.size() / model.schema().features(), 1);
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(outputs.data()),
             static_cast<std::streamsize>(outputs.size() * sizeof(float)));
  return 0;
} catch (const halfwave::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.kind());
}
