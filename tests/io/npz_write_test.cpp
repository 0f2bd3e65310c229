// Lost if these fail: predictions and codes that NumPy, SciPy and LIBSVM read, however large they are.
#include "io/npz_write.h"

#include "io/io_files.h"
#include "io/npz.h"
#include "io/sparse_files.h"

namespace halfwave::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NpyWrite, HeaderIsAlignedAndSaysTheShape) {
  for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{123456789}}) {
    const std::string header = npy_header("<f4", std::array{rows, std::size_t{10}});
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_EQ(static_cast<unsigned char>(header[8]) + 256u * static_cast<unsigned char>(header[9]) + 10u,
              header.size());
  }
  EXPECT_THAT(npy_header("<f4", std::array<std::size_t, 1>{7}), HasSubstr("'shape': (7,)"));
  EXPECT_THAT(npy_header("|S3", {}), HasSubstr("'descr': '|S3', 'fortran_order': False, 'shape': ()"));
}

TEST(NpyWrite, ComesBack) {
  const Folder folder;
  const std::vector<float> numbers{1.5f, -2.0f, 0.0f, 1e-30f, 5.0f, 6.0f};
  write_npy(folder.file("a.npy"), numbers, std::array<std::size_t, 3>{2, 3, 1});
  Schema schema;
  schema.shape = {3, 1};
  DataOptions options;
  options.source = folder.file("a.npy");
  EXPECT_EQ(std::get<std::vector<float>>(load_examples(options, schema).values), numbers);
}

/// With 32-bit sizes and places, with 64-bit ones, and where only some are too large for 32 bits.
TEST(NpzWrite, ComesBackWithAndWithoutZip64) {
  for (const std::uint64_t zip64_from :
       {kZip64From, std::uint64_t{0}, std::uint64_t{150}, std::uint64_t{400}}) {
    SCOPED_TRACE(zip64_from);
    const Folder folder;
    const std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8};
    const std::vector<std::int32_t> y{0, 1};
    const std::vector<std::size_t> shape{2, 4}, count{2};
    write_npz(folder.file("a.npz"),
              std::vector{npz_member("X", std::span(x), shape), npz_member("y", std::span(y), count)},
              zip64_from);
    const Parts parts = read_npz(folder.file("a.npz"), Needed::all, true);
    EXPECT_EQ(parts.train.inputs.shape, shape);
    EXPECT_EQ(std::get<std::vector<float>>(parts.train.inputs.values), x);
    EXPECT_THAT(std::get<std::vector<double>>(parts.train.labels->values), ElementsAre(0, 1));
  }
}

SparseRows some_rows() {
  SparseRows rows;
  rows.columns = 4;
  rows.add(std::array{0.0f, 1.5f, 0.0f, -2.0f});
  rows.add(std::array{0.0f, 0.0f, -0.0f, 0.0f});
  rows.add(std::array{0.1f, 0.0f, 0.0f, 1e-20f});
  return rows;
}

TEST(SparseRows, KeepsWhatIsNotZero) {
  const SparseRows rows = some_rows();
  EXPECT_EQ(rows.rows(), 3u);
  EXPECT_THAT(rows.starts, ElementsAre(0, 2, 2, 4));
  EXPECT_THAT(rows.indices, ElementsAre(1, 3, 0, 3));
  EXPECT_THAT(rows.values, ElementsAre(1.5f, -2.0f, 0.1f, 1e-20f));
}

TEST(Libsvm, IsLabelsAndNumberedValues) {
  const Folder folder;
  write_libsvm(folder.file("a.svm"), some_rows(), std::vector<std::string>{"3", "1", "2.5"});
  EXPECT_EQ(read_text(folder.file("a.svm")), "3 2:1.5 4:-2\n1\n2.5 1:0.1 4:1e-20\n");
  write_libsvm(folder.file("a.svm"), some_rows(), {});
  EXPECT_EQ(read_text(folder.file("a.svm")), "0 2:1.5 4:-2\n0\n0 1:0.1 4:1e-20\n");
}

/// Wrong folders are named; nothing is left behind.
TEST(NpzWrite, FailsWithTheFilesName) {
  const Folder folder;
  const std::string path = folder.file("no/such/folder.npz");
  try {
    write_csr_npz(path, some_rows());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr(path));
  }
}

}  // namespace
}  // namespace halfwave::testing
