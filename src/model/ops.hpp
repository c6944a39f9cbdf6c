#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "kernels/dropout.hpp"
#include "model/batch.hpp"

namespace runner::model {

// A packed batch where the model lives.
struct DeviceBatch {
  const PackedBatch* host = nullptr;
  at::Tensor ids, positions,
      types;         // [tokens] int64; undefined on a CPU, whose kernels read `host`
  at::Tensor first;  // [rows] int64: each row's first token
};

// The fused steps between an encoder's matrix products. Activations ("products") are fp32 or bf16
// as the products are; the residual stream, statistics, vectors and their gradients are fp32.
// Tensors are written in place; gradients of parameters are added to what is there.

struct EmbeddingStep {
  const DeviceBatch* batch = nullptr;
  at::Tensor word, position, type;  // tables
  at::Tensor gamma, beta;
  float eps = 0.0F;
  kernels::Dropout dropout;
  at::Tensor mean, rstd;  // [tokens]
  at::Tensor y;           // [tokens, H] fp32
  at::Tensor y_product;   // [tokens, H] bf16 copy; undefined with fp32 products
};

struct AttentionStep {
  const DeviceBatch* batch = nullptr;
  std::int64_t heads = 0;
  bool first_query_only = false;  // q has one row per sequence
  kernels::Dropout dropout;
  at::Tensor q, k, v;  // [tokens or rows, H], rows may be strided
};

// y = LayerNorm(residual + dropout(x + bias))
struct NormStep {
  at::Tensor x, bias, residual;
  at::Tensor gamma, beta;
  float eps = 0.0F;
  kernels::Dropout dropout;
  at::Tensor mean, rstd, y, y_product;  // as in EmbeddingStep
};

struct NormGradients {
  at::Tensor dgamma, dbeta, dbias;
};

// One implementation per kind of device, chosen when a network is made.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual void embedding_forward(const EmbeddingStep& step) = 0;
  // dsum [tokens, H] receives the gradient of the three tables' sum. The gradient of y is dy +
  // dy_product; either may be undefined. parameters.dbias stays undefined.
  virtual void embedding_backward(const EmbeddingStep& step, const at::Tensor& dy,
                                  const at::Tensor& dy_product, const at::Tensor& dsum,
                                  const NormGradients& parameters) = 0;
  // table[rows[t]] += values[t] over all tokens t; `rows` is the host's, row -1 is left out.
  virtual void add_rows(const std::vector<std::int32_t>& rows, const at::Tensor& values,
                        const at::Tensor& table) = 0;

  virtual void attention_forward(const AttentionStep& step, const at::Tensor& out) = 0;
  virtual void attention_backward(const AttentionStep& step, const at::Tensor& dout,
                                  const at::Tensor& dq, const at::Tensor& dk,
                                  const at::Tensor& dv) = 0;

  virtual void norm_forward(const NormStep& step) = 0;
  // dresidual may be dy. dy or dy_product may be undefined.
  virtual void norm_backward(const NormStep& step, const at::Tensor& dy,
                             const at::Tensor& dy_product, const at::Tensor& dresidual,
                             const at::Tensor& dx, const NormGradients& parameters) = 0;

  // y = gelu(x + bias), exact
  virtual void gelu_forward(const at::Tensor& x, const at::Tensor& bias, const at::Tensor& y) = 0;
  // dy becomes the gradient of x, x becomes y.
  virtual void gelu_backward(const at::Tensor& x, const at::Tensor& bias, const at::Tensor& dy,
                             const at::Tensor& dbias) = 0;

  // x *= dropout's factors; its own backward.
  virtual void dropout(const kernels::Dropout& dropout, const at::Tensor& x) = 0;
  // sums += the sum of x's rows
  virtual void add_column_sums(const at::Tensor& x, const at::Tensor& sums) = 0;
  // target = source in target's dtype, or target += source where `add`
  virtual void cast(const at::Tensor& source, const at::Tensor& target, bool add) = 0;
};

// The SIMD kernels of kernels/, split over the threads that at::set_num_threads allows; CPU only.
std::unique_ptr<Ops> make_kernel_ops();
// Composites of ATen's own operators, on any device. On a CPU its dropout is the kernels' own, so
// that the two can be compared; elsewhere it is seeded by (key, site) and computed again in
// backward.
std::unique_ptr<Ops> make_aten_ops();

}  // namespace runner::model
