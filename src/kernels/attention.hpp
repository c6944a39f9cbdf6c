#pragma once

#include <cstdint>

#include "kernels/dropout.hpp"

namespace runner::kernels {

// Attention over packed sequences of different lengths, without padding:
//
//   P = softmax(scale * Q K^T + B)      out = dropout(P) V      within each sequence and head
//
// Sequence s holds rows [offsets[s], offsets[s + 1]) of k and v, head h columns [h * head_dim,
// (h + 1) * head_dim) of each row. With one product for all three, [tokens, 3 * heads * head_dim],
// the pointers are qkv, qkv + heads * head_dim, qkv + 2 * heads * head_dim and every stride is
// 3 * heads * head_dim. Only tiles of one head's probabilities exist, in a thread's own scratch;
// backward computes them again from q, k, v (Dao et al. 2022), so forward leaves nothing behind.
// B, where there is one: what a head adds to the score of a query and a key `distance` places after
// it. Head h has it at values[h * stride + distance + longest - 1]; the last 16 columns of a row
// are only read, and there are no fewer than 2 * longest - 1 + 16 of them.
struct DistanceBias {
  const float* values = nullptr;  // [heads, stride]; null: no bias
  std::int64_t longest = 0;       // of the sequences
  std::int64_t stride = 0;

  static constexpr std::int64_t columns(std::int64_t longest) { return 2 * longest - 1 + 16; }
};

template <typename T>
struct Attention {
  std::int64_t sequences = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;              // 1 to 256
  const std::int32_t* offsets = nullptr;  // [sequences + 1], ascending
  float scale = 1.0F;                     // 1 / sqrt(head_dim)
  bool first_query_only = false;  // q and out have one row per sequence, for its first token (the
                                  // last layer of a classifier)
  DistanceBias bias{};
  Dropout dropout;       // of the probabilities; plane = sequence * heads + head
  const T* q = nullptr;  // [tokens or sequences, heads * head_dim], rows q_stride apart
  const T* k = nullptr;  // [tokens, heads * head_dim], rows kv_stride apart
  const T* v = nullptr;  // the same
  std::int64_t q_stride = 0;
  std::int64_t kv_stride = 0;
};

template <typename T>
struct AttentionGradient {
  const T* dout = nullptr;  // [tokens or sequences, heads * head_dim], rows out_stride apart
  std::int64_t out_stride = 0;
  T* dq = nullptr;  // as q, rows dq_stride apart
  T* dk = nullptr;  // as k, rows dkv_stride apart
  T* dv = nullptr;
  std::int64_t dq_stride = 0;
  std::int64_t dkv_stride = 0;
  // [sequences * heads, bias.stride]: for each item the gradient of its head's row of the bias, by
  // that sequence alone; null: unwanted.
  float* dbias = nullptr;
};

// Items sequence * heads + head in [begin, end) of sequences * heads. out has the rows of q,
// out_stride apart.
void attention_forward(const Attention<float>& attention, float* out, std::int64_t out_stride,
                       std::int64_t begin, std::int64_t end);
void attention_forward(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                       std::int64_t begin, std::int64_t end);

// Writes (does not add to) dq, dk and dv of the same items.
void attention_backward(const Attention<float>& attention, const AttentionGradient<float>& gradient,
                        std::int64_t begin, std::int64_t end);
void attention_backward(const Attention<Bf16>& attention, const AttentionGradient<Bf16>& gradient,
                        std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
