#include "io/model_file_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "halfwave/error.h"

namespace halfwave {
namespace {

using Json = nlohmann::json;

/// Bytes of the UTF-8 sequence (RFC 3629) that the text starts with; 0 where it starts with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const unsigned char second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

Json text_to_json(const std::string& text) {
  if (valid_utf8(text) == text) return text;
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json texts_to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text_to_json(text));
  return list;
}

/// Keys are Halfwave's own and so plain text; anything else in them is replaced.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// One JSON value and its place, for the messages.
class Reader {
 public:
  Reader(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  Reader at(const std::string& key) const {
    const auto found = json_.is_object() ? json_.find(key) : json_.end();
    if (found == json_.end()) throw wrong(fmt::format("has no '{}'", key));
    return {*found, place_ + ", " + key};
  }

  std::string text() const {
    if (json_.is_string()) return json_.get<std::string>();
    std::string bytes;
    for (const Reader& item : items()) bytes += static_cast<char>(item.whole(255));
    return bytes;
  }

  std::int64_t whole(std::int64_t most) const {
    if (!json_.is_number_integer() || json_ < 0 || json_ > most)
      throw wrong(fmt::format("is not a whole number from 0 to {}", most));
    return json_.get<std::int64_t>();
  }

  float number() const {
    const auto value = json_.is_number() ? static_cast<float>(json_.get<double>()) : NAN;
    if (!std::isfinite(value)) throw wrong("is not a number");
    return value;
  }

  std::vector<Reader> items() const {
    if (!json_.is_array()) throw wrong("is not a list");
    std::vector<Reader> list;
    list.reserve(json_.size());
    for (const Json& item : json_) list.push_back({item, fmt::format("{} {}", place_, list.size())});
    return list;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> list;
    for (const Reader& item : items()) list.push_back(item.text());
    return list;
  }

  /// Which of the two words it is: false the first, true the second.
  bool choice(std::string_view first, std::string_view second) const {
    const std::string word = text();
    if (word != first && word != second) throw wrong(fmt::format("is neither '{}' nor '{}'", first, second));
    return word == second;
  }

  const Json& json() const { return json_; }
  Error wrong(const std::string& what) const {
    return input_error(fmt::format("metadata {} {}", place_, what));
  }

 private:
  const Json& json_;
  std::string place_;
};

Json parse(std::string_view text, const char* place) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw input_error(fmt::format("metadata {} is not JSON", place));
  return json;
}

constexpr std::int64_t kMost = std::int64_t{1}
                               << 40;  // numbers of one example: products of two still fit 64 bits

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length > 0)
      result += text.substr(0, length);
    else
      result += '?';
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string schema_to_json(const Schema& schema) {
  Json json;
  json["task"] = schema.task == Task::classification ? "classification" : "regression";
  json["shape"] = schema.shape;
  json["columns"] = Json::array();
  for (const Column& column : schema.columns) {
    if (column.kind == Column::Kind::numeric)
      json["columns"].push_back(
          {{"name", text_to_json(column.name)}, {"kind", "numeric"}, {"fill", column.fill}});
    else
      json["columns"].push_back({{"name", text_to_json(column.name)},
                                 {"kind", "text"},
                                 {"categories", texts_to_json(column.categories)}});
  }
  json["target"] = text_to_json(schema.target);
  json["classes"] = texts_to_json(schema.classes);
  json["outputs"] = schema.outputs;
  return dump(json);
}

Schema schema_from_json(std::string_view text) {
  const Json json = parse(text, "halfwave.schema");
  const Reader reader(json, "halfwave.schema");
  Schema schema;
  schema.task =
      reader.at("task").choice("classification", "regression") ? Task::regression : Task::classification;
  for (const Reader& size : reader.at("shape").items()) schema.shape.push_back(size.whole(kMost));
  for (const Reader& item : reader.at("columns").items()) {
    Column column;
    column.name = item.at("name").text();
    if (item.at("kind").choice("numeric", "text")) {
      column.kind = Column::Kind::text;
      column.categories = item.at("categories").texts();
    } else {
      column.fill = item.at("fill").number();
    }
    schema.columns.push_back(std::move(column));
  }
  schema.target = reader.at("target").text();
  schema.classes = reader.at("classes").texts();
  schema.outputs = static_cast<std::size_t>(reader.at("outputs").whole(kMost));
  check_schema(schema);
  return schema;
}

void check_schema(const Schema& schema) {
  std::int64_t features = schema.shape.empty() ? 0 : 1;
  for (const std::int64_t size : schema.shape) {
    if (size < 1 || size > kMost / features) throw input_error("the schema's shape is empty or too large");
    features *= size;
  }
  if (features == 0) throw input_error("the schema has no shape");
  std::int64_t from_columns = 0;
  bool text_seen = false;
  for (const Column& column : schema.columns) {
    const bool text = column.kind == Column::Kind::text;
    if (text_seen && !text) throw input_error("the schema has a numeric column after a text column");
    text_seen |= text;
    from_columns += text ? static_cast<std::int64_t>(column.categories.size()) : 1;
  }
  if (!schema.columns.empty() && (from_columns != features || schema.shape.size() != 1))
    throw input_error(
        fmt::format("the schema's columns make {} features, its shape {}", from_columns, features));
  if (schema.outputs < 1) throw input_error("the schema has no outputs");
}

void check_outputs(const Schema& schema, std::size_t outputs) {
  const std::size_t classes = schema.classes.size();
  if (schema.task == Task::regression ? outputs == schema.outputs
                                      : outputs == classes || (outputs == 1 && classes == 2))
    return;
  throw input_error(fmt::format("the network has {} outputs, but the schema {} {}", outputs,
                                schema.task == Task::regression ? schema.outputs : classes,
                                schema.task == Task::regression ? "targets" : "classes"));
}

std::string facts_to_json(const std::map<std::string, std::string>& facts) {
  Json json = Json::object();
  for (const auto& [name, value] : facts) json[name] = text_to_json(value);
  return dump(json);
}

std::map<std::string, std::string> facts_from_json(std::string_view text) {
  const Json json = parse(text, "halfwave.facts");
  std::map<std::string, std::string> facts;
  for (const auto& [name, value] : json.items())
    facts[name] = Reader(value, "halfwave.facts, " + name).text();
  return facts;
}

std::string classes_to_json(const std::vector<std::string>& classes) {
  Json list = Json::array();
  for (const std::string& name : classes) list.push_back(valid_utf8(name));
  return dump(list);
}

}  // namespace halfwave
