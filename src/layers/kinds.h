#pragma once
#include <halfwave/activation.h>

#include "layers/layer.h"

namespace halfwave {

// The declarations of the layers, one file each; registry.cpp lists them.

LayerInfo dense_layer();
LayerInfo conv_layer();
LayerInfo conv_transpose_layer();
LayerInfo pool_layer();
LayerInfo average_pool_layer();
LayerInfo global_average_pool_layer();
LayerInfo global_max_pool_layer();
LayerInfo pad_layer();
LayerInfo upsample_layer();
LayerInfo residual_layer();
LayerInfo multiply_layer();
LayerInfo concat_layer();
LayerInfo batch_norm_layer();
LayerInfo layer_norm_layer();
LayerInfo scale_layer();
LayerInfo dropout_layer();
LayerInfo alpha_dropout_layer();
LayerInfo flatten_layer();
LayerInfo unflatten_layer();

/// The layer of an activation, made from the activation's own declaration.
LayerInfo activation_layer(const ActivationInfo& activation);

}  // namespace halfwave
