#pragma once

#include <string_view>

namespace runner::kernels {

// The instruction set that the kernels run with on this processor, by Highway's name: "AVX3_ZEN4".
std::string_view instructions();

// What multiplies bf16 matrices of training here: "AMX", "AVX512_BF16", or nothing where the
// caller's library has to (pair_product.hpp). The environment's RUNNER_BF16 chooses among what this
// processor has, so that it can compute the bits of one that has less: AVX512_BF16, or oneDNN.
std::string_view bf16_products();

}  // namespace runner::kernels
