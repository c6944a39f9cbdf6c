#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/components.hpp"

namespace runner::data {

// How one text, or a pair, becomes a row of tokens: what stands around the texts.
struct Template {
  struct Part {
    enum class Kind : std::uint8_t { first, second, special } kind;
    std::int32_t id = 0;    // of a special token
    std::uint8_t type = 0;  // segment
  };
  std::vector<Part> single, pair;
};

// tokenizer.json's "post_processor" (null: the texts alone). Throws InputError naming the kind or
// key that is not supported.
Template make_template(const io::Json& json, const std::string& place);

}  // namespace runner::data
