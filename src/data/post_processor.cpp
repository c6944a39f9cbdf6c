#include "data/post_processor.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "io/error.hpp"

namespace runner::data {
namespace {

using Part = Template::Part;
constexpr auto kFirst = Part::Kind::first, kSecond = Part::Kind::second,
               kSpecial = Part::Kind::special;

bool is_id(const nlohmann::json& json) {
  return json.is_number_integer() && json.get<std::int64_t>() >= 0 &&
         json.get<std::int64_t>() < INT32_MAX;
}

// The id of ["[SEP]", 102].
std::int32_t read_token(Component& component, const char* key) {
  const nlohmann::json& token = component.value(key);
  const bool fits = token.is_array() && token.size() == 2 && is_id(token[1]);
  if (!fits) throw InputError(fmt::format("{}: {} is not [TOKEN, ID]", component.place(), key));
  return token[1].get<std::int32_t>();
}

Template make_bert(Component& component) {
  const Part begin{kSpecial, read_token(component, "cls"), 0};
  const Part end{kSpecial, read_token(component, "sep"), 0}, second_end{kSpecial, end.id, 1};
  return {{begin, {kFirst}, end}, {begin, {kFirst}, end, {kSecond, 0, 1}, second_end}};
}

Template make_roberta(Component& component) {
  component.ignore("trim_offsets");
  component.ignore("add_prefix_space");
  const Part begin{kSpecial, read_token(component, "cls"), 0};
  const Part end{kSpecial, read_token(component, "sep"), 0};
  return {{begin, {kFirst}, end}, {begin, {kFirst}, end, end, {kSecond}, end}};
}

// The parts of a list of {"SpecialToken": {"id": "[CLS]", "type_id": 0}} and
// {"Sequence": {"id": "A", "type_id": 0}}.
std::vector<Part> read_parts(Component& component, const char* key,
                             const nlohmann::json& specials) {
  const nlohmann::json& list = component.value(key);
  const auto malformed = [&](const nlohmann::json& at) {
    throw InputError(
        fmt::format("{}: {}: {} is no part of a template", component.place(), key, at.dump()));
  };
  if (!list.is_array()) malformed(list);
  std::vector<Part> parts;
  for (const nlohmann::json& item : list) {
    const bool token = item.is_object() && item.size() == 1 && item.contains("SpecialToken");
    const bool text = item.is_object() && item.size() == 1 && item.contains("Sequence");
    if (!token && !text) malformed(item);
    const nlohmann::json& value = item.begin().value();
    if (!value.is_object() || !value.contains("id") || !value["id"].is_string()) malformed(item);
    const std::string name = value["id"];
    std::uint64_t type = 0;
    if (value.contains("type_id")) {
      if (!value["type_id"].is_number_unsigned()) malformed(item);
      type = value["type_id"].get<std::uint64_t>();
    }
    if (type > 255) malformed(item);
    Part part{text && name == "B" ? kSecond : kFirst, 0, static_cast<std::uint8_t>(type)};
    if (text) {
      if (name != "A" && name != "B") malformed(item);
      parts.push_back(part);
      continue;
    }
    const auto special = specials.is_object() ? specials.find(name) : specials.end();
    if (!specials.is_object() || special == specials.end() || !special->is_object() ||
        !special->contains("ids") || !(*special)["ids"].is_array()) {
      throw InputError(
          fmt::format("{}: special_tokens has no ids of '{}'", component.place(), name));
    }
    part.kind = kSpecial;
    for (const nlohmann::json& id : (*special)["ids"]) {
      if (!is_id(id)) malformed(*special);
      part.id = id.get<std::int32_t>();
      parts.push_back(part);
    }
  }
  return parts;
}

Template make_template_processing(Component& component) {
  const nlohmann::json& specials = component.value("special_tokens");
  return {read_parts(component, "single", specials), read_parts(component, "pair", specials)};
}

struct Row {
  std::string_view type;
  Template (*make)(Component&);
};

const Template kTextsAlone = {{{kFirst}}, {{kFirst}, {kSecond, 0, 1}}};

Template make_byte_level(Component& component) {
  for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"}) component.ignore(key);
  return kTextsAlone;  // it changes the tokens' places in the text, not the tokens
}

constexpr std::array kPostProcessors = {
    Row{"TemplateProcessing", make_template_processing},
    Row{"RobertaProcessing", make_roberta},
    Row{"BertProcessing", make_bert},
    Row{"ByteLevel", make_byte_level},
};

}  // namespace

Template make_template(const nlohmann::json& json, const std::string& place) {
  Template out = kTextsAlone;
  bool found = false;
  for_each_component(json, "processors", place, [&](Component& component) {
    const Row& row = find_row(kPostProcessors, component);
    const Template made = row.make(component);
    if (row.type == "ByteLevel") return;
    if (found) {
      throw InputError(
          fmt::format("{}: a second '{}' is not supported", component.place(), row.type));
    }
    found = true;
    out = made;
  });
  return out;
}

}  // namespace runner::data
