#pragma once
#include <dlfcn.h>
#include <fmt/format.h>
#include <halfwave/error.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

// As much of oneDNN's C interface (version 3) as a convolution needs, loaded while the program runs: what is
// installed to build with is older than what is to be measured.

namespace halfwave {

using OnednnDims = std::array<std::int64_t, 12>;  // DNNL_MAX_NDIMS

class Onednn {
 public:
  using Object = std::shared_ptr<void>;  ///< of any kind: all are pointers to what only the library knows

  // Values of the library's enumerations (dnnl_types.h).
  static constexpr int kForwardTraining = 64, kConvolutionAuto = 3;
  enum Argument {
    source = 1,
    destination = 17,
    weights = 33,
    d_source = 129,
    d_destination = 145,
    d_weights = 161
  };

  /// Throws Error (input) where the file is not oneDNN, or finds no processor to run on.
  explicit Onednn(const std::string& path) : path_(path) {
    library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library_) throw input_error(fmt::format("--onednn {}: {}", path, dlerror()));
    constexpr int kCpu = 1, kInOrder = 1;
    engine_ = make("dnnl_engine", kCpu, std::size_t{0});
    stream_ = make("dnnl_stream", engine_.get(), kInOrder);
    execute_ = function<Execute>("dnnl_primitive_execute");
    wait_ = function<Wait>("dnnl_stream_wait");
  }

  void* engine() const { return engine_.get(); }

  /// Makes an object with KIND_create(&object, arguments...), or the function named; KIND_destroy ends it.
  template <class... Arguments>
  Object make(const std::string& kind, Arguments... arguments) const {
    return make_with(kind + "_create", kind, arguments...);
  }
  template <class... Arguments>
  Object make_with(const std::string& create, const std::string& kind, Arguments... arguments) const {
    void* made = nullptr;
    call(create, &made, arguments...);
    return {made, function<int(void*)>(kind + "_destroy")};
  }

  template <class... Arguments>
  void call(const std::string& name, Arguments... arguments) const {
    if (const int status = function<int(Arguments...)>(name)(arguments...))
      throw input_error(fmt::format("--onednn {}: {} failed with status {}.", path_, name, status));
  }

  /// A description of 32-bit numbers; without strides the library chooses the layout.
  Object layout(int axes, OnednnDims sizes, const OnednnDims* strides) const {
    constexpr int kFloat = 3, kAny = 1;
    if (!strides)
      return make_with("dnnl_memory_desc_create_with_tag", "dnnl_memory_desc", axes, sizes.data(), kFloat,
                       kAny);
    return make_with("dnnl_memory_desc_create_with_strides", "dnnl_memory_desc", axes, sizes.data(), kFloat,
                     strides->data());
  }
  /// The one that a primitive has chosen for an argument; it belongs to the primitive's description.
  const void* layout_of(const Object& description, Argument argument) const {
    constexpr int kSource = 129;  // dnnl_query_src_md, followed by the others
    int what = kSource;
    for (const Argument a : {source, d_source, weights, d_weights, destination, d_destination}) {
      if (a == argument) break;
      ++what;
    }
    return function<const void*(const void*, int, int)>("dnnl_primitive_desc_query_md")(description.get(),
                                                                                        what, 0);
  }

  /// Memory of the library's own.
  Object memory(const void* layout) const {
    void* const allocate = reinterpret_cast<void*>(~std::uintptr_t{0});
    return make("dnnl_memory", layout, engine(), allocate);
  }
  /// Copies between `numbers` and memory whose layout has no gaps.
  void write(const Object& memory, std::span<const float> numbers) const {
    with_mapped(memory, [&](float* at) { std::memcpy(at, numbers.data(), numbers.size_bytes()); });
  }
  void read(const Object& memory, std::span<float> numbers) const {
    with_mapped(memory, [&](const float* at) { std::memcpy(numbers.data(), at, numbers.size_bytes()); });
  }

  struct Operand {
    int argument;
    void* memory;
  };
  /// Runs a primitive to its end.
  void run(const Object& primitive, std::span<const Operand> operands) const {
    if (execute_(primitive.get(), stream_.get(), static_cast<int>(operands.size()), operands.data()) ||
        wait_(stream_.get()))
      throw input_error(fmt::format("--onednn {}: a primitive failed.", path_));
  }
  /// Copies between two layouts.
  void reorder(const void* from_layout, const Object& from, const void* to_layout, const Object& to) const {
    const Object description =
        make_with("dnnl_reorder_primitive_desc_create", "dnnl_primitive_desc", from_layout, engine(),
                  to_layout, engine(), static_cast<void*>(nullptr));
    const std::array<Operand, 2> operands{{{source, from.get()}, {destination, to.get()}}};
    run(make("dnnl_primitive", description.get()), operands);
  }

 private:
  template <class Signature>
  Signature* function(const std::string& name) const {
    void* const symbol = dlsym(library_, name.c_str());
    if (!symbol) throw input_error(fmt::format("--onednn {}: has no {}: not oneDNN 3?", path_, name));
    return reinterpret_cast<Signature*>(symbol);
  }

  template <class Use>
  void with_mapped(const Object& memory, Use&& use) const {
    void* at = nullptr;
    call("dnnl_memory_map_data", memory.get(), &at);
    use(static_cast<float*>(at));
    call("dnnl_memory_unmap_data", memory.get(), at);
  }

  using Execute = int(void*, void*, int, const Operand*);
  using Wait = int(void*);

  std::string path_;
  void* library_ = nullptr;
  Object engine_, stream_;
  Execute* execute_ = nullptr;
  Wait* wait_ = nullptr;
};

}  // namespace halfwave
