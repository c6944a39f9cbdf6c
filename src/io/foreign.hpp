#pragma once

#include <string_view>

namespace runner::io {

// What a file is, and what to do about it, where its first bytes are those of something that often
// lies in another file's place: a Git LFS pointer, a web page, an archive, another library's
// weights. "a Git LFS pointer: ...", to go after "PATH is "; empty where they say nothing.
std::string_view foreign_kind(std::string_view bytes);

}  // namespace runner::io
