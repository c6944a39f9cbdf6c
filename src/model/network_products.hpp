#pragma once

#include <ATen/core/Tensor.h>

// The encoder's matrix products, of fp32 or of bf16 with sums in fp32. On a CPU bf16 products go to
// the project's own kernel where the processor has the instructions for it (kernels/pair_product),
// everything else to oneDNN, whose bits are the same on any number of threads but for bf16 on AMX
// and for a single row on many threads: neither is given to it. ATen itself would send fp32 to MKL,
// which gives processors that are not Intel's its AVX2 code: 94 against 205 GFLOP/s on one Zen 5
// core.
namespace runner::model {

// oneDNN prepares a matrix product for its exact shape, which costs as much as some products.
// Packed batches have another number of tokens each, so matrices of rows have room for a whole
// number of units; the rows beyond the tokens hold zeros, which add nothing to any sum.
constexpr std::int64_t kRowUnit = 16;
constexpr std::int64_t round_up_rows(std::int64_t rows) {
  return (rows + kRowUnit - 1) / kRowUnit * kRowUnit;
}

// out [n, m] = x [n, k] w [k, m] (+ bias [m] fp32, where defined). out and x have room for whole
// units of rows; w may be a transposed view.
void multiply_rows(const at::Tensor& out, const at::Tensor& x, const at::Tensor& w,
                   const at::Tensor& bias = {});

// The same by ATen's or oneDNN's products, on any device; needs no room beyond the rows. The bias
// is rounded to out's dtype.
void multiply_exactly(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b,
                      const at::Tensor& bias = {});

// a b (+ bias), on a CPU by one thread alone: for the head's few rows, of which oneDNN might share
// out the depth among many.
at::Tensor multiply_alone(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias = {});

// out [m, k] = y^T x for y [n, m] and x [n, k], both with room for whole units of rows.
void multiply_over_rows(const at::Tensor& out, const at::Tensor& y, const at::Tensor& x);

}  // namespace runner::model
