#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/components.hpp"

namespace runner::data {

// A valid UTF-8 text on its way through the normalisers.
struct NormalText {
  std::string text;
  bool trimmed = false;  // its first characters were dropped
};

using Normalizer = std::function<void(NormalText&)>;

// The steps of tokenizer.json's "normalizer" (null: none). Throws InputError naming the kind or key
// that is not supported.
std::vector<Normalizer> make_normalizers(const io::Json& json, const std::string& place);

}  // namespace runner::data
