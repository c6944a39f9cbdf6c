// The tokenizers' families and the encoders' are two tables, for the folders below do not see one
// another: here they are held together.
#include <algorithm>

#include "data/tokenizer.hpp"
#include "doctest/doctest.h"
#include "model/config.hpp"
#include "places.hpp"

using namespace runner;

TEST_CASE("every family of encoders is fed by a tokenizer that knows its segments and positions") {
  for (const model::Family& family : model::families()) {
    CAPTURE(family.model_type);
    const std::filesystem::path folder = source_dir() / "tests/families" / family.model_type;
    const model::EncoderConfig config = model::read_config(folder);
    CHECK(config.family == &family);
    const data::Tokenizer tokenizer = data::Tokenizer::load(folder);
    CHECK(tokenizer.max_length() == config.max_length());
    CHECK(tokenizer.vocab_size() <= config.vocab_size);
    const auto types = tokenizer.encode("a model", "of sentence weights", 48).types;
    CHECK(std::ranges::max(types) == (family.type_vocab_size > 1 ? 1 : 0));
  }
}
