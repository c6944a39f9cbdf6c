#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/config.hpp"

// An encoder of a few hundred weights, with these labels.
inline runner::model::EncoderConfig tiny_config(std::vector<std::string> labels) {
  runner::model::EncoderConfig config;
  config.vocab_size = 20;
  config.hidden_size = 8;
  config.layers = 1;
  config.heads = 2;
  config.intermediate_size = 16;
  config.max_positions = 12;
  config.labels = std::move(labels);
  return config;
}
