#include "model/flops.hpp"

namespace runner::model {
namespace {

// A layer's products: with weights, by how many of its rows there are, and within attention.
struct LayerFlops {
  double queries, keys_values;  // projections; 2 x hidden x hidden and twice that
  double after;                 // attention's output, up and down
  double attention;             // one product, per pair of tokens
};

LayerFlops layer_flops(const EncoderConfig& config) {
  const double hidden = config.hidden_size, inner = config.intermediate_size;
  return {.queries = 2.0 * hidden * hidden,
          .keys_values = 4.0 * hidden * hidden,
          .after = 2.0 * hidden * hidden + 4.0 * hidden * inner,
          .attention = 2.0 * hidden};
}

// From the embeddings' width to the encoder's.
double projection_flops(const EncoderConfig& config) {
  if (config.table_width() == config.hidden_size) return 0.0;
  return 2.0 * config.table_width() * config.hidden_size;
}

constexpr int kForwardProducts = 2, kBackwardProducts = 5;  // within attention

}  // namespace

RowFlops& RowFlops::operator+=(const RowFlops& other) {
  row += other.row;
  token += other.token;
  pair += other.pair;
  return *this;
}

RowFlops forward_flops(const EncoderConfig& config, int begin, int end) {
  const LayerFlops one = layer_flops(config);
  RowFlops sum;
  if (begin == 0) sum.token = projection_flops(config);
  for (int layer = begin; layer < end; ++layer) {
    if (layer + 1 == config.layers) {
      sum += {.row = one.queries + one.after,
              .token = one.keys_values + kForwardProducts * one.attention};
    } else {
      sum += {.token = one.queries + one.keys_values + one.after,
              .pair = kForwardProducts * one.attention};
    }
  }
  return sum;
}

RowFlops head_flops(const EncoderConfig& config, int classes) {
  const double hidden = config.hidden_size;
  return {.row = 2.0 * hidden * (hidden + classes)};
}

RowFlops backward_flops(const EncoderConfig& config, int classes, int frozen_layers) {
  const LayerFlops one = layer_flops(config);
  RowFlops sum = {.row = 2.0 * head_flops(config, classes).row};
  if (frozen_layers == 0) sum.token = 2.0 * projection_flops(config);
  for (int layer = frozen_layers; layer < config.layers; ++layer) {
    // The gradients of the weights, and of the input where something below is trained.
    const double projections = frozen_layers > 0 && layer == frozen_layers ? 1.0 : 2.0;
    if (layer + 1 == config.layers) {
      sum += {.row = projections * one.queries + 2.0 * one.after,
              .token = projections * one.keys_values + kBackwardProducts * one.attention};
    } else {
      sum += {.token = projections * (one.queries + one.keys_values) + 2.0 * one.after,
              .pair = kBackwardProducts * one.attention};
    }
  }
  return sum;
}

}  // namespace runner::model
