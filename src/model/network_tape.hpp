#pragma once

#include "model/network.hpp"

// The inside of Network, for its own two sources.
namespace runner::model {

// A layer's parameters and their gradients as views.
struct Network::LayerWeights {
  struct Product {
    at::Tensor weight, gradient;  // [out, in]
    at::Tensor bias, bias_gradient;
  };
  struct Norm {
    at::Tensor gamma, beta, dgamma, dbeta;
  };
  Product qkv, out, up, down;
  Norm attention, output;
};

// What a layer's backward pass reads.
struct Network::LayerTape {
  at::Tensor input, input_product;  // [tokens, H]
  at::Tensor first_product;         // [rows, H], last layer: input_product of each first token
  at::Tensor context;               // attention's output
  at::Tensor inner;                 // before gelu's bias; after its backward, gelu's output
  AttentionStep attention;
  NormStep middle;  // after attention
  NormStep output;  // after the feed-forward part
};

struct Network::Tape {
  PackedBatch host;
  DeviceBatch batch;
  TrainPass pass;
  bool training = false;
  EmbeddingStep embedding;
  std::vector<LayerTape> layers;
  at::Tensor hidden, dense, activated;  // head: its input, tanh's output, the same after dropout
  kernels::Dropout hidden_dropout, dense_dropout;
};

// The library prepares a matrix product for its exact shape, which costs as much as some products.
// Packed batches have another number of tokens each, so matrices have room for a whole number of
// units; the rows beyond the tokens hold zeros, which add nothing to any sum.
constexpr std::int64_t kRowUnit = 16;
constexpr std::int64_t round_up_rows(std::int64_t rows) {
  return (rows + kRowUnit - 1) / kRowUnit * kRowUnit;
}
// A matrix of Network::take_rows with the rows beyond its own.
inline at::Tensor whole_units(const at::Tensor& x) {
  return x.as_strided({round_up_rows(x.size(0)), x.size(1)}, x.strides());
}

inline at::Tensor product_of(const NormStep& step) {
  return step.y_product.defined() ? step.y_product : step.y;
}

}  // namespace runner::model
