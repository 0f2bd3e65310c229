#pragma once
#include <map>
#include <string_view>

#include "graph/model_parts.h"

namespace halfwave {

/// A network taken apart to be changed. Layers are named by their places in the network that it was.
class NetworkEdit {
 public:
  explicit NetworkEdit(const Network& network);

  /// Layers as in a network line.
  void replace(std::size_t layer, std::string_view with);
  void insert_before(std::size_t layer, std::string_view what);
  void remove(std::size_t layer);

  /// The network as it is now, and which layer each of its layers was before. kNew: none, or its inputs are
  /// others now.
  struct Edited {
    static constexpr std::size_t kNew = ~std::size_t{0};
    Network network;
    std::vector<std::size_t> was;
  };
  /// Layers that were there before keep their numbers; those of others are not initialised. Throws Error
  /// (usage) where the layers do not fit together.
  Edited build() &&;

 private:
  struct Place {
    NetworkLine* line;
    std::size_t item;
  };
  Place find(NetworkLine& line, const Layer* layer) const;
  Place place_of(std::size_t layer) { return find(line_, layers_[layer]); }

  const Network& from_;
  NetworkLine line_;
  std::vector<const Layer*> layers_;  ///< of line_, by place in from_; null where it is gone
};

/// The same model with another network: no longer the file that it was read from.
std::shared_ptr<ModelParts> with_network(const ModelParts& model, Network network);

}  // namespace halfwave
