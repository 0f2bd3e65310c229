#pragma once
#include <span>
#include <string_view>

#include "layers/layer.h"

namespace halfwave {

/// Every kind of layer: the ones with a file of their own in this folder, then every activation.
std::span<const LayerInfo> layer_kinds();

/// By name, or null.
const LayerInfo* find_layer_kind(std::string_view name);

}  // namespace halfwave
