// If this failed, a damaged file could crash the program or take all the machine's memory instead of being
// refused.
#include <algorithm>
#include <random>

#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;

struct Specimen {
  std::string name;                                        ///< of the file that is damaged
  std::vector<std::pair<std::string, std::string>> files;  ///< name and contents; that file is among them
  bool folder = false;
};

std::vector<Specimen> specimens() {
  std::string table = "a,kind,b,y\n", pixels, batch;
  std::mt19937 random(5);
  for (int i = 0; i < 40; ++i) {
    table += std::to_string(i) + "," + (i % 3 == 0 ? "red" : "\"dark, \"\"blue\"\"\"") + "," +
             std::to_string(i * i % 7) + ".5," + (i % 2 == 0 ? "yes" : "no") + "\n";
  }
  for (int i = 0; i < 8 * 12; ++i) pixels += static_cast<char>(random());
  for (int i = 0; i < 4; ++i)
    batch += static_cast<char>(i % 2) + std::string(3072, static_cast<char>(random()));
  const std::string labels{0, 1, 0, 1, 0, 1, 0, 1};
  const std::string x = npy("|u1", "(8, 3, 4)", pixels), f = npy(">f4", "(8, 3)", pixels.substr(0, 96), true);
  const std::string y = npy("<i8", "(8,)", array_bytes<std::int64_t>({0, 1, 0, 1, 0, 1, 0, 1}, false));
  const std::pair<std::string, std::string> idx_labels{"train-labels-idx1-ubyte", idx(8, {8}, labels)};
  return {
      {"t.csv", {{"t.csv", table}}},
      {"t.csv.gz", {{"t.csv.gz", gzipped(table)}}},
      {"a.npz", {{"a.npz", zip({{"X.npy", x, 8}, {"y.npy", y, 0}})}}},
      {"b.npz", {{"b.npz", zip({{"x_train.npy", x}, {"y_train.npy", y, 8}}, true)}}},
      {"x.npy", {{"x.npy", f}, {"y.npy", y}}},
      {"y.npy", {{"x.npy", x}, {"y.npy", y}}, true},
      {"train-images-idx3-ubyte", {{"train-images-idx3-ubyte", idx(8, {8, 3, 4}, pixels)}, idx_labels}, true},
      {"train-images-idx3-ubyte.gz",
       {{"train-images-idx3-ubyte.gz", gzipped(idx(8, {8, 3, 4}, pixels))}, idx_labels},
       true},
      {"data_batch_1.bin",
       {{"data_batch_1.bin", batch}, {"batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"}},
       true}};
}

std::string damaged(std::string bytes, std::mt19937& random) {
  const auto place = [&] { return random() % bytes.size(); };
  switch (random() % 5) {
    case 0:
      bytes.resize(place());
      break;
    case 1:
      bytes.erase(place(), 1 + random() % 8);
      break;
    case 2:
      bytes.insert(place(), 1 + random() % 8, static_cast<char>(random()));
      break;
    default:
      // Most damage near the start, where the headers are; values that overflow when multiplied or added
      // among it.
      for (auto n = 1 + random() % 3; n > 0; --n) {
        const std::size_t at =
            random() % 2 == 0 ? place() : random() % std::min<std::size_t>(bytes.size(), 96);
        const unsigned char extreme[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
        bytes[at] = static_cast<char>(random() % 2 == 0 ? extreme[random() % 5] : random());
      }
  }
  return bytes;
}

TEST(Damage, DamagedFilesAreReadOrRefusedWithAnError) {
  constexpr int kTrials = 400;
  std::mt19937 random(11);
  int read = 0, refused = 0;
  for (const Specimen& specimen : specimens()) {
    const Folder folder;
    for (const auto& [name, contents] : specimen.files) folder.write(name, contents);
    const std::string source = specimen.folder ? folder.path().string() : folder.file(specimen.name);
    EXPECT_NO_THROW(load(source)) << specimen.name;
    const auto original = std::find_if(specimen.files.begin(), specimen.files.end(),
                                       [&](const auto& f) { return f.first == specimen.name; });
    for (int trial = 0; trial < kTrials; ++trial) {
      folder.write(specimen.name, damaged(original->second, random));
      try {
        const Dataset data = load(source);
        ++read;
        EXPECT_EQ(floats(data.train).size(), data.train.count * data.schema.features());
        for (const std::int32_t label : data.train.labels)
          EXPECT_LT(static_cast<std::size_t>(label), data.schema.classes.size());
      } catch (const Error& error) {
        ++refused;
        EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
        EXPECT_FALSE(std::string(error.what()).empty());
      }  // anything else fails the test
    }
  }
  // Both happen, so the damage is neither too small nor too large to tell anything.
  EXPECT_GT(read, 300);
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace halfwave
