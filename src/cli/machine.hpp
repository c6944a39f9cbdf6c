#pragma once

#include <string>

namespace runner::cli {

// The processor as Linux names it; "unknown" where it does not.
std::string cpu_name();

// What multiplies bf16 matrices in training on this processor: "AMX", "AVX512_BF16" or "oneDNN".
std::string bf16_products();

}  // namespace runner::cli
