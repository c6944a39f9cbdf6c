#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/dropout.hpp"
#include "model/batch.hpp"

namespace runner::model {

// Where a batch's tokens add to the gradient of one embedding table.
struct TableRows {
  std::vector<std::int32_t> host;  // [tokens] rows of the table, -1: none
  std::int64_t table = 0;          // how many rows it has
  // What ATen's operators read instead: each row once, and each token's place among them, which for
  // a token without a row is their number. Rows that no token has make up the number, so that it
  // depends on the number of tokens alone.
  at::Tensor distinct{};  // [min(tokens, table)] int64
  at::Tensor place{};     // [tokens] int64
};

// A packed batch where the model lives. The CPU kernels read `host`, and beside it only `first` and
// `labels` are defined for them.
struct DeviceBatch {
  const PackedBatch* host = nullptr;
  at::Tensor first;                           // [rows] int64: each row's first token
  at::Tensor labels;                          // [rows] fp32; empty when the batch has none
  at::Tensor ids, positions, types;           // [tokens] int64
  at::Tensor offsets;                         // [rows + 1] int32, as host's
  at::Tensor counts;                          // [rows + 1] int32: 0, 1, ... rows
  TableRows words, position_rows, type_rows;  // a training pass that reaches the embeddings
};

// The fused steps between an encoder's matrix products. Activations ("products") are fp32 or bf16
// as the products are; the residual stream, statistics, vectors and their gradients are fp32.
//
// The CPU kernels write in place, into room that the network took. ATen's operators put tensors of
// their own where a step or an argument is not const, and keep in the step what its backward pass
// reads. Gradients of parameters are added to what is there.

struct EmbeddingStep {
  const DeviceBatch* batch = nullptr;
  at::Tensor word, position, type;  // tables; type: undefined without segments
  at::Tensor gamma, beta;
  float eps = 0.0F;
  kernels::Dropout dropout;
  bool keep = false;      // a backward pass follows
  at::Tensor mean, rstd;  // [tokens]
  at::Tensor y;           // [tokens, H] fp32
  at::Tensor y_product;   // [tokens, H] bf16 copy; undefined with fp32 products
  at::Tensor sum, mask;   // ATen: LayerNorm's input fp32, what dropout kept (bool)
};

// What is added to attention's scores by relative position (model/relative).
struct RelativeBias {
  at::Tensor table;     // [buckets, heads] fp32; undefined: no bias
  at::Tensor gradient;  // the same; undefined: unwanted
};

struct AttentionStep {
  const DeviceBatch* batch = nullptr;
  std::int64_t heads = 0;
  bool first_query_only = false;  // q has one row per sequence
  kernels::Dropout dropout;
  at::Tensor q, k, v;  // [tokens or rows, H], rows may be strided
  RelativeBias bias;
  // ATen's fused attention: its output [tokens or rows, heads, H / heads] and what it drew.
  at::Tensor out, logsumexp, seed, offset;
};

// y = LayerNorm(residual + dropout(x + bias))
struct NormStep {
  at::Tensor x, residual;
  at::Tensor bias;  // undefined: the product that made x has added it
  at::Tensor gamma, beta;
  float eps = 0.0F;
  kernels::Dropout dropout;
  bool keep = false;
  at::Tensor mean, rstd, y, y_product, sum, mask;  // as in EmbeddingStep
};

struct NormGradients {
  at::Tensor dgamma, dbeta, dbias;
};

// One implementation per kind of device, chosen when a network is made.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual void embedding_forward(EmbeddingStep& step) = 0;
  // On entry dy + dy_product (which may be undefined) is the gradient of y; dy [tokens, H] fp32
  // becomes that of the tables' sum. parameters.dbias stays undefined.
  virtual void embedding_backward(EmbeddingStep& step, at::Tensor& dy, const at::Tensor& dy_product,
                                  const NormGradients& parameters) = 0;
  // table[rows.host[t]] += values[t] over all tokens t
  virtual void add_rows(const TableRows& rows, const at::Tensor& values,
                        const at::Tensor& table) = 0;

  virtual void attention_forward(AttentionStep& step, at::Tensor& out) = 0;
  virtual void attention_backward(AttentionStep& step, const at::Tensor& dout, const at::Tensor& dq,
                                  const at::Tensor& dk, const at::Tensor& dv) = 0;

  virtual void norm_forward(NormStep& step) = 0;
  // On entry dy + dy_product (which may be undefined) is the gradient of y; dy becomes that of the
  // residual, dx that of x.
  virtual void norm_backward(NormStep& step, at::Tensor& dy, const at::Tensor& dy_product,
                             at::Tensor& dx, const NormGradients& parameters) = 0;

  // y = gelu(x + bias), exact; `bias` as in NormStep
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
// ATen's own operators on any device, for products of type `product`. On a GPU attention is one of
// ATen's fused kernels over the packed rows and dropout is drawn by ATen's generator, seeded by
// (key, site); on a CPU attention is a composite and dropout the kernels' own, so that the two
// implementations can be compared.
std::unique_ptr<Ops> make_aten_ops(at::ScalarType product);

// table[rows[i]] += values[i] for distinct rows [n] int64 of the table, on any device. Of ATen's
// operators that do this, the public ones read the rows back from a GPU to check them wherever
// equal bits are asked for; this is what its autograd uses.
void add_distinct_rows(const at::Tensor& values, const at::Tensor& rows, const at::Tensor& table);

}  // namespace runner::model
