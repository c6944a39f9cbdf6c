#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/batch.hpp"
#include "model/config.hpp"
#include "model/layout.hpp"
#include "model/ops.hpp"

namespace runner::model {

// Memory for one step's activations: taken in order, given back all at once or down to a mark, and
// kept from step to step, so that no step meets fresh pages.
class Arena {
 public:
  explicit Arena(at::Device device) : device_(device) {}
  at::Tensor take(at::IntArrayRef shape, at::ScalarType dtype);
  struct Mark {
    std::size_t block = 0;
    std::int64_t used = 0;
  };
  Mark mark() const { return mark_; }
  void release(Mark mark) { mark_ = mark; }

 private:
  at::Device device_;
  std::vector<at::Tensor> blocks_;  // bytes
  Mark mark_;
};

// What one training pass needs beside the batch.
struct TrainPass {
  std::uint64_t dropout_key = 0;  // of the step: every mask is a pure function of it
  double dropout = 0.0, attention_dropout = 0.0, head_dropout = 0.0;
  int frozen_layers = 0;       // > 0: embeddings and this many lower layers have no backward
  bool frozen_dropout = true;  // whether those have dropout
};

struct NetworkOptions {
  at::Device device = at::kCPU;
  bool bf16 = false;            // encoder products in bf16 with fp32 accumulation
  bool gradients = false;       // make room for gradients
  bool bf16_gradients = false;  // keep the products' gradients as bf16 (one backward per step)
  bool reference_ops = false;   // a GPU's operators also on a CPU
};

// An encoder of any family (Devlin et al. 2019, Liu et al. 2019) with its classification head,
// forward and backward over packed rows, written on flat weights and flat gradients. In the last
// layer only each row's first token is computed after its keys and values: nothing else is read.
class Network {
 public:
  Network(const EncoderConfig& config, int classes, const NetworkOptions& options);
  ~Network();

  at::Device device() const { return options_.device; }
  const Layout& layout() const { return layout_; }
  // Whether the CPU kernels compute; else ATen's operators do.
  bool has_kernels() const { return kernels_; }
  std::span<const Segment> segments() const { return segments_; }

  // The weights to use from now on: [layout.size] fp32 on the network's device. Call
  // refresh_products after each change of them.
  void set_weights(at::Tensor flat);
  // Rounds the weights of layers from `layer` upwards to the products' dtype.
  void refresh_products(int layer = 0);

  // Tokens for a pass without backward: enough for the products to run at full speed, few enough
  // for the activations to stay in a CPU's cache.
  std::int64_t tokens_at_once() const { return options_.device.is_cpu() ? 1024 : 16384; }
  // Logits [rows, classes] fp32, dropout off.
  at::Tensor forward(const PackedBatch& batch);
  // The same with dropout, keeping what backward needs. `frozen`, where defined, are the frozen
  // layers' outputs as frozen_output() gives them: those layers are not computed.
  at::Tensor forward(const PackedBatch& batch, const TrainPass& pass,
                     const at::Tensor& frozen = {});
  // The output of the embeddings and the lower `layers` >= 1 layers, dropout off: [tokens, H] fp32,
  // or [rows, H] of all layers. Overwritten by the next pass.
  at::Tensor frozen_output(const PackedBatch& batch, int layers);
  // Puts a batch, which must outlive it, where the network computes, as a training pass that does
  // or does not reach the embeddings reads it; `room` as upload_batch has it.
  DeviceBatch place(const PackedBatch& batch, bool embeddings_trained,
                    at::Tensor* room = nullptr) const;
  // A pass with dropout over a batch that is in its place: all that a GPU's graph records.
  at::Tensor forward(const DeviceBatch& batch, const TrainPass& pass);
  // The last batch's labels [rows] fp32 on the network's device; empty when it had none.
  const at::Tensor& labels() const;
  // Adds the gradients of the last training forward. `dlogits` [rows, classes] fp32.
  void backward(const at::Tensor& dlogits);

  // Whether the coming backward is its step's first, which writes the products' gradients where the
  // others add to them. Begun steps and backward keep count of it, a replayed graph does not.
  void expect_backward(bool first) { product_gradients_empty_ = first; }

  // Zeroes gradients before a step; `words` are the vocabulary rows that its batches touch
  // (ascending, distinct).
  void begin_step(std::vector<std::int32_t> words);
  const std::vector<std::int32_t>& words() const { return words_; }
  // Gradient of a segment: [its size] fp32, or bf16 for products with bf16_gradients; of the word
  // segment [words().size(), H], or the whole table without the CPU kernels.
  at::Tensor gradient(const Segment& segment) const;
  // All fp32 gradients beside the word table's from the first of `segment` on, end to end.
  at::Tensor gradients_from(const Segment& segment) const;
  // The rounded weights of a product segment, for the optimiser to write; undefined with fp32.
  at::Tensor rounded(const Segment& segment) const;
  // The gradient of one parameter in its own shape, fp32.
  at::Tensor gradient(std::string_view name) const;

  // 2 x multiply-adds since the last call of matrix products and attention, as executed.
  double take_flops();

 private:
  struct Tape;
  struct LayerTape;
  struct LayerWeights;
  struct Projection;

  bool is_last(int index) const { return index + 1 == config_.layers; }
  const Segment& segment_of(const Parameter& parameter) const;
  std::int64_t product_offset(const Segment& segment) const;
  at::Tensor view(const Parameter& parameter) const;
  at::Tensor gradient_view(const Parameter& parameter) const;
  at::Tensor gradient_view(const Parameter& first, at::IntArrayRef shape) const;

  at::Tensor take_rows(std::int64_t rows, std::int64_t columns, at::ScalarType type);
  at::Tensor take_product(std::int64_t rows, std::int64_t columns);
  void take_norm(NormStep& step, std::int64_t rows, std::int64_t columns, bool taped);
  void multiply(const at::Tensor& x, const at::Tensor& weight, bool transposed,
                const at::Tensor& out, const at::Tensor& bias = {});
  void add_weight_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& gradient);
  double attention_flops(const AttentionStep& step, int products) const;

  // The rows of word_gradients_ and of the position table that tokens teach; -1: none.
  std::vector<std::int32_t> word_rows(const PackedBatch& batch) const;
  std::vector<std::int32_t> position_rows(const PackedBatch& batch) const;
  void begin_pass(const PackedBatch& batch, const TrainPass* pass,
                  const DeviceBatch* placed = nullptr);
  bool drops(int index) const;
  NormStep run_embedding();
  NormStep project(const at::Tensor& embedded);
  NormStep take_up(const at::Tensor& hidden);
  NormStep run_layers(NormStep below, int begin, int end);
  void run_attention(int index, LayerTape& tape);
  void run_layer(int index, LayerTape& tape, bool taped);
  at::Tensor run_head(const at::Tensor& hidden);
  at::Tensor backward_head(const at::Tensor& dlogits);
  void backward_layer(int index, bool lowest, at::Tensor& dy, at::Tensor& dy_product);
  void backward_embeddings(const at::Tensor& dy, const at::Tensor& dy_product);
  at::Tensor backward_projection(const at::Tensor& dy, const at::Tensor& dy_product);

  EncoderConfig config_;
  NetworkOptions options_;
  at::ScalarType product_type_;
  Layout layout_;
  std::vector<Segment> segments_;
  bool kernels_;
  std::unique_ptr<Ops> ops_;
  Arena arena_;
  at::Tensor weights_;            // [layout.size]
  at::Tensor rounded_;            // [products] bf16
  at::Tensor gradients_;          // [layout.size - word table] fp32
  at::Tensor product_gradients_;  // [products] bf16; undefined: in gradients_
  at::Tensor word_room_;          // [most words so far, H]
  at::Tensor word_gradients_;     // [words, H], the first rows of word_room_
  std::vector<std::int32_t> words_;
  std::vector<LayerWeights> layers_;
  std::unique_ptr<Projection> projection_;  // null: the embeddings are as wide as the encoder
  RelativeBias relative_;
  std::unique_ptr<Tape> tape_;
  bool product_gradients_empty_ = true;
  double flops_ = 0.0;
};

}  // namespace runner::model
