#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace runner::mini {

// The project's own embedded data: nine small tasks and AX in GLUE's own file formats, and a tiny
// RoBERTa whose vocabulary and weights are made from the same grammar (data/README.md). Every byte
// is a function of the seed alone: the files in data/ are `kSeed`'s.
inline constexpr std::uint64_t kSeed = 1;

// Path below the root ("CoLA/train.tsv") -> bytes.
std::map<std::string, std::string> glue(std::uint64_t seed);

// config.json, vocab.json, merges.txt and model.safetensors (F16) of the tiny RoBERTa.
std::map<std::string, std::string> tiny_roberta(std::uint64_t seed);

// The same as files below `out`, which is created. Throws InputError where it cannot write.
void write_glue(const std::filesystem::path& out, std::uint64_t seed);
void write_tiny_roberta(const std::filesystem::path& out, std::uint64_t seed);

}  // namespace runner::mini
