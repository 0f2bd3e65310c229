#include "io/inline_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/in_quotes.h"
#include "halfwave/error.h"

namespace halfwave {
namespace {

constexpr int kDeepest = 64;  // of functions that call functions

std::string own_name(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::string place(const onnx::NodeProto& node) {
  return fmt::format("node {} ({})", in_quotes(node.name()), in_quotes(node.op_type()));
}

/// The default of an attribute of a function. libonnx 1.12 does not know this field of newer files.
const onnx::AttributeProto* default_of(const std::vector<onnx::AttributeProto>& defaults,
                                       const std::string& name) {
  const auto found =
      std::find_if(defaults.begin(), defaults.end(), [&](const auto& other) { return other.name() == name; });
  return found == defaults.end() ? nullptr : &*found;
}

std::vector<onnx::AttributeProto> defaults_of(const onnx::FunctionProto& function) {
  constexpr int kAttributeProto = 11;
  const auto& fields = function.unknown_fields();
  std::vector<onnx::AttributeProto> defaults;
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() != kAttributeProto ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    if (!defaults.emplace_back().ParseFromString(field.length_delimited()))
      throw input_error(fmt::format("function {}: an attribute is damaged", in_quotes(function.name())));
  }
  return defaults;
}

struct Function {
  const onnx::FunctionProto* proto;
  std::vector<onnx::AttributeProto> defaults;
};

class Inliner {
 public:
  explicit Inliner(onnx::ModelProto& model)
      : model_(model),
        opsets_(imported_opsets(model)),
        room_((std::size_t{16} << 20) + 4 * model.ByteSizeLong()) {
    for (const onnx::FunctionProto& function : model.functions())
      if (!functions_
               .emplace(std::pair(own_name(function.domain()), function.name()),
                        Function{&function, defaults_of(function)})
               .second)
        throw input_error(fmt::format("function {} is there twice", in_quotes(function.name())));
    const onnx::GraphProto& graph = model.graph();
    for (const auto& input : graph.input()) names_.insert(input.name());
    for (const auto& tensor : graph.initializer()) names_.insert(tensor.name());
    for (const onnx::NodeProto& node : graph.node())
      names_.insert(node.output().begin(), node.output().end());
  }

  void run() {
    onnx::GraphProto& graph = *model_.mutable_graph();
    for (onnx::NodeProto& node : *graph.mutable_node()) add(std::move(node), 0);
    graph.mutable_node()->Swap(&nodes_);
    model_.clear_functions();
    for (const auto& [domain, version] : opsets_) import(domain, version);
  }

 private:
  using Names = std::map<std::string, std::string>;

  void add(onnx::NodeProto node, int depth) {
    const auto function = functions_.find({own_name(node.domain()), node.op_type()});
    if (function != functions_.end()) {
      if (depth == kDeepest)
        throw input_error(
            fmt::format("{}: functions that call functions, more than {} deep", place(node), kDeepest));
      expand(node, function->second, depth);
      return;
    }
    if (depth > 0) take_room(node);
    *nodes_.Add() = std::move(node);
  }

  /// What functions make of a small file has a limit.
  void take_room(const onnx::NodeProto& node) {
    const std::size_t size = node.ByteSizeLong() + sizeof(onnx::NodeProto);
    if (size > room_)
      throw input_error(
          fmt::format("{}: the model's functions, put in place of their calls, are too large", place(node)));
    room_ -= size;
  }

  void expand(const onnx::NodeProto& call, const Function& function, int depth) {
    const onnx::FunctionProto& body = *function.proto;
    if (call.input_size() > body.input_size() || call.output_size() > body.output_size())
      throw input_error(fmt::format("{}: its function has {} inputs and {} outputs", place(call),
                                    body.input_size(), body.output_size()));
    const std::string prefix = call.name().empty() && call.output_size() > 0 ? call.output(0) : call.name();
    Names names = name_inputs(call, body);
    const std::set<std::string> inputs(body.input().begin(), body.input().end());
    for (int i = 0; i < body.output_size(); ++i) {
      const std::string& inner = body.output(i);
      const std::string outer = i < call.output_size() ? call.output(i) : "";
      if (inputs.count(inner) > 0)
        pass_on(names.at(inner), outer, depth);
      else if (!names.emplace(inner, outer.empty() ? free_name(prefix, inner) : outer).second)
        throw input_error(fmt::format("{}: its function has output {} twice", place(call), in_quotes(inner)));
    }
    for (const onnx::NodeProto& node : body.node()) {
      for (const std::string& output : node.output())
        if (inputs.count(output) > 0)
          throw input_error(fmt::format("{}: its function makes {}, which is one of its inputs", place(call),
                                        in_quotes(output)));
      check_opset(node, body);
      add(renamed(node, call, function, prefix, names), depth + 1);
    }
  }

  static Names name_inputs(const onnx::NodeProto& call, const onnx::FunctionProto& body) {
    Names names{{"", ""}};
    for (int i = 0; i < body.input_size(); ++i)
      if (!names.emplace(body.input(i), i < call.input_size() ? call.input(i) : "").second)
        throw input_error(
            fmt::format("{}: its function has input {} twice", place(call), in_quotes(body.input(i))));
    return names;
  }

  /// An input that a function gives out again as it is.
  void pass_on(const std::string& value, const std::string& to, int depth) {
    if (to.empty()) return;
    onnx::NodeProto node;
    node.set_op_type("Identity");
    node.add_input(value);
    node.add_output(to);
    add(std::move(node), depth + 1);
  }

  onnx::NodeProto renamed(const onnx::NodeProto& node, const onnx::NodeProto& call, const Function& function,
                          const std::string& prefix, Names& names) {
    onnx::NodeProto made = node;
    if (!node.name().empty()) made.set_name(joined(prefix, node.name()));
    for (auto* values : {made.mutable_input(), made.mutable_output()})
      for (std::string& value : *values) {
        auto known = names.find(value);
        if (known == names.end()) known = names.emplace(value, free_name(prefix, value)).first;
        value = known->second;
      }
    made.clear_attribute();
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      const onnx::AttributeProto* value = &attribute;
      if (!attribute.ref_attr_name().empty()) value = find(call, function, attribute.ref_attr_name());
      if (!value) continue;  // the caller leaves it out: so does the node
      onnx::AttributeProto& added = *made.add_attribute();
      added = *value;
      added.set_name(attribute.name());
    }
    return made;
  }

  static const onnx::AttributeProto* find(const onnx::NodeProto& call, const Function& function,
                                          const std::string& name) {
    for (const onnx::AttributeProto& attribute : call.attribute())
      if (attribute.name() == name) return &attribute;
    return default_of(function.defaults, name);
  }

  static std::string joined(const std::string& prefix, const std::string& name) {
    constexpr std::size_t kLongest = 500;
    std::string whole = fmt::format("{}/{}", prefix, name);
    return whole.size() > kLongest ? fmt::format("function/{:.100}", name) : whole;
  }

  std::string free_name(const std::string& prefix, const std::string& name) {
    const std::string wanted = joined(prefix, name);
    if (names_.insert(wanted).second) return wanted;
    std::int64_t& number = numbers_[wanted];
    while (true) {
      std::string other = fmt::format("{}_{}", wanted, ++number);
      if (names_.insert(other).second) return other;
    }
  }

  /// A node of a function means the same outside of it: the model has its domain in the same version.
  void check_opset(const onnx::NodeProto& node, const onnx::FunctionProto& body) {
    const std::string domain = own_name(node.domain());
    if (functions_.count({domain, node.op_type()}) > 0) return;
    for (const onnx::OperatorSetIdProto& opset : body.opset_import()) {
      if (own_name(opset.domain()) != domain) continue;
      const std::int64_t here = opsets_.emplace(domain, opset.version()).first->second;
      if (here != opset.version())
        throw input_error(fmt::format("function {}: {} is of opset {}, but the model has opset {}",
                                      in_quotes(body.name()), place(node), opset.version(), here));
    }
  }

  void import(const std::string& domain, std::int64_t version) {
    for (const onnx::OperatorSetIdProto& opset : model_.opset_import())
      if (own_name(opset.domain()) == domain) return;
    onnx::OperatorSetIdProto& opset = *model_.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }

  onnx::ModelProto& model_;
  std::map<std::pair<std::string, std::string>, Function> functions_;  ///< by domain and name
  std::map<std::string, std::int64_t> opsets_;
  std::set<std::string> names_;                  ///< of values
  std::map<std::string, std::int64_t> numbers_;  ///< how often a name was taken
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes_;
  std::size_t room_;  ///< bytes that functions may still add
};

}  // namespace

std::map<std::string, std::int64_t> imported_opsets(const onnx::ModelProto& model) {
  std::map<std::string, std::int64_t> versions;
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    const std::string domain = own_name(opset.domain());
    if (versions.emplace(domain, opset.version()).first->second != opset.version())
      throw input_error(
          fmt::format("the model imports two versions of {}",
                      domain.empty() ? "ONNX's operators" : fmt::format("domain {}", in_quotes(domain))));
  }
  // Files of the first two versions of the format have no imports.
  if (model.opset_import_size() == 0) versions[""] = 1;
  return versions;
}

void inline_functions(onnx::ModelProto& model) {
  if (model.functions_size() > 0) Inliner(model).run();
}

}  // namespace halfwave
