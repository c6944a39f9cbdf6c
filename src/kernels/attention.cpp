#include "kernels/attention.hpp"

#include <algorithm>
#include <limits>

#include "kernels/pair_attention.hpp"
#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cpp"
#include <hwy/foreach_target.h>

#include "kernels/distance_bias-inl.hpp"
#include "kernels/dropout-inl.hpp"
#include "kernels/matmul-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// Queries per tile: a multiple of 8, so that tiles begin at whole groups of the dropout counter.
inline constexpr std::int64_t kTile = 64;

// One (sequence, head): its extent, and how its matrices are padded in scratch memory.
struct Head {
  std::int64_t keys;
  std::int64_t queries;    // keys, or 1
  std::int64_t key_row;    // first row in k and v
  std::int64_t query_row;  // first row in q and out
  std::int64_t column;     // first column
  std::int64_t dim;
  std::int64_t dim_units;
  std::int64_t key_units;
  std::int64_t padded_dim;
  std::int64_t padded_keys;
  std::int64_t tile;  // padded queries of one tile
};

template <typename T>
HWY_INLINE Head head_of(const Attention<T>& attention, std::int64_t item) {
  const std::int64_t sequence = item / attention.heads;
  const std::int64_t first_key = attention.offsets[sequence];
  Head head{};
  head.keys = attention.offsets[sequence + 1] - first_key;
  head.queries = attention.first_query_only ? std::min<std::int64_t>(head.keys, 1) : head.keys;
  head.key_row = first_key;
  head.query_row = attention.first_query_only ? sequence : first_key;
  head.dim = attention.head_dim;
  head.column = item % attention.heads * head.dim;
  head.dim_units = units(head.dim);
  head.key_units = units(head.keys);
  head.padded_dim = head.dim_units * 16;
  head.padded_keys = head.key_units * 16;
  head.tile = padded_rows(std::min(kTile, head.queries));
  return head;
}

// to [padded, padded_dim] = factor * rows [first, first + rows) of a packed matrix, 0 elsewhere.
template <typename T>
HWY_NOINLINE void unpack(const T* from, std::int64_t stride, const Head& head, std::int64_t rows,
                         std::int64_t padded, float factor, float* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for_columns(0, head.dim, [=](std::int64_t c, auto count) HWY_ATTR {
      store(load(from + r * stride + c, count) * set(factor), to + r * head.padded_dim + c);
    });
  }
  std::fill_n(to + rows * head.padded_dim, (padded - rows) * head.padded_dim, 0.0F);
}

// The reverse: rows of `from` times factors[r] (null: times factor) into a packed matrix.
template <typename T>
HWY_NOINLINE void pack(const float* from, const Head& head, std::int64_t rows, const float* factors,
                       float factor, T* to, std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const Lanes scale = set(factors == nullptr ? factor : factors[r]);
    for_columns(0, head.dim, [=](std::int64_t c, auto count) HWY_ATTR {
      store(load(from + r * head.padded_dim + c) * scale, to + r * stride + c, count);
    });
  }
}

template <typename T>
HWY_INLINE void add_bias(const Attention<T>& attention, const Head& head, std::int64_t first_query,
                         std::int64_t rows, float* scores) {
  const DistanceBias& bias = attention.bias;
  if (bias.values == nullptr) return;
  add_distance_bias(bias.values + head.column / head.dim * bias.stride, bias.longest, 1.0F,
                    first_query, rows, head.key_units, scores, head.padded_keys);
}

// p = exp(p - max) for one row of scores, 0 past the last key; returns 1 / sum.
HWY_NOINLINE float exponentials(float* p, const Head& head) {
  std::fill_n(p + head.keys, head.padded_keys - head.keys, -std::numeric_limits<float>::infinity());
  Lanes largest = load(p);
  for (std::int64_t c = 16; c < head.padded_keys; c += 16) largest = max(largest, load(p + c));
  const Lanes shift = set(max(largest));
  Lanes total = zero();
  for (std::int64_t c = 0; c < head.padded_keys; c += 16) {
    const Lanes e = exp(load(p + c) - shift);
    store(e, p + c);
    total = total + e;
  }
  return 1.0F / sum(total);
}

template <typename T>
HWY_NOINLINE void forward_head(const Attention<T>& attention, std::int64_t item, T* out,
                               std::int64_t out_stride) {
  const Head head = head_of(attention, item);
  const std::int64_t key_floats = head.padded_keys * head.padded_dim;
  float* k = scratch(3 * key_floats + 2 * head.tile * (head.padded_dim + head.padded_keys) + kTile);
  float* kt = k + key_floats;
  float* v = kt + key_floats;
  float* q = v + key_floats;
  float* sums = q + head.tile * head.padded_dim;
  float* p = sums + head.tile * head.padded_dim;
  float* factors = p + head.tile * head.padded_keys;
  float* inverse = factors + head.tile * head.padded_keys;
  const std::int64_t kv = head.key_row * attention.kv_stride + head.column;
  unpack(attention.k + kv, attention.kv_stride, head, head.keys, head.padded_keys, 1.0F, k);
  unpack(attention.v + kv, attention.kv_stride, head, head.keys, head.padded_keys, 1.0F, v);
  transpose(k, head.padded_dim, head.padded_keys, head.padded_dim, kt, head.padded_keys);
  for (std::int64_t first_query = 0; first_query < head.queries; first_query += kTile) {
    const std::int64_t rows = std::min(kTile, head.queries - first_query);
    const T* query =
        attention.q + (head.query_row + first_query) * attention.q_stride + head.column;
    unpack(query, attention.q_stride, head, rows, padded_rows(rows), attention.scale, q);
    product(rows, head.key_units, head.dim, {q, head.padded_dim, 1}, kt, head.padded_keys, p,
            head.padded_keys, false);
    add_bias(attention, head, first_query, rows, p);
    if (attention.dropout.threshold != 0) {
      unit_factors(attention.dropout, static_cast<std::uint32_t>(item),
                   first_query * head.key_units, rows * head.key_units, factors);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = p + r * head.padded_keys;
      inverse[r] = exponentials(row, head);
      if (attention.dropout.threshold == 0) continue;
      const float* factor = factors + r * head.padded_keys;
      for (std::int64_t c = 0; c < head.padded_keys; c += 16) {
        store(load(row + c) * load(factor + c), row + c);
      }
    }
    product(rows, head.dim_units, head.keys, {p, head.padded_keys, 1}, v, head.padded_dim, sums,
            head.padded_dim, false);
    pack(sums, head, rows, inverse, 1.0F,
         out + (head.query_row + first_query) * out_stride + head.column, out_stride);
  }
}

template <typename T>
HWY_NOINLINE void backward_head(const Attention<T>& attention, const AttentionGradient<T>& gradient,
                                std::int64_t item) {
  const Head head = head_of(attention, item);
  const std::int64_t key_floats = head.padded_keys * head.padded_dim;
  const std::int64_t query_floats = head.tile * head.padded_dim;
  const std::int64_t score_floats = head.tile * head.padded_keys;
  float* k = scratch(6 * key_floats + 3 * query_floats + 3 * score_floats);
  float* kt = k + key_floats;
  float* v = kt + key_floats;
  float* vt = v + key_floats;
  float* dk = vt + key_floats;
  float* dv = dk + key_floats;
  float* q = dv + key_floats;
  float* dout = q + query_floats;
  float* dq = dout + query_floats;
  float* p = dq + query_floats;
  float* ds = p + score_floats;
  float* factors = ds + score_floats;
  float* dbias = nullptr;
  if (gradient.dbias != nullptr) {
    dbias = gradient.dbias + item * attention.bias.stride;
    std::fill_n(dbias, attention.bias.stride, 0.0F);
  }
  const std::int64_t kv = head.key_row * attention.kv_stride + head.column;
  unpack(attention.k + kv, attention.kv_stride, head, head.keys, head.padded_keys, 1.0F, k);
  unpack(attention.v + kv, attention.kv_stride, head, head.keys, head.padded_keys, 1.0F, v);
  transpose(k, head.padded_dim, head.padded_keys, head.padded_dim, kt, head.padded_keys);
  transpose(v, head.padded_dim, head.padded_keys, head.padded_dim, vt, head.padded_keys);
  for (std::int64_t first_query = 0; first_query < head.queries; first_query += kTile) {
    const std::int64_t rows = std::min(kTile, head.queries - first_query);
    const std::int64_t query_row = head.query_row + first_query;
    const bool accumulate = first_query > 0;
    unpack(attention.q + query_row * attention.q_stride + head.column, attention.q_stride, head,
           rows, padded_rows(rows), attention.scale, q);
    unpack(gradient.dout + query_row * gradient.out_stride + head.column, gradient.out_stride, head,
           rows, padded_rows(rows), 1.0F, dout);
    product(rows, head.key_units, head.dim, {q, head.padded_dim, 1}, kt, head.padded_keys, p,
            head.padded_keys, false);
    add_bias(attention, head, first_query, rows, p);
    product(rows, head.key_units, head.dim, {dout, head.padded_dim, 1}, vt, head.padded_keys, ds,
            head.padded_keys, false);
    unit_factors(attention.dropout, static_cast<std::uint32_t>(item), first_query * head.key_units,
                 rows * head.key_units, factors);
    // dP = factor * (dout V^T), dS = P * (dP - sum(P * dP)); p becomes the dropped probabilities.
    for (std::int64_t r = 0; r < rows; ++r) {
      float* p_row = p + r * head.padded_keys;
      float* ds_row = ds + r * head.padded_keys;
      const float* factor = factors + r * head.padded_keys;
      const Lanes inverse = set(exponentials(p_row, head));
      Lanes total = zero();
      for (std::int64_t c = 0; c < head.padded_keys; c += 16) {
        const Lanes probability = load(p_row + c) * inverse;
        const Lanes dropped = probability * load(factor + c);
        total = mul_add(dropped, load(ds_row + c), total);
        store(probability, p_row + c);
      }
      const Lanes mean = set(sum(total));
      for (std::int64_t c = 0; c < head.padded_keys; c += 16) {
        const Lanes probability = load(p_row + c);
        const Lanes keep = load(factor + c);
        store(probability * (load(ds_row + c) * keep - mean), ds_row + c);
        store(probability * keep, p_row + c);
      }
      if (dbias == nullptr) continue;
      for (std::int64_t c = 0; c < head.padded_keys; c += 16) {
        add_distance_gradient(load(ds_row + c), attention.bias.longest, first_query + r, c, dbias);
      }
    }
    product(head.keys, head.dim_units, rows, {p, 1, head.padded_keys}, dout, head.padded_dim, dv,
            head.padded_dim, accumulate);
    product(head.keys, head.dim_units, rows, {ds, 1, head.padded_keys}, q, head.padded_dim, dk,
            head.padded_dim, accumulate);
    product(rows, head.dim_units, head.keys, {ds, head.padded_keys, 1}, k, head.padded_dim, dq,
            head.padded_dim, false);
    pack(dq, head, rows, nullptr, attention.scale,
         gradient.dq + query_row * gradient.dq_stride + head.column, gradient.dq_stride);
  }
  const std::int64_t dkv = head.key_row * gradient.dkv_stride + head.column;
  pack(dk, head, head.keys, nullptr, 1.0F, gradient.dk + dkv, gradient.dkv_stride);
  pack(dv, head, head.keys, nullptr, 1.0F, gradient.dv + dkv, gradient.dkv_stride);
}

void attend_f32(const Attention<float>& attention, float* out, std::int64_t out_stride,
                std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) forward_head(attention, i, out, out_stride);
}

void attend_bf16(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                 std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) forward_head(attention, i, out, out_stride);
}

void attend_backward_f32(const Attention<float>& attention,
                         const AttentionGradient<float>& gradient, std::int64_t begin,
                         std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) backward_head(attention, gradient, i);
}

void attend_backward_bf16(const Attention<Bf16>& attention, const AttentionGradient<Bf16>& gradient,
                          std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) backward_head(attention, gradient, i);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(attend_f32);
HWY_EXPORT(attend_bf16);
HWY_EXPORT(attend_backward_f32);
HWY_EXPORT(attend_backward_bf16);

void attention_forward(const Attention<float>& attention, float* out, std::int64_t out_stride,
                       std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(attend_f32)(attention, out, out_stride, begin, end);
}

void attention_forward(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                       std::int64_t begin, std::int64_t end) {
  if (is_pair_attention(attention))
    pair_attention_forward(attention, out, out_stride, begin, end);
  else
    HWY_DYNAMIC_DISPATCH(attend_bf16)(attention, out, out_stride, begin, end);
}

void attention_backward(const Attention<float>& attention, const AttentionGradient<float>& gradient,
                        std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(attend_backward_f32)(attention, gradient, begin, end);
}

void attention_backward(const Attention<Bf16>& attention, const AttentionGradient<Bf16>& gradient,
                        std::int64_t begin, std::int64_t end) {
  if (is_pair_attention(attention))
    pair_attention_backward(attention, gradient, begin, end);
  else
    HWY_DYNAMIC_DISPATCH(attend_backward_bf16)(attention, gradient, begin, end);
}

}  // namespace runner::kernels
#endif
