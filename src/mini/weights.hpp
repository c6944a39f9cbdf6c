#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mini/bpe.hpp"

namespace runner::mini {

// The tiny RoBERTa's size. 66 positions: rows of up to 64 tokens.
inline constexpr std::size_t kHidden = 64, kHeads = 2, kInner = 128, kLayers = 2, kPositions = 66;

struct Tensor {
  std::string name;  // Hugging Face's
  std::vector<std::size_t> shape;
  std::vector<double> values;  // row-major
  double& at(std::size_t row, std::size_t column) { return values[row * shape[1] + column]; }
};

// Weights that stand in for pre-training: written down, not trained. A token's vector says what the
// lexicon knows of its word; layer 0 has one head that looks for the same meaning elsewhere and one
// that looks at the word before; layer 1 gathers both at <s>. All of it is noisy, and no weight
// says what any task's labels are: that is for the fine-tuning to learn.
std::vector<Tensor> tiny_weights(const LearntBpe& bpe, std::uint64_t seed);

}  // namespace runner::mini
