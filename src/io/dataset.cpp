#include "halfwave/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <new>
#include <numeric>
#include <stdexcept>

#include "core/file.h"
#include "core/grouped.h"
#include "core/suggest.h"
#include "halfwave/error.h"
#include "io/cifar.h"
#include "io/generated.h"
#include "io/idx.h"
#include "io/named_sets.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/split.h"
#include "io/table.h"

namespace halfwave {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 4> kTableEndings{".csv", ".tsv", ".data", ".txt"};

template <class Sets>
auto find_named(const Sets& sets, const std::string& name)
    -> const std::remove_reference_t<decltype(*sets.begin())>* {
  const auto found =
      std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return name == set.name; });
  return found == sets.end() ? nullptr : &*found;
}

std::string lower_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

/// A file that is there and is called as tables are.
bool is_table(const fs::path& path) {
  const std::string name = lower_name(path);
  std::error_code error;
  return is_there(path) && !fs::is_directory(path, error) &&
         std::any_of(kTableEndings.begin(), kTableEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

/// "adult-train" for "/data/adult-train.csv.gz", the folder's name for a folder.
std::string short_name(fs::path path) {
  if (!path.has_filename()) path = path.parent_path();
  if (path.extension() == ".gz") path = path.stem();
  std::error_code error;
  return (fs::is_directory(path, error) ? path.filename() : path.stem()).string();
}

[[noreturn]] void unknown_source(const std::string& source) {
  if (source.empty()) throw usage_error("no data given: a name of `halfwave list data`, a folder or a file");
  if (fs::path(source).has_extension() || source.find('/') != std::string::npos) {
    throw input_error(fmt::format("{}: no such file or folder", source));
  }
  std::vector<std::string> names;
  for (const DataInfo& info : named_datasets()) names.push_back(info.name);
  throw usage_error(
      fmt::format("no data set, file or folder is called '{}'.{} `halfwave list data` shows the names.",
                  source, did_you_mean(source, names)));
}

Parts read_folder(const fs::path& folder, Needed needed) {
  if (has_idx(folder)) return read_idx_folder(folder, needed);
  for (const fs::path& place : {folder, folder / "cifar-10-batches-bin"}) {
    if (has_cifar(place)) return read_cifar_folder(place, needed);
  }
  if (const fs::path inputs = find_npy_inputs(folder); !inputs.empty())
    return read_npy_siblings(inputs, needed);
  throw input_error(fmt::format(
      "{}: a folder without data: looked for train-images-idx3-ubyte, data_batch_1.bin (either also "
      ".gz), x.npy and x_train.npy",
      folder.string()));
}

/// Named sets, and folders that are called as one, have class names.
void name_classes(Parts& parts, const fs::path& folder) {
  const NamedSet* set = find_named(named_sets(), short_name(folder));
  if (set != nullptr && parts.class_labels) parts.class_names = set->classes;
}

/// The parts of everything that holds arrays.
Parts read_parts(const DataOptions& options, Needed needed, bool labels_needed) {
  fs::path path = options.source;
  Parts parts;
  if (const NamedSet* set = find_named(named_sets(), options.source)) {
    parts = read_folder(find_or_download(*set, default_places(), options.progress), needed);
    parts.class_names = set->classes;
    return parts;
  }
  if (!is_there(path)) unknown_source(options.source);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    parts = read_folder(path, needed);
    name_classes(parts, path);
    return parts;
  }
  const std::string name = lower_name(path);
  if (name.ends_with(".npz")) return read_npz(path, needed, labels_needed);
  if (name.ends_with(".npy") && labels_needed) return read_npy_siblings(path, needed);
  if (name.ends_with(".npy")) {
    parts.train.inputs = read_npy(*open_source(path), ArrayUse::inputs);
    return parts;
  }
  if (name.find("idx") != std::string::npos && name.ends_with("byte") && !labels_needed) {
    parts.train.inputs = read_idx(path, ArrayUse::inputs);
    return parts;
  }
  throw input_error(fmt::format(
      "{}: not a kind of file that is known: {}, .npz, .npy (each also .gz, but .npz), or a folder",
      options.source, fmt::join(kTableEndings, ", ")));
}

void check_task(const std::string& task) {
  const std::vector<std::string> tasks{"auto", "classification", "regression"};
  if (std::find(tasks.begin(), tasks.end(), task) != tasks.end()) return;
  throw usage_error(fmt::format("no task is called '{}': auto, classification or regression.{}", task,
                                did_you_mean(task, tasks)));
}

bool starts_as(const Table& table, const Schema& schema) {
  return std::all_of(schema.columns.begin(), schema.columns.end(), [&](const Column& column) {
    return std::find(table.names.begin(), table.names.end(), column.name) != table.names.end();
  });
}

/// A column as labels: numbers where all of its fields are, else texts. Throws Error (input) where one is
/// missing.
Array read_labels(const Table& table, std::size_t column) {
  Array labels{fmt::format("{}: column '{}'", table.path, table.names[column]), {0}, false, {}};
  std::vector<std::string> texts;
  std::vector<double> numbers;
  TableReader reader(table);
  while (reader.next()) {
    const std::string_view field = reader.fields()[column];
    double value = 0;
    const Field kind = classify(field, value);
    if (kind == Field::missing)
      throw input_error(fmt::format("{}, line {}: is empty", labels.name, reader.line()));
    if (kind == Field::number) numbers.push_back(value);
    texts.emplace_back(field);
  }
  labels.shape[0] = texts.size();
  if (numbers.size() == texts.size())
    labels.values = std::move(numbers);
  else
    labels.values = std::move(texts);
  return labels;
}

/// A table for a foreign model, which knows no columns: all of them in their order, numbers alone; one more
/// than the model takes has the labels.
Examples read_plain_table(const std::string& path, bool header, const Schema& schema,
                          std::vector<std::string>& warnings) {
  Table table = open_table(path, header);
  const std::size_t columns = table.names.size(), features = schema.features();
  if (columns != features && columns != features + 1)
    throw input_error(fmt::format("{}: {} columns where the model takes {} numbers, and one more for labels",
                                  path, columns, features));
  const bool numbers = std::all_of(
      table.names.begin(), table.names.begin() + static_cast<std::ptrdiff_t>(features),
      [value = 0.0](const std::string& name) mutable { return classify(name, value) == Field::number; });
  if (table.header && (numbers || header_is_data(table))) forget_header(table);
  Schema inputs;
  inputs.shape = {static_cast<std::int64_t>(features)};
  for (std::size_t c = 0; c < features; ++c)
    inputs.columns.push_back({table.names[c], Column::Kind::numeric, 0.0f, {}});
  Examples examples = encode(table, inputs, NoTarget::no_labels, warnings);
  if (const std::size_t missing = fill_missing(inputs, examples); missing > 0)
    throw input_error(
        fmt::format("{}: {} numbers are missing, and the model does not say what they are to be", path,
                    grouped(missing)));
  if (columns > features) fit_labels(read_labels(table, features), schema, examples, warnings);
  return examples;
}

/// A table for a schema that exists: its header is one where it has the schema's names.
Examples read_table_for(const std::string& path, bool header, const Schema& schema, NoTarget no_target,
                        std::vector<std::string>& warnings) {
  if (schema.foreign && schema.columns.empty()) return read_plain_table(path, header, schema, warnings);
  if (schema.columns.empty()) {
    throw input_error(
        fmt::format("{}: a table, but the model was not trained on one: give inputs of shape {{{}}} as .npy",
                    path, fmt::join(schema.shape, ", ")));
  }
  Table table = open_table(path, header);
  const bool without_names = schema.columns[0].name.starts_with("column_");
  if (table.header && without_names && !starts_as(table, schema)) forget_header(table);
  Examples examples = encode(table, schema, no_target, warnings);
  const std::size_t filled = fill_missing(schema, examples);
  if (filled > 0)
    warnings.push_back(
        fmt::format("{}: {} missing numbers became the means of the training part", path, grouped(filled)));
  return examples;
}

void report_missing(const std::string& path, const Survey& found, std::vector<std::string>& warnings) {
  for (std::size_t c = 0; c < found.missing.size(); ++c) {
    const Column& column = found.schema.columns[c];
    if (found.missing[c] == 0) continue;
    const std::string became = column.kind == Column::Kind::numeric
                                   ? fmt::format("the training part's mean {:.6g}", column.fill)
                                   : std::string("no category");
    warnings.push_back(fmt::format("{}: column '{}': {} missing values became {}", path, column.name,
                                   grouped(found.missing[c]), became));
  }
}

Dataset load_table(const DataOptions& options) {
  Table table = open_table(options.source, options.header);
  Dataset data;
  data.name = short_name(options.source);
  if (table.header && header_is_data(table)) {
    forget_header(table);
    data.warnings.push_back(fmt::format(
        "{}: the first row holds values, not names: read as a table without a header", table.path));
  }
  Survey found = survey(table, options);
  data.warnings.insert(data.warnings.end(), found.warnings.begin(), found.warnings.end());
  data.feature_names = std::move(found.feature_names);
  data.train = encode(table, found.schema, NoTarget::drop_row, data.warnings);
  const bool has_header = table.header;
  table = {};  // the text is no longer needed
  data.schema = found.schema;
  if (const std::size_t repeated = repeated_rows(data.train, data.schema.features()); repeated > 0) {
    data.warnings.push_back(
        fmt::format("{}: {} rows repeat an earlier one", options.source, grouped(repeated)));
  }
  if (options.test.empty()) split_off_test(data, options.validation, options.seed);
  keep_examples(data, options.examples, options.seed);
  measure_fill(data.schema, data.train);
  fill_missing(data.schema, data.train);
  if (data.test.count > 0) fill_missing(data.schema, data.test);
  found.schema = data.schema;
  report_missing(options.source, found, data.warnings);
  if (!options.test.empty()) {
    data.test = read_table_for(options.test, has_header, data.schema, NoTarget::drop_row, data.warnings);
  }
  return data;
}

Dataset load_generated(const GeneratedSet& set, const DataOptions& options) {
  if (options.task != "auto" && (options.task == "regression") != (set.task == Task::regression)) {
    throw usage_error(fmt::format("{} is a data set for {}", set.name,
                                  set.task == Task::regression ? "regression" : "classification"));
  }
  return set.make(set);
}

Dataset load(DataOptions options) {
  check_task(options.task);
  const bool split = options.test == kSplitTest;
  if (split) options.test.clear();
  const GeneratedSet* generated = find_named(generated_sets(), options.source);
  const bool table = generated == nullptr && is_table(options.source);
  if (generated == nullptr && find_named(named_sets(), options.source) == nullptr &&
      !is_there(options.source)) {
    unknown_source(options.source);
  }
  if (!table && !options.target.empty()) {
    throw usage_error(
        fmt::format("a target column can only be named for a table, and {} is none", options.source));
  }
  Dataset data = table                  ? load_table(options)
                 : generated != nullptr ? load_generated(*generated, options)
                                        : assemble(read_parts(options, Needed::all, true), options);
  if (!table) data.name = generated != nullptr ? generated->name : short_name(options.source);
  if (!options.test.empty() && !table) {
    DataOptions test = options;
    test.source = options.test;
    data.test = load_examples(test, data.schema, &data.warnings);
    if (!data.test.labelled())
      throw input_error(fmt::format("{}: the test part has no labels", options.test));
  } else if ((data.test.count == 0 || split) && !table) {
    data.test = {};
    split_off_test(data, options.validation, options.seed);
  }
  if (!table) keep_examples(data, options.examples, options.seed);
  return data;
}

Examples generated_examples(const GeneratedSet& set, const Schema& schema,
                            std::vector<std::string>& warnings) {
  Dataset data = set.make(set);
  const bool labels_fit =
      (data.schema.task == schema.task && data.schema.classes.size() == schema.classes.size()) ||
      count_outputs(data.test.labels, schema);
  if (data.schema.features() != schema.features() || (!labels_fit && !schema.foreign)) {
    throw input_error(
        fmt::format("{}: examples of shape {{{}}} where the network takes {{{}}}, or other classes", set.name,
                    fmt::join(data.schema.shape, ", "), fmt::join(schema.shape, ", ")));
  }
  if (!labels_fit) {
    data.test.labels.clear();
    data.test.targets.clear();
    warnings.push_back(fmt::format("{}: its labels do not fit the model and are left out", set.name));
  }
  return std::move(data.test);
}

Examples load_for(const DataOptions& options, const Schema& schema, std::vector<std::string>& warnings) {
  if (const GeneratedSet* set = find_named(generated_sets(), options.source))
    return generated_examples(*set, schema, warnings);
  if (is_table(options.source)) {
    return read_table_for(options.source, options.header, schema, NoTarget::no_labels, warnings);
  }
  Parts parts = read_parts(options, Needed::test, false);
  return fit(parts.test ? std::move(*parts.test) : std::move(parts.train), schema, warnings);
}

/// Memory that a file asks for and the machine does not have is a fault of the input, not of Halfwave.
template <class Load>
auto with_memory_named(const std::string& source, Load&& read) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
    throw input_error(fmt::format("{}: does not fit into memory", source));
  } catch (const std::length_error&) {
    throw input_error(fmt::format("{}: does not fit into memory", source));
  }
}

}  // namespace

std::size_t Schema::features() const {
  return std::accumulate(
      shape.begin(), shape.end(), std::size_t{1},
      [](std::size_t n, std::int64_t dimension) { return n * static_cast<std::size_t>(dimension); });
}

Dataset load_dataset(const DataOptions& options) {
  return with_memory_named(options.source, [&] { return load(options); });
}

Examples load_examples(const DataOptions& options, const Schema& schema, std::vector<std::string>* warnings) {
  std::vector<std::string> own;
  return with_memory_named(options.source,
                           [&] { return load_for(options, schema, warnings != nullptr ? *warnings : own); });
}

std::vector<DataInfo> named_datasets() {
  std::vector<DataInfo> list;
  for (const GeneratedSet& set : generated_sets()) {
    list.push_back({set.name, "generated", fmt::format("{} + {}", grouped(set.train), grouped(set.test)),
                    set.description});
  }
  for (const NamedSet& set : named_sets()) list.push_back({set.name, "files", set.size, set.description});
  return list;
}

}  // namespace halfwave
