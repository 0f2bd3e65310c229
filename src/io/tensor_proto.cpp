#include "io/tensor_proto.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

#include "core/in_quotes.h"
#include "halfwave/error.h"

namespace halfwave {
namespace {

/// Every type of ONNX's that is not one of Halfwave's.
constexpr std::array kOtherTypes{std::pair{0, "no type"},
                                 std::pair{14, "complex64"},
                                 std::pair{15, "complex128"},
                                 std::pair{17, "float8 (e4m3fn)"},
                                 std::pair{18, "float8 (e4m3fnuz)"},
                                 std::pair{19, "float8 (e5m2)"},
                                 std::pair{20, "float8 (e5m2fnuz)"},
                                 std::pair{21, "uint4"},
                                 std::pair{22, "int4"},
                                 std::pair{23, "float4 (e2m1)"},
                                 std::pair{24, "float8 (e8m0)"},
                                 std::pair{25, "uint2"},
                                 std::pair{26, "int2"},
                                 std::pair{27, "float6 (e2m3)"},
                                 std::pair{28, "float6 (e3m2)"}};

Error wrong(const onnx::TensorProto& proto, const std::string& what) {
  return input_error(fmt::format("tensor {}: {}", in_quotes(proto.name()), what));
}

/// Throws unless `present` elements are what the dimensions ask for.
void check_count(const onnx::TensorProto& proto, const Dims& dims, std::size_t present) {
  std::int64_t declared = 0;
  try {
    declared = element_count(dims);
  } catch (const Error& error) {
    throw wrong(proto, error.what());
  }
  if (static_cast<std::size_t>(declared) != present)
    throw wrong(proto, fmt::format("its shape {} asks for {} elements, but it has {}", describe(dims),
                                   declared, present));
}

/// The elements of one of the message's lists, which holds every type in a wider one.
template <class T, class List, class Convert>
Tensor from_list(const onnx::TensorProto& proto, const Dims& dims, const List& list, Convert convert) {
  check_count(proto, dims, static_cast<std::size_t>(list.size()));
  Tensor made(kTypeOf<T>, dims);
  std::transform(list.begin(), list.end(), made.elements<T>().begin(), convert);
  return made;
}

template <class T>
Tensor from_bytes(const onnx::TensorProto& proto, const Dims& dims) {
  const std::string& bytes = proto.raw_data();
  if (bytes.size() % sizeof(T) != 0)
    throw wrong(proto, fmt::format("its {} bytes are not whole elements", bytes.size()));
  check_count(proto, dims, bytes.size() / sizeof(T));
  Tensor made(kTypeOf<T>, dims);
  if constexpr (std::is_same_v<T, bool>)  // any byte but 0 is true
    std::transform(bytes.begin(), bytes.end(), made.elements<bool>().begin(), [](char c) { return c != 0; });
  else if (!bytes.empty())
    std::memcpy(made.data(), bytes.data(), bytes.size());
  return made;
}

template <class T>
Tensor from_own_list(const onnx::TensorProto& proto, const Dims& dims) {
  if constexpr (std::is_same_v<T, float>)
    return from_list<T>(proto, dims, proto.float_data(), [](float x) { return x; });
  else if constexpr (std::is_same_v<T, double>)
    return from_list<T>(proto, dims, proto.double_data(), [](double x) { return x; });
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return from_list<T>(proto, dims, proto.int64_data(), [](std::int64_t x) { return x; });
  else if constexpr (std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::uint32_t>)
    return from_list<T>(proto, dims, proto.uint64_data(), [](std::uint64_t x) { return static_cast<T>(x); });
  else if constexpr (std::is_same_v<T, std::string>)
    return from_list<T>(proto, dims, proto.string_data(), [](const std::string& x) { return x; });
  else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>)
    return from_list<T>(proto, dims, proto.int32_data(), [](std::int32_t x) {
      T made;
      made.bits = static_cast<std::uint16_t>(x);
      return made;
    });
  else
    return from_list<T>(proto, dims, proto.int32_data(), [](std::int32_t x) { return static_cast<T>(x); });
}

bool has_list(const onnx::TensorProto& proto) {
  return proto.float_data_size() + proto.int32_data_size() + proto.int64_data_size() +
             proto.double_data_size() + proto.uint64_data_size() + proto.string_data_size() >
         0;
}

/// Where in a dense tensor the elements of a sparse one are: from places [n], or coordinates [n, rank].
std::vector<std::size_t> places(const onnx::SparseTensorProto& proto, const Dims& dims, std::size_t count) {
  const auto n = static_cast<std::int64_t>(count), rank = static_cast<std::int64_t>(dims.size());
  const Tensor indices = decode_tensor(proto.indices());
  const bool coordinates = indices.dims() == Dims{n, rank};
  if (indices.type() != ElementType::int64 || (!coordinates && indices.dims() != Dims{n}))
    throw wrong(proto.values(), "the indices of its elements do not fit them");
  const std::span<const std::int64_t> numbers = indices.elements<std::int64_t>();
  std::vector<std::size_t> made;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t place = coordinates ? 0 : numbers[i];
    bool inside = coordinates || (place >= 0 && place < element_count(dims));
    for (std::size_t d = 0; coordinates && inside && d < dims.size(); ++d) {
      const std::int64_t at = numbers[i * dims.size() + d];
      inside = at >= 0 && at < dims[d];
      place = place * dims[d] + at;
    }
    if (!inside) throw wrong(proto.values(), fmt::format("element {} lies outside of its shape", i));
    made.push_back(static_cast<std::size_t>(place));
  }
  return made;
}

}  // namespace

ElementType element_type(int onnx_type) {
  for (const auto& [type, name] : kOtherTypes)
    if (type == onnx_type) throw input_error(fmt::format("elements of {} are not supported", name));
  const auto type = static_cast<ElementType>(onnx_type);
  if (onnx_type < 0 || onnx_type > static_cast<int>(ElementType::bfloat16))
    throw input_error(fmt::format("elements of type {} are not known", onnx_type));
  return type;
}

Tensor decode_tensor(const onnx::TensorProto& proto) {
  if (proto.data_location() == onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0)
    throw wrong(proto, "its elements are in another file");
  if (proto.has_segment()) throw wrong(proto, "it is only a segment of a tensor");
  ElementType type{};
  try {
    type = element_type(proto.data_type());
  } catch (const Error& error) {
    throw wrong(proto, error.what());
  }
  if (proto.has_raw_data() && has_list(proto)) throw wrong(proto, "its elements are there twice");
  const Dims dims(proto.dims().begin(), proto.dims().end());
  return visit_type(type, [&]<class T>(TypeTag<T>) -> Tensor {
    if constexpr (std::is_void_v<T>) {
      return {};
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (proto.has_raw_data()) throw wrong(proto, "its texts are stored as bytes");
      return from_own_list<T>(proto, dims);
    } else {
      return proto.has_raw_data() ? from_bytes<T>(proto, dims) : from_own_list<T>(proto, dims);
    }
  });
}

Tensor decode_tensor(const onnx::SparseTensorProto& proto) {
  const Tensor values = decode_tensor(proto.values());
  const Dims dims(proto.dims().begin(), proto.dims().end());
  if (values.rank() != 1) throw wrong(proto.values(), "the elements of a sparse tensor are no list");
  if (element_count(dims) > kLargestSparse)
    throw wrong(proto.values(),
                fmt::format("sparse tensors of more than {} elements are not read", kLargestSparse));
  const std::vector<std::size_t> at = places(proto, dims, values.count());
  Tensor made(values.type(), dims);
  visit_type(values.type(), [&]<class T>(TypeTag<T>) {
    if constexpr (!std::is_void_v<T>)
      for (std::size_t i = 0; i < at.size(); ++i) made.elements<T>()[at[i]] = values.elements<T>()[i];
  });
  return made;
}

void encode_tensor(const Tensor& tensor, onnx::TensorProto& proto) {
  onnx::TensorProto made;
  if (proto.has_name()) made.set_name(proto.name());
  if (proto.has_doc_string()) made.set_doc_string(proto.doc_string());
  made.set_data_type(static_cast<int>(tensor.type()));
  for (const std::int64_t dim : tensor.dims()) made.add_dims(dim);
  if (tensor.type() == ElementType::text)
    for (const std::string& text : tensor.elements<std::string>()) made.add_string_data(text);
  else
    made.set_raw_data(tensor.data(), tensor.bytes());
  proto = std::move(made);
}

}  // namespace halfwave
