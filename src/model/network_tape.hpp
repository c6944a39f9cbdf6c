#pragma once

#include "model/network.hpp"

// The inside of Network, for its own two sources.
namespace runner::model {

// A layer's parameters and their gradients as views.
struct Network::LayerWeights {
  struct Product {
    at::Tensor weight, gradient;  // [out, in]
    at::Tensor bias, bias_gradient;
    at::Tensor added;  // bias in the product's type, where the product adds it
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

struct Network::Projection {
  at::Tensor weight, gradient;  // [hidden, width], fp32 also among bf16 products
  at::Tensor bias, bias_gradient;
};

struct Network::Tape {
  PackedBatch host;
  DeviceBatch batch;
  TrainPass pass;
  int taped_from = 0;  // first layer that backward reaches; 0: the embeddings too
  EmbeddingStep embedding;
  std::vector<LayerTape> layers;
  at::Tensor hidden, dense, activated;  // head: its input, before the activation, after dropout
  kernels::Dropout hidden_dropout, dense_dropout;
};

inline at::Tensor product_of(const NormStep& step) {
  return step.y_product.defined() ? step.y_product : step.y;
}

}  // namespace runner::model
