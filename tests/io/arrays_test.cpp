// If this failed, images or arrays from IDX, .npy, .npz or CIFAR-10 files would be read wrongly, or damaged
// ones believed.
#include <chrono>
#include <cmath>
#include <limits>

#include "io/idx.h"
#include "io/npy.h"
#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<float> kNumbers{0, 1, 2, 3, 4, 5, 100, 127, 7, 8, 9, 10};

/// The numbers as a file stores them, and as a .npy calls the type.
template <class T>
std::string stored(bool big) {
  return array_bytes(std::vector<T>(kNumbers.begin(), kNumbers.end()), big);
}
struct Stored {
  std::string npy_type;
  std::uint8_t idx_type;  // 0: IDX has none
  std::string data;
};
std::vector<Stored> stored_types(bool big) {
  const std::string order = big ? ">" : "<";
  return {{"|u1", 8, stored<std::uint8_t>(big)},         {"|i1", 9, stored<std::int8_t>(big)},
          {order + "i2", 11, stored<std::int16_t>(big)}, {order + "i4", 12, stored<std::int32_t>(big)},
          {order + "f4", 13, stored<float>(big)},        {order + "f8", 14, stored<double>(big)},
          {order + "u2", 0, stored<std::uint16_t>(big)}, {order + "u4", 0, stored<std::uint32_t>(big)},
          {order + "u8", 0, stored<std::uint64_t>(big)}, {order + "i8", 0, stored<std::int64_t>(big)}};
}

/// Two classes, four examples each, for folders that need labels.
const std::string kLabels{0, 1, 0, 1};

void write_idx_folder(const Folder& folder, const std::string& images, const std::string& ending = "") {
  const std::string labels = idx(8, {4}, kLabels);
  const auto pack = [&](const std::string& bytes) { return ending.empty() ? bytes : gzipped(bytes); };
  folder.write("train-images-idx3-ubyte" + ending, pack(images));
  folder.write("train-labels-idx1-ubyte" + ending, pack(labels));
  folder.write("t10k-images-idx3-ubyte" + ending, pack(images));
  folder.write("t10k-labels-idx1-ubyte" + ending, pack(labels));
}

TEST(Idx, EveryElementTypeIsRead) {
  for (const Stored& type : stored_types(true)) {
    if (type.idx_type == 0) continue;
    for (const char* ending : {"", ".gz"}) {
      const Folder folder;
      write_idx_folder(folder, idx(type.idx_type, {4, 1, 3}, type.data), ending);
      const Dataset data = load(folder.path().string());
      EXPECT_EQ(floats(data.train), kNumbers) << type.npy_type;
      EXPECT_EQ(floats(data.test), kNumbers);
      EXPECT_THAT(data.schema.shape, ElementsAre(1, 1, 3));
      EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 0, 1));
      EXPECT_THAT(data.schema.classes, ElementsAre("0", "1"));
      EXPECT_EQ(std::holds_alternative<std::vector<std::uint8_t>>(data.train.values), type.idx_type == 8);
    }
  }
}

TEST(Idx, NamesWithDotsAndFoldersWithoutTestPart) {
  const Folder folder;
  folder.write("train-images.idx3-ubyte", idx(8, {10, 1, 1}, std::string(10, 'a')));
  folder.write("train-labels.idx1-ubyte", idx(8, {10}, std::string(5, '\1') + std::string(5, '\2')));
  const Dataset data = load(folder.path().string());
  EXPECT_EQ(data.train.count, 8u);
  EXPECT_EQ(data.test.count, 2u);
  EXPECT_THAT(data.schema.classes, ElementsAre("1", "2"));
}

TEST(Idx, BadFilesAreNamed) {
  const Folder folder;
  const std::string source = folder.path().string(), images = idx(8, {4, 1, 3}, std::string(12, 'a'));
  const auto with_images = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    write_idx_folder(folder, images);
    folder.write("train-images-idx3-ubyte", bytes);
    expect_load_error(source, parts);
  };
  with_images("", {"train-images-idx3-ubyte", "the file is empty"});
  with_images("PK", {"truncated"});
  with_images("\x89PNG\r\n", {"not an IDX file"});
  with_images(idx(7, {4, 1, 3}, std::string(12, 'a')), {"unknown element type 0x07"});
  with_images(images.substr(0, 10), {"the header"});
  with_images(images.substr(0, images.size() - 1), {"truncated", "{4, 1, 3}"});
  with_images(images + "x", {"more bytes than its header says"});
  with_images(idx(8, {5, 1, 3}, std::string(15, 'a')),
              {"train-labels-idx1-ubyte: 4 labels for the 5 examples"});
  with_images(idx(8, {0, 1, 3}, ""), {"no examples"});
  with_images(gzipped(images).substr(0, 20), {"truncated"});
  with_images(idx(13, {4, 1, 1}, array_bytes<float>({0, 1, NAN, 3}, true)), {"NaN at row 2, column 0"});
  with_images(idx(14, {4, 1, 1}, array_bytes<double>({0, 1e300, 2, 3}, true)), {"infinite value at row 1"});

  write_idx_folder(folder, images);
  folder.write("t10k-labels-idx1-ubyte", idx(8, {4}, {0, 1, 2, 1}));
  expect_load_error(source, {"t10k-labels-idx1-ubyte: label '2' of example 2", "none of the 2 classes"});
  folder.write("train-labels-idx1-ubyte", idx(8, {4}, {1, 1, 1, 1}));
  expect_load_error(source, {"one class"});
  fs::remove(folder.path() / "train-labels-idx1-ubyte");
  expect_load_error(source, {"train-images-idx3-ubyte is there, but train-labels-idx"});
}

TEST(Idx, HeadersThatClaimMoreThanAnyFileHoldsFailAtOnce) {
  const Folder folder;
  write_idx_folder(folder, idx(8, {4, 1, 3}, std::string(12, 'a')));
  for (const std::vector<std::uint32_t>& shape : {std::vector<std::uint32_t>{1000000, 1000, 1000},
                                                  {0xffffffff, 0xffffffff, 0xffffffff},
                                                  {0x80000000, 2, 0x80000000}}) {
    for (const bool compressed : {false, true}) {
      const std::string bytes = idx(8, shape, "abc");
      folder.write("train-images-idx3-ubyte", compressed ? gzipped(bytes) : bytes);
      const auto start = std::chrono::steady_clock::now();
      expect_load_error(folder.path().string(), {"train-images-idx3-ubyte"});
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
    }
  }
}

// A deflated stream may really hold a thousand times its size: more than the memory is refused before it is
// inflated.
TEST(Idx, CompressedFilesThatClaimMoreThanTheMemoryAreRefused) {
  const std::uint64_t memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                               static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  expect_error(ErrorKind::input, {"bomb.gz", "do not fit into the memory"},
               [&] { check_memory("bomb.gz", memory / 2 + 1); });
  EXPECT_NO_THROW(check_memory("a.gz", memory / 2));
}

TEST(Npy, EveryTypeAndByteOrderIsRead) {
  for (const bool big : {false, true}) {
    for (const Stored& type : stored_types(big)) {
      const Folder folder;
      const std::string file = folder.write("a.npy", npy(type.npy_type, "(4, 3)", type.data));
      Schema schema;
      schema.shape = {3};
      EXPECT_EQ(floats(load_examples(options_for(file), schema)), kNumbers) << type.npy_type;
    }
  }
}

TEST(Npy, HalfPrecisionIsExact) {
  // 1, -2, the largest, the smallest normal and the smallest number of binary16, and minus zero.
  const std::vector<std::uint16_t> bits{0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x8000};
  const Folder folder;
  Schema schema;
  schema.shape = {1};
  const Examples e =
      load_examples(options_for(folder.write("a.npy", npy("<f2", "(6,)", array_bytes(bits, false)))), schema);
  EXPECT_THAT(floats(e), ElementsAre(1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, -0.0f));
}

TEST(Npy, FortranOrderIsTransposed) {
  const Folder folder;
  std::string data;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) data += number_bytes(static_cast<float>(100 * i + 10 * j + k), false);
    }
  }
  Schema schema;
  schema.shape = {1, 3, 4};
  const std::vector<float> values =
      floats(load_examples(options_for(folder.write("a.npy", npy("<f4", "(2, 3, 4)", data, true))), schema));
  for (int i = 0, at = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k)
        EXPECT_EQ(values[static_cast<std::size_t>(at++)], static_cast<float>(100 * i + 10 * j + k));
    }
  }
}

TEST(Npy, SiblingsAreLabelsAndTestPart) {
  const Folder folder;
  const std::string x = folder.write("x.npy", npy("|u1", "(4, 3)", stored<std::uint8_t>(false)));
  expect_load_error(x, {"x.npy: has no labels", "y.npy"});
  folder.write("y.npy", npy("<i8", "(4,)", array_bytes<std::int64_t>({-1, 1, -1, 1}, false)));
  folder.write("x_test.npy", npy("|u1", "(1, 3)", "abc"));
  folder.write("y_test.npy", npy("<i4", "(1, 1)", array_bytes<std::int32_t>({1}, false)));
  for (const std::string& source : {x, folder.path().string()}) {
    const Dataset data = load(source);
    EXPECT_EQ(floats(data.train), kNumbers);
    EXPECT_THAT(data.schema.classes, ElementsAre("-1", "1"));
    EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 0, 1));
    EXPECT_THAT(data.test.labels, ElementsAre(1));
  }
}

TEST(Npy, TargetsAndTheirTask) {
  const Folder folder;
  const auto with_labels = [&](const std::string& y) {
    folder.write("x.npy", npy("|u1", "(4, 3)", stored<std::uint8_t>(false)));
    folder.write("y.npy", y);
    DataOptions options = options_for(folder.path().string());
    options.validation = 0;
    return load_dataset(options);
  };
  const Dataset regression = with_labels(npy("<f8", "(4,)", array_bytes<double>({0.5, 1, 2, 3}, false)));
  EXPECT_EQ(regression.schema.task, Task::regression);
  EXPECT_THAT(regression.train.targets, ElementsAre(0.5f, 1, 2, 3));
  const Dataset two = with_labels(npy("<f4", "(4, 2)", array_bytes<float>({1, 2, 3, 4, 5, 6, 7, 8}, false)));
  EXPECT_EQ(two.schema.outputs, 2u);
  EXPECT_EQ(two.train.targets.size(), 8u);
  const Dataset one_hot =
      with_labels(npy("<f4", "(4, 3)", array_bytes<float>({1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0}, false)));
  EXPECT_THAT(one_hot.train.labels, ElementsAre(0, 1, 2, 0));
  const std::string cats =
      array_bytes<std::uint32_t>({'c', 'a', 't', 'd', 'o', 0, 'c', 'a', 't', 0xE9, 0, 0}, false);
  const Dataset words = with_labels(npy("<U3", "(4,)", cats));
  EXPECT_THAT(words.schema.classes, ElementsAre("cat", "do", "\xC3\xA9"));
  EXPECT_THAT(words.train.labels, ElementsAre(0, 1, 0, 2));
  const Dataset bytes = with_labels(npy("|S2", "(4,)", std::string("ab\0\0ab\0\0", 8)));
  EXPECT_THAT(bytes.schema.classes, ElementsAre("", "ab"));
}

TEST(Npy, TargetsTooLargeForAFloatAreNamed) {
  const Folder folder;
  folder.write("x.npy", npy("|u1", "(3, 4)", stored<std::uint8_t>(false)));
  folder.write("y.npy", npy("<f8", "(3, 2)", array_bytes<double>({0.5, 1, 3.4e38, -3e38, 2, -1e39}, false)));
  expect_error(ErrorKind::input, {"y.npy: -1e+39 at row 2, column 1", "too large"},
               [&] { load_dataset(options_for(folder.path().string())); });
}

TEST(Npy, BadFilesAreNamed) {
  const Folder folder;
  Schema schema;
  schema.shape = {3};
  const auto bad = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    const std::string file = folder.write("a.npy", bytes);
    expect_error(ErrorKind::input, parts, [&] { load_examples(options_for(file), schema); });
  };
  const std::string good = npy("<f4", "(4, 3)", stored<float>(false));
  bad("", {"a.npy: the file is empty"});
  bad("PK\3\4xxxxxxxx", {"not a NumPy array"});
  bad(good.substr(0, 40), {"truncated", "the header"});
  bad(good.substr(0, good.size() - 1), {"truncated"});
  bad(good + "x", {"more bytes"});
  bad(npy("|O", "(4, 3)", "xxxx"), {"Python objects"});
  bad(npy("<c8", "(4, 3)", std::string(96, 'x')), {"'<c8' is not supported"});
  bad(npy("<f4", "(4, 3", ""), {"header is damaged"});
  bad(npy("<f4", "(-4, 3)", ""), {"header is damaged"});
  bad(npy("<f4", "(1000000, 1000000)", "abcd"), {"truncated"});
  bad(npy("<f4", "(4000000000, 4000000000, 4000000000)", "abcd"), {"no file holds"});
  bad(npy("<f4", "(99999999999999999999999,)", "abcd"), {"header is damaged"});
  bad(npy("<U3", "(1,)", std::string(12, 'x')), {"text where numbers are needed"});
  bad(npy("<f4", "(2, 3)", array_bytes<float>({0, 1, 2, 3, INFINITY, 5}, false)),
      {"infinite value at row 1, column 1"});
  bad(npy("<f4", "(6, 2)", stored<float>(false)), {"shape {2}", "takes {3}"});
  bad(npy("<f4", "(0, 3)", ""), {"no examples"});
  std::string long_header = good;
  long_header[8] = '\xff';
  long_header[9] = '\xff';
  bad(long_header, {"truncated"});
}

TEST(Npy, ChannelsLastImagesBecomeChannelsFirst) {
  const Folder folder;
  std::string x;
  for (int i = 0; i < 2 * 2 * 5 * 3; ++i) x += static_cast<char>(i);
  folder.write("x.npy", npy("|u1", "(2, 2, 5, 3)", x));
  folder.write("y.npy", npy("|u1", "(2,)", std::string("\0\1", 2)));
  DataOptions options = options_for(folder.path().string());
  options.validation = 0;
  const Dataset data = load_dataset(options);
  EXPECT_THAT(data.schema.shape, ElementsAre(3, 2, 5));
  const std::vector<float> values = floats(data.train);
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 3);    // the next pixel of the first channel
  EXPECT_EQ(values[10], 1);   // the second channel
  EXPECT_EQ(values[30], 30);  // the second example
}

class Npz : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(Npz, StoredDeflatedAndZip64MembersAreRead) {
  const auto method = static_cast<std::uint16_t>(std::get<0>(GetParam()));
  const bool zip64 = std::get<1>(GetParam());
  const Folder folder;
  const std::string x = npy("<f4", "(4, 3)", stored<float>(false)), y = npy("|u1", "(4,)", kLabels);
  const auto archive = [&](const std::string& a, const std::string& b) {
    return zip({{a + ".npy", x, method}, {b + ".npy", y, method}}, zip64);
  };
  for (const auto& [a, b] : {std::pair("X", "y"), {"x", "y"}, {"x_train", "y_train"}}) {
    DataOptions options = options_for(folder.write("a.npz", archive(a, b)));
    options.validation = 0;
    const Dataset data = load_dataset(options);
    EXPECT_EQ(floats(data.train), kNumbers);
    EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 0, 1));
    EXPECT_EQ(floats(load_examples(options, data.schema)), kNumbers);
  }
  const std::string both =
      folder.write("b.npz", zip({{"x_train.npy", x, method},
                                 {"y_train.npy", y, method},
                                 {"x_test.npy", npy("<f4", "(1, 3)", std::string(12, '\0')), method},
                                 {"y_test.npy", npy("|u1", "(1,)", std::string(1, '\1')), method}},
                                zip64));
  const Dataset data = load(both);
  EXPECT_EQ(data.test.count, 1u);
  EXPECT_THAT(load_examples(options_for(both), data.schema).labels, ElementsAre(1));
}
INSTANTIATE_TEST_SUITE_P(Methods, Npz, ::testing::Combine(::testing::Values(0, 8), ::testing::Bool()));

TEST(Npz, BadArchivesAreNamed) {
  const Folder folder;
  const std::string x = npy("<f4", "(4, 3)", stored<float>(false)), y = npy("|u1", "(4,)", kLabels);
  const auto bad = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    expect_load_error(folder.write("a.npz", bytes), parts);
  };
  const std::string good = zip({{"X.npy", x, 8}, {"y.npy", y, 0}});
  bad("", {"a.npz", "not an .npz archive"});
  bad(good.substr(0, good.size() - 10), {"not an .npz archive, or a truncated one"});
  bad(good.substr(30), {"cannot be read"});
  bad(zip({{"X.npy", x, 0, 1}, {"y.npy", y}}), {"a.npz: X.npy: is encrypted"});
  bad(zip({{"X.npy", x, 12}, {"y.npy", y}}), {"X.npy", "compression method 12"});
  bad(zip({{"data.npy", x}, {"y.npy", y}}), {"it has data.npy, y.npy"});
  bad(zip({{"X.npy", x}}), {"needs the arrays"});
  bad(zip({{"X.npy", x}, {"y.npy", npy("|O", "(4,)", "xxxx")}}), {"y.npy", "Python objects"});
  bad(zip({{"x_train.npy", x}, {"y_train.npy", y}, {"x_test.npy", x}}), {"no y_test"});
  std::string flipped = zip({{"X.npy", x}, {"y.npy", y}});
  flipped[30 + 5 + x.size() - 2] ^= 1;
  bad(flipped, {"X.npy", "checksum"});
  std::string claims = zip({{"X.npy", npy("<f4", "(1000000, 1000000)", "abcd"), 8}, {"y.npy", y}});
  bad(claims, {"X.npy", "truncated"});
}

std::string cifar_batch(int records, int first_label) {
  std::string batch;
  for (int i = 0; i < records; ++i)
    batch += static_cast<char>((first_label + i) % 10) + std::string(3072, static_cast<char>(i));
  return batch;
}

TEST(Cifar, BatchesAreJoinedInOrder) {
  const Folder folder;
  folder.write("data_batch_1.bin", cifar_batch(10, 0));
  folder.write("data_batch_2.bin.gz", gzipped(cifar_batch(4, 3)));
  folder.write("test_batch.bin", cifar_batch(2, 8));
  const Dataset data = load(folder.path().string());
  EXPECT_THAT(data.schema.shape, ElementsAre(3, 32, 32));
  EXPECT_EQ(data.train.count, 14u);
  EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6));
  EXPECT_THAT(data.test.labels, ElementsAre(8, 9));
  EXPECT_EQ(floats(data.train)[11 * 3072], 1);
  EXPECT_EQ(data.schema.classes[3], "cat");
  folder.write("batches.meta.txt", "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  EXPECT_EQ(load(folder.path().string()).schema.classes[1], "b");
}

TEST(Cifar, BadBatchesAreNamed) {
  const Folder folder;
  folder.write("data_batch_1.bin", cifar_batch(10, 0).substr(0, 5000));
  expect_load_error(folder.path().string(), {"data_batch_1.bin: the file is truncated", "record 1"});
  std::string wrong = cifar_batch(10, 0);
  wrong[3073] = 77;
  folder.write("data_batch_1.bin", wrong);
  expect_load_error(folder.path().string(), {"label 77 of record 1 is out of range 0 … 9"});
  folder.write("data_batch_1.bin", cifar_batch(10, 0));
  folder.write("batches.meta.txt", "cat\ndog\n");
  expect_load_error(folder.path().string(), {"batches.meta.txt: 2 class names"});
}

TEST(Sources, MissingAndUnknownOnesAreNamed) {
  const Folder folder;
  expect_load_error(folder.file("none.csv"), {"none.csv: no such file or folder"});
  expect_load_error(folder.path().string(),
                    {"a folder without data", "train-images-idx3-ubyte", "data_batch_1.bin", "x.npy"});
  expect_load_error(folder.write("a.xyz", "1"), {"a.xyz", "not a kind of file"});
  expect_error(ErrorKind::usage, {"'mnits'", "Did you mean 'mnist'"}, [] { load("mnits"); });
  expect_error(ErrorKind::usage, {"no data given"}, [] { load(""); });
  DataOptions options = options_for("mnist1d");
  options.task = "regresion";
  expect_error(ErrorKind::usage, {"'regression'"}, [&] { load_dataset(options); });
  options = options_for("mnist1d");
  options.target = "y";
  expect_error(ErrorKind::usage, {"target column"}, [&] { load_dataset(options); });
}

}  // namespace
}  // namespace halfwave
