#include "data/tokenize.hpp"

#include <fmt/format.h>

#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "data/json.hpp"
#include "io/error.hpp"

namespace runner::data {

void tokenize_lines(const Tokenizer& tokenizer, int max_length, std::istream& in,
                    std::ostream& out) {
  std::string line;
  for (int number = 1; out && std::getline(in, line); ++number) {
    const std::string place = fmt::format("line {}", number);
    const nlohmann::json json = parse_json(line, place);
    const auto text = json.is_object() ? json.find("text") : json.end();
    const bool fits = text != json.end() && text->is_array() &&
                      (text->size() == 1 || text->size() == 2) && text->front().is_string() &&
                      text->back().is_string();
    if (!fits) {
      throw InputError(place + ": expected {\"text\": [a]} or {\"text\": [a, b]} with strings");
    }
    const auto& a = text->front().get_ref<const std::string&>();
    const auto& b = text->back().get_ref<const std::string&>();
    const Encoding encoding = tokenizer.encode(
        a, text->size() == 2 ? std::optional<std::string_view>(b) : std::nullopt, max_length);
    out << nlohmann::json{{"input_ids", encoding.ids}}.dump() << '\n';
  }
}

}  // namespace runner::data
