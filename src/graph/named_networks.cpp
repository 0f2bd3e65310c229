#include <fmt/format.h>

#include "graph/network.h"

namespace halfwave {
namespace {

constexpr NamedNetwork kNamed[] = {
    {"logistic", "dense", "no hidden layer: (multinomial) logistic or linear regression"},
    {"mlp", "dense 512, activation, dense 512, activation, dense", "two hidden layers of 512 rectifiers"},
    {"cnn",
     "conv 25 5 stride=2 padding=1, activation, conv 25 3 stride=2 padding=1, activation, "
     "conv 25 3 stride=2 padding=1, activation, flatten, dense",
     "for signals: the convolutional network of the MNIST-1D paper (Greydanus 2020)"},
    {"lenet5",
     "conv 20 5x5, activation, pool 2, conv 50 5x5 padding=0, activation, pool 2, flatten, dense 500, "
     "activation, dense",
     "after LeCun et al. 1998, with 20 and 50 filters, max pools and rectifiers"},
    {"krizhevsky4",
     "conv 32 5x5, activation, pool 2, conv 32 5x5, activation, pool 2, conv 64 5x5, activation, pool 2, "
     "flatten, "
     "dense",
     "four layers with weights, as in Krizhevsky et al. 2012 (rectifiers against tanh)"},
    {"vgg8",
     "2 * (conv 64 3x3, activation), pool 2, 2 * (conv 128 3x3, activation), pool 2, "
     "2 * (conv 256 3x3, activation), pool 2, flatten, dropout 0.5, dense 256, activation, dropout 0.5, "
     "dense",
     "six convolutions and two dense layers, in the style of Simonyan & Zisserman 2015"},
    {"allcnn",
     "dropout 0.2, 2 * (conv 96 3x3, activation), conv 96 3x3 stride=2, activation, dropout 0.5, "
     "2 * (conv 192 3x3, activation), conv 192 3x3 stride=2, activation, dropout 0.5, "
     "conv 192 3x3 padding=0, activation, conv 192 1x1, activation, conv kernel=1x1, global_average_pool",
     "All-CNN-C of Springenberg et al. 2015: strides instead of pooling"},
    {"resnet20",
     "conv 16 3x3 bias=0, batch_norm, activation, "
     "3 * (residual(conv 16 3x3 bias=0, batch_norm, activation, conv 16 3x3 bias=0, batch_norm), "
     "activation), "
     "residual(conv 32 3x3 stride=2 bias=0, batch_norm, activation, conv 32 3x3 bias=0, batch_norm "
     "| conv 32 1x1 stride=2 bias=0, batch_norm), activation, "
     "2 * (residual(conv 32 3x3 bias=0, batch_norm, activation, conv 32 3x3 bias=0, batch_norm), "
     "activation), "
     "residual(conv 64 3x3 stride=2 bias=0, batch_norm, activation, conv 64 3x3 bias=0, batch_norm "
     "| conv 64 1x1 stride=2 bias=0, batch_norm), activation, "
     "2 * (residual(conv 64 3x3 bias=0, batch_norm, activation, conv 64 3x3 bias=0, batch_norm), "
     "activation), "
     "global_average_pool, dense",
     "20 layers with weights for small images (He et al. 2016), with projections where the size changes"},
};

}  // namespace

std::span<const NamedNetwork> named_networks() { return kNamed; }

std::string mlp_line(std::span<const std::int64_t> hidden, std::string_view activation) {
  std::string line;
  for (const std::int64_t units : hidden) line += fmt::format("dense {}, {}, ", units, activation);
  return line + "dense";
}

}  // namespace halfwave
