#pragma once
#include <halfwave/error.h>

#include <memory>
#include <string>
#include <string_view>

#include "layers/layer.h"

namespace halfwave {

/// One layer's words, with its place in the network line for error messages.
struct LayerWords {
  std::string place;  ///< layer_place()
  std::string_view text;
  bool alone = false;  ///< the line has no other layer, so it may be meant as a network's name

  /// "Layer 2 ('rleu'): there is no …"
  Error wrong(const std::string& what) const;
};

/// The layer that the words name, not bound; numbers that follow from the data may be left open. Throws Error
/// (usage).
std::unique_ptr<Layer> read_layer(const LayerWords& words);

/// Without blanks at its ends.
std::string_view trimmed(std::string_view text);

/// The field that follows from the data and was left out, or null.
const LayerField* open_field(const Layer& layer);

}  // namespace halfwave
