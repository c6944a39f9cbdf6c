#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "data/encoded.hpp"
#include "data/glue.hpp"
#include "data/task.hpp"
#include "data/tokenizer.hpp"

namespace runner::data {

EncodedSplit encode(const Tokenizer& tokenizer, std::span<const Example> examples, int max_length);

// Everything that an encoded split is made of: the file's bytes, the reading rules, the tokenizer,
// max_length (clamped) and the format's version. The same content has the same hash anywhere.
std::string split_hash(const Task& task, const SplitFile& split, const std::filesystem::path& root,
                       const Tokenizer& tokenizer, int max_length);

// One split, read and encoded, or taken from `cache` (a folder; empty: no cache) where an intact
// copy lies under its hash. A damaged copy is made anew; a cache that cannot be written is an
// InputError, as are the errors of read_split.
EncodedSplit load_split(const Task& task, const SplitFile& split, const std::filesystem::path& root,
                        const Tokenizer& tokenizer, int max_length,
                        const std::filesystem::path& cache);

}  // namespace runner::data
