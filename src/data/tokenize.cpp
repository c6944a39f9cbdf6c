#include "data/tokenize.hpp"

#include <fmt/format.h>

#include <istream>
#include <ostream>
#include <string>

#include "data/row_parser.hpp"
#include "io/json.hpp"

namespace runner::data {

void tokenize_lines(const Tokenizer& tokenizer, int max_length, std::istream& in,
                    std::ostream& out) {
  std::string line;
  for (int number = 1; out && std::getline(in, line); ++number) {
    const std::string place = fmt::format("line {}", number);
    const Example row = texts_of(io::parse_json(line, place), place);
    const Encoding encoding = tokenizer.encode(row.text_a, row.text_b, max_length);
    out << io::Json{{"input_ids", encoding.ids}}.dump() << '\n';
  }
}

}  // namespace runner::data
