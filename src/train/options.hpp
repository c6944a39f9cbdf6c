#pragma once

#include <cstdint>

namespace runner::train {

enum class Schedule { linear, constant, cosine };
enum class FirstStep {
  zero,
  one
};  // learning rate of step 1: 0 (Hugging Face) or lr/warmup (fairseq)
enum class Precision { fp32, bf16 };
enum class HeadInit {
  normal,
  uniform
};  // N(0, initializer_range) as Hugging Face; nn.Linear's default

// One training run's settings. A run is a pure function of these, its data, its model and its seed.
// Names in a spec are the fields' names (spec/variables.cpp).
struct Options {
  double epochs = 3.0;         // > 0; a fraction stops inside an epoch
  std::int64_t max_steps = 0;  // > 0 overrides epochs
  int batch_size = 16;         // rows per optimiser step
  int accumulation = 1;        // micro-batches per optimiser step; the batch is split evenly
  double lr = 2e-5;            // peak learning rate
  Schedule schedule = Schedule::linear;  // after warm-up: down to 0, or constant
  double warmup = 0.06;                  // share of all steps, ceil(warmup * steps)
  FirstStep first_step = FirstStep::zero;
  double beta1 = 0.9;  // AdamW (Loshchilov, Hutter 2019), bias-corrected
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;        // decoupled
  bool decay_all = false;           // also biases and LayerNorm (fairseq); else exempt
  double max_grad_norm = 1.0;       // 0: no clipping
  double dropout = -1.0;            // hidden states; < 0: the checkpoint's config
  double attention_dropout = -1.0;  // attention probabilities; < 0: the checkpoint's config
  double head_dropout = -1.0;       // classification head; < 0: the checkpoint's config
  HeadInit head_init = HeadInit::normal;
  Precision precision = Precision::fp32;
  int max_length = 128;         // tokens per row with specials; clamped to the model's limit
  bool group_by_length = true;  // batches of similar length (Hugging Face's LengthGroupedSampler)
  int frozen_layers = 0;        // embeddings and this many lower layers are not trained; 0: all are
  bool frozen_dropout = true;   // dropout in those too, as Hugging Face has it
  int snapshots = 8;  // K, equally spaced in (snapshot_start, 1] of all steps; the last step is one
  double snapshot_start = 0.5;  // share of all steps before the first
  double ema_decay = 0.0;       // > 0: keep an exponential moving average of the weights
  double target_scale = 1.0;    // regression targets are divided by this in training (fairseq: 5)
};

}  // namespace runner::train
