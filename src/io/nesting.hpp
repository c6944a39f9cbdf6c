#pragma once

#include <string_view>

namespace runner::io {

// Throws InputError "NAME: nested more than 100 deep ..." where arrays and objects of a JSON text
// do. Anything read here has a handful of levels; a file of brackets alone would have as many as
// bytes, and whoever copies, compares or writes such a value goes down the stack with each.
void refuse_deep_json(std::string_view text, std::string_view name);

}  // namespace runner::io
