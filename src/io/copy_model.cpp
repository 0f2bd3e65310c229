#include "io/copy_model.h"

#include <algorithm>

#include "graph/read_line.h"
#include "io/original_file.h"

namespace halfwave {

ModelParts copy_of(const ModelParts& model) {
  // Not every layer of a file that another program wrote can be written in a line.
  Network network = model.original ? recognise(model.original->graph).parts.network
                                   : Network(read_network_line(model.network.line()), model.network.input());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < network.size(); ++i) names.push_back(model.network.layer_name(i));
  network.rename(std::move(names));
  std::copy(model.network.values().begin(), model.network.values().end(), network.values().begin());
  return {std::move(network), model.schema,       model.preprocessing, model.facts,
          model.results,      model.unused_nodes, model.original};
}

}  // namespace halfwave
