#include <halfwave/compare.h>

#include <iostream>

int main() {
  const halfwave::Dataset data = halfwave::load_dataset("mnist1d");
  halfwave::TrainOptions options;
  options.hidden = {64, 64};
  options.epochs = 10;
  const std::vector<halfwave::Variation> over{halfwave::parse_variation("activation=relu,silu,sigmoid")};
  halfwave::CompareOptions how;
  how.seeds = 3;
  const halfwave::Comparison comparison =
      halfwave::compare(data, halfwave::variants_over(options, over), how);
  for (const halfwave::ComparedVariant& variant : comparison.variants)
    std::cout << variant.variant.name << ": learning rate " << variant.variant.options.learning_rate
              << ", test accuracy " << variant.score.mean << " +- " << variant.score.deviation << "\n";
  std::cout << comparison.verdict << "\n";
}
