#include "io/external_data.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <optional>
#include <utility>

#include "core/in_quotes.h"
#include "halfwave/error.h"
#include "io/tensor_proto.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMostInAll = INT_MAX;  // of a protobuf message

/// An open file or folder.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// Where a tensor's elements are, as its entries say.
struct Place {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

std::uint64_t number_of(const std::string& key, const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw input_error(fmt::format("its {} {} is no number of bytes", key, in_quotes(text)));
  return number;
}

Place place_of(const onnx::TensorProto& tensor) {
  Place place;
  for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
    if (entry.key() == "location") place.location = entry.value();
    if (entry.key() == "offset") place.offset = number_of("offset", entry.value());
    if (entry.key() == "length") place.length = number_of("length", entry.value());
  }
  return place;
}

/// Opens a file below the folder, no part of whose path is a link.
Descriptor open_inside(const fs::path& folder, const std::string& location) {
  const auto refuse = [&](const std::string& why) {
    return input_error(
        fmt::format("its elements would be in {}, which is not read: {}", in_quotes(location), why));
  };
  const fs::path path(location);
  if (path.empty() || location.find('\0') != std::string::npos) throw refuse("this is no file's name");
  if (path.is_absolute()) throw refuse("only files in the model's folder are");
  Descriptor at(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (auto part = path.begin(); at.number() >= 0 && part != path.end(); ++part) {
    if (*part == "..") throw refuse("only files in the model's folder are");
    const bool last = std::next(part) == path.end();
    // O_NONBLOCK: a pipe would wait for its writer.
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    struct stat status {};
    if (::fstatat(at.number(), part->c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
      throw refuse("it is a symbolic link");
    at = Descriptor(::openat(at.number(), part->c_str(), flags));
  }
  if (at.number() < 0) throw refuse(std::strerror(errno));
  struct stat status {};
  if (::fstat(at.number(), &status) != 0) throw refuse(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw refuse("it is no regular file");
  if (status.st_nlink != 1) throw refuse("it is a hard link: the file has other names too");
  return at;
}

class Reader {
 public:
  Reader(const fs::path& folder, std::uint64_t taken) : folder_(folder), taken_(taken) {}

  void take_in(onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL && tensor.external_data_size() == 0) return;
    try {
      std::string bytes = read(place_of(tensor), size_of(tensor));
      tensor.clear_external_data();
      tensor.clear_data_location();
      tensor.set_raw_data(std::move(bytes));
    } catch (const Error& error) {
      throw input_error(fmt::format("tensor {}: {}", in_quotes(tensor.name()), error.what()));
    }
  }

  void take_in(onnx::SparseTensorProto& tensor) {
    take_in(*tensor.mutable_values());
    take_in(*tensor.mutable_indices());
  }

  void take_in(onnx::NodeProto& node) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) take_in(*attribute.mutable_t());
      if (attribute.has_sparse_tensor()) take_in(*attribute.mutable_sparse_tensor());
    }
  }

 private:
  static std::uint64_t size_of(const onnx::TensorProto& tensor) {
    const std::size_t size = element_size(element_type(tensor.data_type()));
    if (size == 0) throw input_error("texts cannot be in another file");
    return static_cast<std::uint64_t>(element_count({tensor.dims().begin(), tensor.dims().end()})) * size;
  }

  std::string read(const Place& place, std::uint64_t size) {
    if (place.length && *place.length != size)
      throw input_error(
          fmt::format("its shape and type ask for {} bytes, but its length is {}", size, *place.length));
    const Descriptor file = open_inside(folder_, place.location);
    struct stat status {};
    ::fstat(file.number(), &status);
    const auto present = static_cast<std::uint64_t>(status.st_size);
    if (place.offset > present || size > present - place.offset)
      throw input_error(fmt::format("it asks for {} bytes at {} of {}, which has {}", size, place.offset,
                                    in_quotes(place.location), present));
    if (size > kMostInAll - std::min(taken_, kMostInAll))
      throw input_error("the model and its external data are larger than 2 GiB, the most that is read");
    taken_ += size;
    std::string bytes(size, '\0');
    for (std::size_t done = 0; done < size;) {
      const ssize_t got =
          ::pread(file.number(), bytes.data() + done, size - done, static_cast<off_t>(place.offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        throw input_error(fmt::format("{} cannot be read: {}", in_quotes(place.location),
                                      got == 0 ? "it has become shorter" : std::strerror(errno)));
      done += static_cast<std::size_t>(got);
    }
    return bytes;
  }

  const fs::path& folder_;
  std::uint64_t taken_;  ///< bytes of the model and what it has been given
};

}  // namespace

void take_in_external_data(onnx::ModelProto& model, const fs::path& folder) {
  Reader reader(folder, model.ByteSizeLong());
  onnx::GraphProto& graph = *model.mutable_graph();
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) reader.take_in(tensor);
  for (onnx::SparseTensorProto& tensor : *graph.mutable_sparse_initializer()) reader.take_in(tensor);
  for (onnx::NodeProto& node : *graph.mutable_node()) reader.take_in(node);
  for (onnx::FunctionProto& function : *model.mutable_functions())
    for (onnx::NodeProto& node : *function.mutable_node()) reader.take_in(node);
}

}  // namespace halfwave
