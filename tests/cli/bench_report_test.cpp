// Lost if this fails: what bench says of its figures - times and ratios in words, JSON that holds numbers
// only where something was measured, pictures that every reader of XML accepts.
#include "bench_report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "bench_picture.h"
#include "svg.h"

namespace halfwave::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(BenchWords, Times) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0 ns"},         {1e-9, "1 ns"},         {831.4e-9, "831 ns"}, {999.4e-9, "999 ns"},
      {999.6e-9, "1.00 µs"}, {12.345e-6, "12.3 µs"}, {99.96e-6, "100 µs"}, {999.6e-6, "1.00 ms"},
      {4.561e-3, "4.56 ms"}, {123.4e-3, "123 ms"},   {0.99951, "1.00 s"},  {12.0, "12.0 s"}};
  for (const auto& [seconds, words] : cases) EXPECT_EQ(time_words(seconds), words);
}

TEST(BenchWords, Roofline) {
  EXPECT_EQ(roofline_words(2e-3, 4e-3), "2.00× below the dense roofline of 4.00 ms");
  EXPECT_EQ(roofline_words(4e-3, 1e-3), "4.00× above the dense roofline of 1.00 ms");
  EXPECT_EQ(roofline_words(4e-3, 0.0), "without any product");
}

MachineSpeed machine() {
  MachineSpeed machine;
  machine.processor = "A & B <\"C\">\x1b";
  machine.instruction_set = "AVX9";
  machine.threads = 2;
  machine.peak_one = 1e11;
  machine.peak_all = 2e11;
  return machine;
}

LayerSpeed product_layer() {
  LayerSpeed layer;
  layer.name = "dense_1";
  layer.line = "dense 20";
  layer.inputs = 10;
  layer.outputs = 20;
  layer.multiplies = layer.skips = true;
  layer.density = 0.25;
  layer.seconds = 1e-3;
  layer.roofline_seconds = 3e-3;
  return layer;
}

BenchReport model_report() {
  LayerSpeed activation;
  activation.name = activation.line = "relu_1";
  activation.seconds = 1e-3;
  ModelSpeed run;
  run.batch = 7;
  run.layers = {product_layer(), activation};
  run.seconds = 2e-3;
  run.roofline_seconds = 3e-3;
  BenchReport report;
  report.machine = machine();
  report.model = "m.onnx";
  report.network = "dense 20, relu";
  report.runs = {run};
  return report;
}

BenchReport products_report() {
  BenchReport report;
  report.machine = machine();
  for (const char* name : {"forward", "weight_gradient", "input_gradient"}) {
    for (const std::size_t batch : std::initializer_list<std::size_t>{1, 8}) {
      ProductSpeed speed;
      speed.product = name;
      speed.batch = batch;
      speed.inputs = speed.outputs = 64;
      speed.dense_seconds = 1e-6;
      speed.points = {{1.0, 2e-6, 0.5}, {0.5, 1e-6, 1.0}, {0.1, 1e-7, 10.0}};
      speed.crossover = 0.5;
      report.products.push_back(speed);
    }
  }
  return report;
}

TEST(BenchText, SaysOfALayerWhatIsKnown) {
  const std::string text = bench_text(model_report(), false, 100);
  EXPECT_THAT(text, ::testing::ContainsRegex("dense_1 +10 × 20 +25.0 % +zero-skipping +1.00 ms +50.0 % "
                                             "+3.00 ms +3.00×\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("relu_1 +1 +1.00 ms +50.0 %\n"));
  EXPECT_THAT(text, HasSubstr("batch 7, 1 thread: 2.00 ms, 3,500 examples/s, 1.50× below"));
  EXPECT_THAT(text, HasSubstr("200.0 GFLOP/s on 2 threads"));
  EXPECT_THAT(text, Not(HasSubstr("backward")));
}

TEST(BenchText, HasARowForEachBatchAndWithDetailsForEachDensity) {
  const auto lines_with = [](const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(lines_with(bench_text(products_report(), false, 100), "10.00×"), 6u);
  const std::string details = bench_text(products_report(), true, 100);
  EXPECT_EQ(lines_with(details, "10.00×"), 6u);
  EXPECT_EQ(lines_with(details, "×\n") + lines_with(details, "× "), 6u * 3 + 0u);
}

TEST(BenchJson, HasNullWhereNothingWasMeasured) {
  const auto run = bench_json(model_report())["runs"][0];
  EXPECT_TRUE(run["backward_seconds"].is_null());
  EXPECT_EQ(run["layers"][0]["density"], 0.25);
  EXPECT_EQ(run["layers"][0]["below_roofline"], 3.0);
  for (const char* key : {"density", "skips", "roofline_seconds", "below_roofline", "backward_seconds"})
    EXPECT_TRUE(run["layers"][1][key].is_null()) << key;
  EXPECT_FALSE(bench_json(products_report()).contains("runs"));
  EXPECT_FALSE(bench_json(model_report()).contains("products"));
}

TEST(Picture, TextsAreEscaped) {
  for (const std::string& picture : {products_picture(machine(), products_report().products),
                                     model_picture(machine(), "dense 20, relu", model_report().runs)}) {
    EXPECT_THAT(picture, HasSubstr("A &amp; B &lt;&quot;C&quot;&gt;, AVX9, 2 threads"));
    EXPECT_EQ(picture.find('\x1b'), std::string::npos);
    EXPECT_TRUE(picture.ends_with("</svg>\n"));
  }
}

TEST(Picture, IsForScreenReadersToo) {
  const std::string products = products_picture(machine(), products_report().products),
                    model = model_picture(machine(), "dense 20, relu", model_report().runs);
  EXPECT_THAT(products, HasSubstr("<title id=\"title\">Zero-skipping against dense products: A"));
  EXPECT_THAT(products, HasSubstr("weight gradient, batch 8, width 64: 0.50 at 100 % non-zero"));
  EXPECT_THAT(model, HasSubstr("dense_1: 1.00 ms, 25 % of its inputs not zero, zero-skipping"));
  for (const std::string& picture : {products, model}) {
    EXPECT_THAT(picture, HasSubstr("role=\"img\" aria-labelledby=\"title description\""));
    EXPECT_THAT(picture, HasSubstr("prefers-color-scheme:dark"));
  }
}

TEST(Picture, HasALineForEachProductAndBatchInsideItsField) {
  const std::string picture = products_picture(machine(), products_report().products);
  std::size_t lines = 0;
  for (std::size_t at = picture.find("<polyline"); at != std::string::npos;
       at = picture.find("<polyline", at + 1))
    ++lines;
  EXPECT_EQ(lines, 6u);
  EXPECT_EQ(picture.find("nan"), std::string::npos);
  EXPECT_EQ(picture.find("=\"-"), std::string::npos) << "nothing is outside of the picture";
}

TEST(Picture, StandsWithoutAnyTime) {
  BenchReport report = model_report();
  for (LayerSpeed& layer : report.runs[0].layers) layer.seconds = layer.roofline_seconds = 0.0;
  const std::string picture = model_picture(machine(), "dense", report.runs);
  EXPECT_EQ(picture.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace halfwave::cli
