#pragma once
// What the sample models of the tests of the model files are about.
#include <fmt/format.h>
#include <halfwave/dataset.h>

#include <string>
#include <vector>

namespace halfwave::test {

struct ModelSample {
  std::string name, line;
  Schema schema;
  bool by_number = false;  ///< an image standardised by each of its numbers, not by channel
};

inline Schema array_schema(std::vector<std::int64_t> shape, int classes) {
  Schema schema;
  schema.shape = std::move(shape);
  for (int i = 0; i < classes; ++i) schema.classes.push_back(fmt::format("class {}", i));
  return schema;
}

inline Schema regression(Schema schema, std::size_t outputs) {
  schema.task = Task::regression;
  schema.classes.clear();
  schema.outputs = outputs;
  return schema;
}

inline Column numeric_column(std::string name, float fill) {
  Column column;
  column.name = std::move(name);
  column.fill = fill;
  return column;
}

inline Column text_column(std::string name, std::vector<std::string> categories) {
  Column column;
  column.name = std::move(name);
  column.kind = Column::Kind::text;
  column.categories = std::move(categories);
  return column;
}

inline Schema table_schema(std::vector<Column> columns, int classes) {
  std::int64_t features = 0;
  for (const Column& column : columns)
    features += column.kind == Column::Kind::text ? static_cast<std::int64_t>(column.categories.size()) : 1;
  Schema schema = array_schema({features}, classes);
  schema.columns = std::move(columns);
  schema.target = "the \"target\"";
  return schema;
}

inline std::vector<Column> mixed_columns() {
  return {numeric_column("age", 38.6f), numeric_column("hours per week", -0.1f),
          numeric_column("gain", 1e-20f),
          text_column("marital-status", {"Never-married", "Divorced", "Größe", "?"}),
          text_column("sex", {"Female", "Male"})};
}

}  // namespace halfwave::test
