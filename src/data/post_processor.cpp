#include "data/post_processor.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "data/vocabulary.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

using Part = Template::Part;
constexpr auto kFirst = Part::Kind::first, kSecond = Part::Kind::second,
               kSpecial = Part::Kind::special;

// The id of ["[SEP]", 102].
std::int32_t read_token(Component& component, const char* key) {
  const io::Json& token = component.value(key);
  const auto id = token.is_array() && token.size() == 2 ? token_id(token[1]) : std::nullopt;
  if (!id) throw InputError(fmt::format("{}: {} is not [TOKEN, ID]", component.place(), key));
  return *id;
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
std::vector<Part> read_parts(Component& component, const char* key, const io::Json& specials) {
  const io::Json& list = component.value(key);
  const auto malformed = [&](const io::Json& at) {
    throw InputError(
        fmt::format("{}: {}: {} is no part of a template", component.place(), key, at.dump()));
  };
  if (!list.is_array()) malformed(list);
  std::vector<Part> parts;
  for (const io::Json& item : list) {
    const bool token = item.is_object() && item.size() == 1 && item.contains("SpecialToken");
    const bool text = item.is_object() && item.size() == 1 && item.contains("Sequence");
    if (!token && !text) malformed(item);
    const io::Json& value = item.begin().value();
    if (!value.is_object() || !value.contains("id") || !value["id"].is_string()) malformed(item);
    const std::string name = value["id"];
    const auto type = io::whole_number<std::uint8_t>(value.value("type_id", io::Json(0)));
    if (!type) malformed(item);
    Part part{text && name == "B" ? kSecond : kFirst, 0, *type};
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
    for (const io::Json& id : (*special)["ids"]) {
      const auto number = token_id(id);
      if (!number) malformed(*special);
      part.id = *number;
      parts.push_back(part);
    }
  }
  return parts;
}

Template make_template_processing(Component& component) {
  const io::Json& specials = component.value("special_tokens");
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

Template make_template(const io::Json& json, const std::string& place) {
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
