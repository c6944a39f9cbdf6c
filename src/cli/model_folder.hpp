#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "model/config.hpp"

namespace runner::cli {

// Throws InputError when there is something in it already.
void require_new_folder(const std::filesystem::path& folder);

// A Hugging Face folder that appears whole or not at all: config.json, model.safetensors (flat
// weights in model::make_layout of the config's labels), the tokenizer's files from `tokenizer`,
// and `card` as README.md.
void write_model_folder(const std::filesystem::path& folder, const model::EncoderConfig& config,
                        std::span<const float> weights, const std::filesystem::path& tokenizer,
                        const std::string& card);

}  // namespace runner::cli
