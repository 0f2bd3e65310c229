#pragma once
#include <memory>

#include "conv_case.h"
#include "onednn.h"

namespace halfwave {

/// A product by oneDNN. With `blocked` the library chooses the layouts of everything; else data are as
/// Halfwave has them, channels last, and it chooses that of the weights. Copying from one layout to the other
/// is no part of run().
class OnednnConvolution {
 public:
  OnednnConvolution(const Onednn& library, const ConvCase& c, const ConvOperands& o, bool blocked)
      : library_(library) {
    const std::int64_t batch = wide(c.batch), height = wide(c.height), width = wide(c.width), in = wide(c.in),
                       out = wide(c.out), kernel = wide(ConvCase::kKernel);
    const auto image = [&](std::int64_t channels) {
      const OnednnDims strides{height * width * channels, 1, width * channels, channels};
      return library_.layout(4, {batch, channels, height, width}, &strides);
    };
    const OnednnDims weights_sizes{out, in, kernel, kernel},
        weights_strides{in * kernel * kernel, kernel * kernel, kernel, 1};
    const Tensor x{image(in), {batch, in, height, width}}, y{image(out), {batch, out, height, width}},
        weights{library_.layout(4, weights_sizes, &weights_strides), weights_sizes};
    describe(c.product, x, weights, y, blocked);

    const auto input = [&](Onednn::Argument argument, const Tensor& tensor, const auto& batches) {
      for (std::size_t i = 0; i < batches.size(); ++i)
        operands_[i].push_back({argument, load(argument, tensor, batches[i])});
    };
    operands_.resize(o.x.size());
    const std::vector all_weights(o.x.size(), o.weights);
    switch (c.product) {
      case Product::forward:
        input(Onednn::source, x, o.x);
        input(Onednn::weights, weights, all_weights);
        output(Onednn::destination, y);
        break;
      case Product::weight_gradient:
        input(Onednn::source, x, o.x);
        input(Onednn::d_destination, y, o.dy);
        output(Onednn::d_weights, weights);
        break;
      case Product::input_gradient:
        input(Onednn::d_destination, y, o.dy);
        input(Onednn::weights, weights, all_weights);
        output(Onednn::d_source, x);
        break;
    }
  }

  void run(std::size_t i) const {
    const std::vector<Named>& named = operands_[i];
    const std::array<Onednn::Operand, 3> operands{{{named[0].argument, named[0].memory.get()},
                                                   {named[1].argument, named[1].memory.get()},
                                                   {named[2].argument, named[2].memory.get()}}};
    library_.run(primitive_, operands);
  }

  std::vector<float> result() const {
    const Named& output = operands_[0].back();
    const Onednn::Object plain = library_.memory(plain_output_.layout.get());
    library_.reorder(library_.layout_of(description_, output.argument), output.memory,
                     plain_output_.layout.get(), plain);
    std::vector<float> numbers(plain_output_.count());
    library_.read(plain, numbers);
    return numbers;
  }

 private:
  struct Tensor {
    Onednn::Object layout;  ///< without gaps
    OnednnDims sizes;

    std::size_t count() const { return static_cast<std::size_t>(sizes[0] * sizes[1] * sizes[2] * sizes[3]); }
  };
  struct Named {
    Onednn::Argument argument;
    Onednn::Object memory;
  };

  static std::int64_t wide(std::size_t n) { return static_cast<std::int64_t>(n); }

  void describe(Product product, const Tensor& x, const Tensor& weights, const Tensor& y, bool blocked) {
    const auto any = [&](const Tensor& tensor) { return library_.layout(4, tensor.sizes, nullptr); };
    const Onednn::Object any_x = any(x), any_w = any(weights), any_y = any(y);
    const void *const l_x = (blocked ? any_x : x.layout).get(),
                      *const l_y = (blocked ? any_y : y.layout).get(), *const l_w = any_w.get(),
                      *const none = nullptr;
    const OnednnDims strides{1, 1}, dilation{}, padding{1, 1};
    const std::string kind = "dnnl_primitive_desc";
    description_ =
        library_.make_with("dnnl_convolution_forward_primitive_desc_create", kind, library_.engine(),
                           Onednn::kForwardTraining, Onednn::kConvolutionAuto, l_x, l_w, none, l_y,
                           strides.data(), dilation.data(), padding.data(), padding.data(), none);
    const void* const forward = description_.get();  // the others ask for it as a hint
    const Onednn::Object hint = description_;
    if (product == Product::weight_gradient)
      description_ =
          library_.make_with("dnnl_convolution_backward_weights_primitive_desc_create", kind,
                             library_.engine(), Onednn::kConvolutionAuto, l_x, l_w, none, l_y, strides.data(),
                             dilation.data(), padding.data(), padding.data(), forward, none);
    if (product == Product::input_gradient)
      description_ =
          library_.make_with("dnnl_convolution_backward_data_primitive_desc_create", kind, library_.engine(),
                             Onednn::kConvolutionAuto, l_x, l_w, l_y, strides.data(), dilation.data(),
                             padding.data(), padding.data(), forward, none);
    primitive_ = library_.make("dnnl_primitive", description_.get());
  }

  Onednn::Object load(Onednn::Argument argument, const Tensor& tensor, std::span<const float> numbers) const {
    const Onednn::Object plain = library_.memory(tensor.layout.get());
    library_.write(plain, numbers);
    const void* const layout = library_.layout_of(description_, argument);
    Onednn::Object memory = library_.memory(layout);
    library_.reorder(tensor.layout.get(), plain, layout, memory);
    return memory;
  }

  void output(Onednn::Argument argument, const Tensor& tensor) {
    const Onednn::Object memory = library_.memory(library_.layout_of(description_, argument));
    for (std::vector<Named>& named : operands_) named.push_back({argument, memory});
    plain_output_ = tensor;
  }

  const Onednn& library_;
  Onednn::Object description_, primitive_;
  std::vector<std::vector<Named>> operands_;  ///< of each batch; the last one is the output
  Tensor plain_output_;
};

inline std::vector<ConvVariant> onednn_variants(const Onednn& library, const ConvCase& c,
                                                const ConvOperands& o) {
  std::vector<ConvVariant> all;
  for (const bool blocked : {true, false}) {
    const auto product = std::make_shared<OnednnConvolution>(library, c, o, blocked);
    all.push_back({blocked ? "oneDNN" : "oneDNN channels last", [=](std::size_t i) { product->run(i); },
                   [=] { return product->result(); }});
  }
  return all;
}

}  // namespace halfwave
