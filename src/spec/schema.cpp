#include "spec/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "bo/acquisition.hpp"
#include "data/metrics.hpp"
#include "data/tasks.hpp"
#include "fusion/options.hpp"
#include "fusion/rules.hpp"
#include "spec/budget.hpp"
#include "spec/fields.hpp"
#include "spec/methods.hpp"
#include "spec/presets.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

using Json = nlohmann::ordered_json;

// As io::parse_number has it; YAML's own numbers are left to the type.
constexpr std::string_view kNumber = R"([-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?)";

// Any scalar: what a text means is decided by who reads it, and `1` or `no` may be one.
Json text() { return {{"type", {"string", "number", "boolean"}}}; }

Json pattern(std::string expression) {
  return {{"type", "string"}, {"pattern", std::move(expression)}};
}

Json any_of(std::vector<Json> kinds) { return {{"anyOf", std::move(kinds)}}; }

Json one_of(const std::vector<std::string_view>& words) { return {{"enum", words}}; }
Json one_of(std::span<const std::string_view> words) {
  return one_of(std::vector<std::string_view>(words.begin(), words.end()));
}

// Of rows with a name.
template <typename Rows>
std::vector<std::string_view> names_of(const Rows& rows) {
  std::vector<std::string_view> names;
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

// Where a list may stand, a scalar counts as a list of one.
Json some(const Json& item) {
  return any_of({item, {{"type", "array"}, {"items", item}, {"minItems", 1}}});
}

Json object(Json properties) {
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

Json map_of_one(std::string_view key, Json value) {
  Json json = object({{key, std::move(value)}});
  json["required"] = {key};
  return json;
}

Json flag() { return any_of({{{"type", "boolean"}}, one_of({"false", "true"})}); }

Json number(const char* type, const Range& range, std::span<const std::string_view> words) {
  Json json = {{"type", type}};
  if (std::isfinite(range.low)) json[range.low_open ? "exclusiveMinimum" : "minimum"] = range.low;
  if (std::isfinite(range.high))
    json[range.high_open ? "exclusiveMaximum" : "maximum"] = range.high;
  return words.empty() ? json : any_of({json, one_of(words)});
}

// What an editor shows.
Json described(const Json& json, std::string_view meaning, std::string_view standard,
               std::string_view trade_off) {
  std::string description(meaning);
  if (!trade_off.empty()) description += fmt::format(".\n\nTrade-off: {}", trade_off);
  if (!standard.empty()) description += fmt::format(".\n\nDefault: {}", standard);
  Json whole = {{"description", description + "."}};
  whole.update(json);
  return whole;
}

// One value of a variable.
Json value_of(const VariableRow& row) {
  const std::span<const std::string_view> unset(&row.unset, row.unset.empty() ? 0 : 1);
  if (row.type == bo::Type::integer) return number("integer", row.range, unset);
  if (row.type == bo::Type::real) return number("number", row.range, unset);
  return row.values.front() == "false" ? flag() : one_of(row.values);
}

Json settings(bool inner) {
  Json properties = Json::object();
  if (!inner) {
    const Field& preset = field("recipe.preset");
    properties["preset"] =
        described(one_of(names_of(presets())), preset.meaning, preset.otherwise, preset.trade_off);
  }
  for (const VariableRow& row : variables()) {
    if (row.is_inner() != inner) continue;
    properties[std::string(row.key())] =
        described(value_of(row), row.summary, row.written(row.get(Trial{})), row.trade_off);
  }
  return object(std::move(properties));
}

// What `search:` says of a variable: its bounds, or its values.
Json searched(const VariableRow& row) {
  Json conditions = {{"type", "object"},
                     {"propertyNames", one_of(variable_names())},
                     {"additionalProperties", some(text())},
                     {"minProperties", 1}};
  Json properties;
  if (row.type == bo::Type::choice) {
    properties["type"] = one_of({"choice"});
  } else {
    const Json bound = number(row.type == bo::Type::integer ? "integer" : "number", row.range, {});
    properties["type"] = row.type == bo::Type::integer ? one_of({"integer", "choice"})
                                                       : one_of({"real", "integer", "choice"});
    properties["low"] = bound;
    properties["high"] = bound;
    properties["scale"] = one_of({"linear", "log"});
  }
  properties["values"] = some(value_of(row));
  properties["when"] = conditions;
  Json json = object(std::move(properties));
  if (row.type != bo::Type::choice) {
    json["anyOf"] = {{{"required", {"low", "high"}}}, {{"required", {"values"}}}};
  }
  return json;
}

Json search() {
  Json properties;
  for (const VariableRow& row : variables()) {
    properties[std::string(row.name)] = described(searched(row), row.summary, "", "");
  }
  Json json = object(std::move(properties));
  json["minProperties"] = 1;
  return json;
}

Json starts() {
  Json properties;
  for (const VariableRow& row : variables()) {
    properties[std::string(row.name)] = value_of(row);
  }
  return {{"type", "array"}, {"items", object(std::move(properties))}, {"minItems", 1}};
}

Json acquisition() {
  const std::string known = fmt::format("({})", fmt::join(names_of(bo::acquisitions()), "|"));
  return pattern(fmt::format(R"(^(hedge|{0}(\+{0})*)$)", known));
}

Json method() {
  const Json reference = {{"$ref", "#/$defs/acquisition"}};
  const std::vector<std::string_view> rules = names_of(fusion::rules());
  const std::vector<std::string_view> search_names = names_of(pair_searches());
  const Json objective = some(one_of(std::span(fusion::kObjectiveNames)));
  Json pair = object(
      {{"search", any_of({one_of(search_names), map_of_one("bo", reference)})},
       {"fuse", any_of({one_of(rules),
                        map_of_one("bo", any_of({reference, object({{"acquisition", reference},
                                                                    {"objective", objective}})})),
                        map_of_one("ehvi", objective)})}});
  pair["required"] = {"fuse"};
  std::vector<Json> kinds = {one_of(names_of(method_kinds())), pair};
  for (const MethodKind& kind : method_kinds()) {
    if (kind.outer.empty() && kind.inner.empty()) continue;
    const bool both = !kind.outer.empty() && !kind.inner.empty();
    kinds.push_back(map_of_one(kind.name, both
                                              ? object({{"outer", reference}, {"inner", reference}})
                                              : object({{"acquisition", reference}})));
  }
  return any_of(std::move(kinds));
}

Json comparison() { return pattern(" against "); }

Json with_unit(const std::vector<std::string_view>& units) {
  return pattern(fmt::format("^{} *({})$", kNumber, fmt::join(units, "|")));
}

// A form of its own, by its path.
Json form_of(const Field& row) {
  constexpr std::string_view kFolderName = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$";
  const std::string_view path = row.path;
  Json recipe = {{"$ref", "#/$defs/recipe"}}, inner = {{"$ref", "#/$defs/inner"}};
  if (path == "name" || path == "tasks[].name") {
    return any_of({{{"type", {"number", "boolean"}}}, pattern(std::string(kFolderName))});
  }
  if (path == "device") {
    const Json gpu = pattern("^cuda:[0-9]{1,2}$");
    return any_of({one_of({"auto", "cpu", "cuda:all"}),
                   gpu,
                   {{"type", "array"}, {"items", gpu}, {"minItems", 1}, {"uniqueItems", true}}});
  }
  if (path == "store_limit") return with_unit({"kB", "MB", "GB", "TB"});
  if (path == "outer_split") {
    return any_of({one_of({"dev"}), pattern(fmt::format("^holdout:{}$", kNumber))});
  }
  if (path == "seeds") {
    const Json seed = {{"type", "integer"},
                       {"minimum", 0},
                       {"maximum", std::numeric_limits<std::uint64_t>::max()}};
    return any_of(
        {number("integer", row.range, {}), {{"type", "array"}, {"items", seed}, {"minItems", 1}}});
  }
  if (path == "tasks") {
    return any_of({one_of({"all"}),
                   {{"$ref", "#/$defs/glue"}},
                   {{"type", "array"},
                    {"items", any_of({{{"$ref", "#/$defs/glue"}}, {{"$ref", "#/$defs/task"}}})},
                    {"minItems", 1}}});
  }
  if (path == "tasks[].metric") return some(one_of(names_of(data::metric_rows())));
  if (path == "recipe" || path == "tasks[].recipe") return recipe;
  if (path == "inner" || path == "tasks[].inner") return inner;
  if (path == "search") return search();
  if (path == "outer.budget") return with_unit(names_of(budget_units()));
  if (path == "outer.starts") return starts();
  if (path == "methods") {
    const Json item = {{"$ref", "#/$defs/method"}};
    return any_of({one_of({"all"}),
                   one_of(names_of(method_kinds())),
                   {{"type", "array"}, {"items", item}, {"minItems", 1}}});
  }
  if (path == "refuse") return any_of({one_of({"all"}), some(one_of(names_of(fusion::rules())))});
  if (path == "soup") return any_of({one_of({"all"}), some(one_of(names_of(soups())))});
  if (path == "primary") return any_of({one_of({"none"}), comparison()});
  if (path == "comparisons") return any_of({one_of({"none"}), some(comparison())});
  if (path == "at_chance") return some(text());
  // tasks[]: train, dev, test, text, label, labels
  return some(text());
}

Json value_of(const Field& row) {
  switch (row.shape) {
    case Shape::number:
      return number("number", row.range, row.words);
    case Shape::integer:
      return number("integer", row.range, row.words);
    case Shape::flag:
      return flag();
    case Shape::name:
      return row.path == "recipe.preset" ? one_of(names_of(presets())) : one_of(row.words);
    case Shape::text:
      return text();
    case Shape::other:
      break;
  }
  return form_of(row);
}

// The keys of one map of the spec.
Json section(std::string_view name) {
  Json properties;
  for (const Field& row : fields()) {
    if (row.section() != name) continue;
    properties[std::string(row.key())] =
        described(value_of(row), row.meaning, row.standard.empty() ? row.otherwise : row.standard,
                  row.trade_off);
  }
  return object(std::move(properties));
}

}  // namespace

nlohmann::ordered_json schema() {
  Json task_map = section("tasks[]");
  task_map["required"] = {"name"};
  for (const char* const own : {"train", "dev", "text"}) {  // what makes a task one's own
    task_map["dependentRequired"][own] = {"train", "dev", "text", "label"};
  }
  Json top = section("");
  for (const char* const name : {"data", "outer"}) top["properties"][name] = section(name);
  Json json = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
               {"title", "runner's experiments"}};
  json.update(top);
  json["required"] = {"model", "tasks"};
  json["anyOf"] = {{{"required", {"methods"}}}, {{"required", {"pairs"}}}};
  std::vector<std::string_view> glue;
  for (const data::Task& known : data::glue_tasks()) {
    if (!known.train.path.empty()) glue.push_back(known.name);
  }
  json["$defs"] = {{"glue", one_of(glue)},      {"task", std::move(task_map)},
                   {"recipe", settings(false)}, {"inner", settings(true)},
                   {"method", method()},        {"acquisition", acquisition()}};
  return json;
}

}  // namespace runner::spec
