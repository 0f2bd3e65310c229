// Lost if this fails: a calibration that comes back as it was written, and a damaged or foreign file that is
// refused as a whole, with its name and the place, instead of steering every product.
#include "io/crossover_file.h"

#include <nlohmann/json.hpp>
#include <random>

#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using Json = nlohmann::ordered_json;

Crossovers sample() {
  Crossovers table{
      .batches = {1, 128}, .outputs = {16, 64, 1024}, .densities = {}, .processor = crossover_machine()};
  for (auto& product : table.densities) product = {{0.0, 0.25, 1.0}, {0.1, 1.0 / 3.0, 0.7}};
  return table;
}

std::string sample_text(const Folder& folder) {
  write_crossovers(folder.path() / "sample.json", sample());
  return read_text(folder.path() / "sample.json");
}

TEST(CrossoverFile, ComesBackAsItWasWritten) {
  const Folder folder;
  const fs::path path = folder.path() / "deeper" / "halfwave" / "crossovers.json";
  write_crossovers(path, sample());
  const Crossovers back = read_crossovers(path);
  EXPECT_EQ(back.batches, sample().batches);
  EXPECT_EQ(back.outputs, sample().outputs);
  EXPECT_EQ(back.densities, sample().densities);
  EXPECT_EQ(back.processor, crossover_machine());
}

TEST(CrossoverFile, NamesProcessorAndInstructionSet) {
  EXPECT_THAT(crossover_machine(), ::testing::ContainsRegex("^[^ ,].*, [A-Z].*"));
  EXPECT_EQ(crossover_machine(), crossover_machine());
}

TEST(CrossoverFile, OfAnotherProcessorOrFormatIsRefused) {
  const Folder folder;
  Crossovers foreign = sample();
  foreign.processor = "Abacus\x1b[31m";
  write_crossovers(folder.file("foreign.json"), foreign);
  expect_error(ErrorKind::input, {"foreign.json", "Abacus\\u001b", crossover_machine()},
               [&] { read_crossovers(folder.file("foreign.json")); });
  Json json = Json::parse(sample_text(folder));
  json["format"] = 2;
  folder.write("new.json", json.dump());
  expect_error(ErrorKind::input, {"new.json", "format is not 1"},
               [&] { read_crossovers(folder.file("new.json")); });
}

TEST(CrossoverFile, EveryFaultIsFoundAndNamed) {
  const Folder folder;
  const Json good = Json::parse(sample_text(folder));
  const auto expect_refused = [&](const Json& json, const std::vector<std::string>& parts) {
    folder.write("bad.json", json.dump());
    SCOPED_TRACE(json.dump());
    expect_error(ErrorKind::input, parts, [&] { read_crossovers(folder.file("bad.json")); });
  };
  for (const auto& [key, value] : good.items()) {
    for (const char* wrong : {"null", "\"text\"", "-1", "[]", "[[1]]", "true", "1e300"}) {
      Json bad = good;
      bad[key] = Json::parse(wrong);
      expect_refused(bad, {"bad.json", key == "processor" && bad[key].is_string() ? "measured on" : key});
    }
    Json without = good;
    without.erase(key);
    expect_refused(without, {"bad.json"});
  }
  for (const char* key : {"batches", "outputs"}) {
    for (const char* wrong :
         {"[0,128]", "[1,1]", "[128,1]", "[1,2.5]", "[1,-2]", "[1,1e9]", "[1,99999999999]"}) {
      Json bad = good;
      bad[key] = Json::parse(wrong);
      expect_refused(bad, {"bad.json", key, "ascending"});
    }
  }
  for (const char* wrong : {"null", "[]", "[[0,0,0]]", "[[0,0,0],[0,0]]", "[[0,0,0],[0,0,1.5]]",
                            "[[0,0,0],[0,0,-0.1]]", "[[0,0,0],[0,0,\"a\"]]", "[[0,0,0],7]"}) {
    Json bad = good;
    bad["densities"]["weight_gradient"] = Json::parse(wrong);
    expect_refused(bad, {"bad.json", "densities.weight_gradient", "2 lists of 3 numbers"});
  }
}

TEST(CrossoverFile, WhatIsNoTableAtAllIsRefused) {
  const Folder folder;
  const auto expect_refused = [&](const std::string& text, const std::string& part) {
    folder.write("bad.json", text);
    expect_error(ErrorKind::input, {"bad.json", part}, [&] { read_crossovers(folder.file("bad.json")); });
  };
  expect_refused("", "no JSON");
  expect_refused("not JSON", "no JSON, at byte");
  expect_refused("{\"format\":1e999}", "no JSON");
  expect_refused("[1]", "no table");
  expect_refused(std::string(100000, '['), "no JSON");
  expect_refused(std::string((1 << 20) + 1, ' '), "too large");
  expect_error(ErrorKind::input, {folder.path().string(), "no file"},
               [&] { read_crossovers(folder.path()); });
  expect_error(ErrorKind::input, {"missing.json"}, [&] { read_crossovers(folder.file("missing.json")); });
}

TEST(CrossoverFile, RandomDamageIsRefusedOrHarmless) {
  const Folder folder;
  const std::string good = sample_text(folder);
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      const std::size_t place = random() % bad.size();
      switch (random() % 4) {
        case 0:
          bad.resize(place + 1);
          break;
        case 1:
          bad.erase(place, 1 + random() % 8);
          bad += bad.empty() ? " " : "";
          break;
        case 2:
          bad[place] = static_cast<char>(random());
          break;
        default:
          bad.insert(place, 1, "0123456789-.e[]{},\""[random() % 19]);
      }
    }
    const std::string path = folder.write("bad.json", bad);
    try {
      const Crossovers table = read_crossovers(path);
      for (const Product product : kProducts) {
        const double density = table.density(product, 100, 100);
        EXPECT_TRUE(density >= 0.0 && density <= 1.0) << bad;
      }
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("bad.json"));
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(CrossoverFile, AFolderThatCannotBeMadeIsNamed) {
  const Folder folder;
  folder.write("file", "mine");
  expect_error(ErrorKind::input, {folder.file("file")},
               [&] { write_crossovers(folder.path() / "file" / "crossovers.json", sample()); });
}

}  // namespace
}  // namespace halfwave
