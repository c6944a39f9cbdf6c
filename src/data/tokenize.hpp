#pragma once

#include <iosfwd>

#include "data/tokenizer.hpp"

namespace runner::data {

// Reads lines {"text": [a]} or {"text": [a, b]} and writes a line {"input_ids": [...]} for each.
// Throws InputError naming the line; the lines before it are already written.
void tokenize_lines(const Tokenizer& tokenizer, int max_length, std::istream& in,
                    std::ostream& out);

}  // namespace runner::data
