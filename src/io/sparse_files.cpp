#include "io/sparse_files.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <iterator>
#include <limits>

#include "core/file.h"
#include "io/npz_write.h"

namespace halfwave {

void write_csr_npz(const std::filesystem::path& path, const SparseRows& rows) {
  static constexpr std::array<std::uint8_t, 3> kFormat{'c', 's', 'r'};
  const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(rows.rows()),
                                          static_cast<std::int64_t>(rows.columns)};
  std::vector<NpzMember> members;
  const auto add = [&](const char* name, const auto& values) {
    const std::size_t size = values.size();
    members.push_back(npz_member(name, std::span(values.data(), size), std::span(&size, 1)));
  };
  // Indices and starts have one type in SciPy: 32 bits where that is enough.
  std::vector<std::int32_t> starts;
  std::vector<std::int64_t> indices;
  if (rows.starts.back() <= std::numeric_limits<std::int32_t>::max()) {
    for (const std::int64_t start : rows.starts) starts.push_back(static_cast<std::int32_t>(start));
    add("indices", rows.indices);
    add("indptr", starts);
  } else {
    indices.assign(rows.indices.begin(), rows.indices.end());
    add("indices", indices);
    add("indptr", rows.starts);
  }
  members.push_back({"format", npy_header("|S3", {}), kFormat});
  add("shape", shape);
  add("data", rows.values);
  write_npz(path, members);
}

void write_libsvm(const std::filesystem::path& path, const SparseRows& rows,
                  std::span<const std::string> labels) {
  std::string text;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    text += labels.empty() ? "0" : labels[row];
    for (auto k = static_cast<std::size_t>(rows.starts[row]);
         k < static_cast<std::size_t>(rows.starts[row + 1]); ++k)
      fmt::format_to(std::back_inserter(text), " {}:{}", rows.indices[k] + 1, rows.values[k]);
    text += '\n';
  }
  write_file_atomically(path, text);
}

}  // namespace halfwave
