#pragma once

#include "model/config.hpp"

namespace runner::model {

// FLOPs of one row as a polynomial of its length in tokens: 2 x multiply-adds of the matrix
// products and of attention, as the network executes them (network.hpp counts the same): attention
// grows with the square of the length, and the last layer's queries and what follows are one per
// row.
struct RowFlops {
  double row = 0.0, token = 0.0, pair = 0.0;

  double of(double length) const { return row + (token + pair * length) * length; }
  RowFlops& operator+=(const RowFlops& other);
};

// Layers [begin, end), and below the first the projection of the embeddings.
RowFlops forward_flops(const EncoderConfig& config, int begin, int end);
RowFlops head_flops(const EncoderConfig& config, int classes);
// Of the trained layers and the head; the embeddings multiply nothing but a projection.
RowFlops backward_flops(const EncoderConfig& config, int classes, int frozen_layers);

}  // namespace runner::model
