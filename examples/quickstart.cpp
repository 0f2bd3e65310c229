#include <halfwave/train.h>

#include <iostream>

int main() {
  const halfwave::Dataset data = halfwave::load_dataset("mnist1d");
  halfwave::TrainOptions options;
  options.hidden = {100, 100};
  const halfwave::TrainResult result = halfwave::train(data, options);
  result.model.save("mnist1d.onnx");

  const halfwave::Model model = halfwave::Model::load("mnist1d.onnx");
  std::cout << model.network() << ": " << halfwave::evaluate(model, data.test).accuracy << "\n";
}
