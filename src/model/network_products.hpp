#pragma once

#include <ATen/core/Tensor.h>

namespace runner::model {

// out [n, m] = a [n, k] b [k, m] (+ bias [m] in their dtype, where defined), all of one dtype; any
// of a and b may be a transposed view.
//
// On a CPU both dtypes go to oneDNN. ATen itself sends fp32 to MKL, which gives processors that are
// not Intel's its AVX2 code: 94 against 205 GFLOP/s on one Zen 5 core.
void multiply_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b,
                   const at::Tensor& bias = {});

}  // namespace runner::model
