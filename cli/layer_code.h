#pragma once
#include <halfwave/model.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace halfwave::cli {

/// How `run --layer` writes a layer's output.
enum class CodeFormat {
  none,
  npy,     ///< dense, in the layer's shape
  npz,     ///< compressed sparse rows, as SciPy keeps them
  libsvm,  ///< text: labels, and the numbers that are not zero
};

/// By the file's ending; none for "". Throws Error (usage) for any other.
CodeFormat code_format(const std::string& path);

/// What a layer gives for some examples.
struct LayerCode {
  LayerSummary layer;
  std::size_t examples = 0;
  double seconds = 0.0;
  std::vector<std::uint64_t> fired;  ///< by unit or channel: numbers that are not zero
  SparseRows first;                  ///< the first rows, for people
  SparseRows sparse;                 ///< whole, where a file takes it so …
  std::vector<float> dense;          ///< … or so

  std::uint64_t nonzeros() const;
  double density() const;
  std::size_t dead_units() const;  ///< units that are zero for every example, at every position
};

/// Runs the model as far as that layer. Throws Error (usage) for a name that no layer has.
LayerCode compute_code(const Model& model, const std::string& layer, const Examples& examples, int threads,
                       CodeFormat format, const RunProgress& progress);

/// Throws Error (input) where that fails.
void write_code(const std::string& path, const LayerCode& code, const Schema& schema,
                const Examples& examples);

/// What speaks against the format for this code, or "".
std::string format_warning(const LayerCode& code, CodeFormat format);

/// For people; out: where it was written, or "".
std::string code_text(const LayerCode& code, const std::string& out, std::size_t width);
/// Members "layer" and "result" of the JSON object.
void add_code(nlohmann::ordered_json& json, const LayerCode& code);

/// The layers that --layer takes.
std::string layers_text(const Model& model, std::size_t width);
nlohmann::ordered_json layers_json(const Model& model);

}  // namespace halfwave::cli
