#include "io/crossover_file.h"

#include <fmt/format.h>
#include <halfwave/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/file.h"
#include "core/processor.h"
#include "io/named_sets.h"
#include "kernels/instruction_set.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::uintmax_t kLargestFile = 1 << 20;
constexpr std::size_t kMostPoints = 64, kLargestPoint = std::size_t{1} << 32, kLongestName = 200;

/// The contents of one file, whose faults name it.
class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path) {}

  Crossovers table() const {
    const Json json = parsed();
    if (!json.is_object() || !json.contains("format")) throw fault("it is no table of crossovers");
    if (json["format"] != kFormat) throw fault(fmt::format("its format is not {}", kFormat));
    const Json& machine = at(json, "processor");
    if (!machine.is_string() || machine.get_ref<const std::string&>().size() > kLongestName)
      throw fault("processor is no name");
    if (machine != crossover_machine())  // dump() leaves no control codes in a message
      throw fault(fmt::format("it was measured on {}, and this is {}", machine.dump(),
                              Json(crossover_machine()).dump()));
    Crossovers table;
    table.processor = crossover_machine();
    table.batches = points(json, "batches");
    table.outputs = points(json, "outputs");
    const Json& densities = at(json, "densities");
    if (!densities.is_object()) throw fault("densities is no object");
    for (const Product product : kProducts)
      table.densities[static_cast<std::size_t>(product)] =
          rows(densities, std::string(product_name(product)), table);
    return table;
  }

 private:
  Error fault(const std::string& what) const {
    return input_error(fmt::format("{}: {}", path_.string(), what));
  }

  Json parsed() const {
    std::error_code error;
    if (!fs::is_regular_file(path_, error)) throw fault("it is no file");
    const std::uintmax_t size = fs::file_size(path_, error);
    if (error || size > kLargestFile) throw fault("it is too large for a table of crossovers");
    const Bytes bytes = read_file(path_);
    try {
      return Json::parse(bytes.begin(), bytes.end());
    } catch (const Json::parse_error& wrong) {
      throw fault(fmt::format("it is no JSON, at byte {}", wrong.byte));
    } catch (const Json::exception&) {
      throw fault("it is no JSON: a number is out of range");
    }
  }

  const Json& at(const Json& object, const std::string& key) const {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found == object.end()) throw fault(key + " is missing");
    return *found;
  }

  std::vector<std::size_t> points(const Json& json, const std::string& key) const {
    const Json& list = at(json, key);
    const auto wrong = [&] {
      return fault(fmt::format("{} is not a list of up to {} ascending whole numbers", key, kMostPoints));
    };
    if (!list.is_array() || list.empty() || list.size() > kMostPoints) throw wrong();
    std::vector<std::size_t> numbers;
    for (const Json& item : list) {
      if (!item.is_number_unsigned()) throw wrong();
      const std::uint64_t number = item.get<std::uint64_t>();
      if (number < 1 || number > kLargestPoint || (!numbers.empty() && number <= numbers.back()))
        throw wrong();
      numbers.push_back(number);
    }
    return numbers;
  }

  std::vector<std::vector<double>> rows(const Json& densities, const std::string& key,
                                        const Crossovers& table) const {
    const Json& list = at(densities, key);
    const auto wrong = [&] {
      return fault(fmt::format("densities.{} is not {} lists of {} numbers from 0 to 1", key,
                               table.batches.size(), table.outputs.size()));
    };
    if (!list.is_array() || list.size() != table.batches.size()) throw wrong();
    std::vector<std::vector<double>> numbers;
    for (const Json& row : list) {
      if (!row.is_array() || row.size() != table.outputs.size()) throw wrong();
      std::vector<double>& to = numbers.emplace_back();
      for (const Json& item : row) {
        if (!item.is_number()) throw wrong();
        to.push_back(item.get<double>());
        if (!(to.back() >= 0.0 && to.back() <= 1.0)) throw wrong();
      }
    }
    return numbers;
  }

  const fs::path& path_;
};

}  // namespace

fs::path crossover_path() {
  const fs::path cache = default_places().cache;
  return cache.empty() ? cache : cache / "crossovers.json";
}

std::string crossover_machine() { return fmt::format("{}, {}", processor_name(), instruction_set()); }

void write_crossovers(const fs::path& path, const Crossovers& table) {
  Json json{{"format", kFormat}, {"processor", table.processor}, {"batches", table.batches}};
  json["outputs"] = table.outputs;
  for (const Product product : kProducts)
    json["densities"][std::string(product_name(product))] =
        table.densities[static_cast<std::size_t>(product)];
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    throw input_error(fmt::format("{}: cannot be made: {}", path.parent_path().string(), error.message()));
  write_file_atomically(path, json.dump(1) + "\n");
}

Crossovers read_crossovers(const fs::path& path) { return Reader(path).table(); }

}  // namespace halfwave
