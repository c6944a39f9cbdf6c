#pragma once

#include <string>

namespace runner::bo {

// The BLAS that Armadillo computes with here, and its kernels, which it picks by the processor (or
// by OPENBLAS_CORETYPE): "OpenBLAS 0.3.21, SkylakeX". Another one may give other last bits.
std::string blas();

}  // namespace runner::bo
