// Attention of bf16 heads whose products AVX512_BF16 makes (pair_tiles-inl.hpp). Softmax, dropout
// and sums are fp32; probabilities and their gradients are rounded to bf16 before they are
// multiplied, as Dao et al. 2022 do on a GPU.
#include "kernels/pair_attention.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/pair_product.hpp"
#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pair_attention.cpp"
#include <hwy/foreach_target.h>

#include "kernels/distance_bias-inl.hpp"
#include "kernels/dropout-inl.hpp"
#include "kernels/pair_tiles-inl.hpp"

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// Queries at a time: whole blocks of a transposed left operand, and a multiple of 8, so that they
// begin at whole groups of the dropout counter.
inline constexpr std::int64_t kQueries = 4 * kPairTileRows;

// One (sequence, head) with its operands.
struct Head {
  std::int64_t keys, queries;
  std::int64_t dim;
  std::int64_t key_units;    // of 16 keys, as dropout counts
  std::int64_t key_panels;   // of 32 keys
  std::int64_t padded_keys;  // key_panels * 32: the stride of scores and probabilities
  std::int64_t key_pairs;
  const Bf16 *q, *k, *v;
  std::int64_t query_row, column;  // in q and out
  std::int64_t key_row;

  std::int64_t panels() const { return dim / kPanelColumns; }
  // Elements of all panels of a [keys, dim] operand, and of its transpose.
  std::int64_t stored_size() const { return 2 * key_pairs * dim; }
  std::int64_t transposed_size() const { return dim * padded_keys; }
};

Head head_of(const Attention<Bf16>& attention, std::int64_t item) {
  const std::int64_t sequence = item / attention.heads;
  Head head{};
  head.key_row = attention.offsets[sequence];
  head.keys = attention.offsets[sequence + 1] - head.key_row;
  head.queries = attention.first_query_only ? std::min<std::int64_t>(head.keys, 1) : head.keys;
  head.query_row = attention.first_query_only ? sequence : head.key_row;
  head.dim = attention.head_dim;
  head.column = item % attention.heads * head.dim;
  head.key_units = units(head.keys);
  head.key_panels = (head.keys + kPanelColumns - 1) / kPanelColumns;
  head.padded_keys = head.key_panels * kPanelColumns;
  head.key_pairs = (head.keys + 1) / 2;
  head.q = attention.q + head.query_row * attention.q_stride + head.column;
  head.k = attention.k + head.key_row * attention.kv_stride + head.column;
  head.v = attention.v + head.key_row * attention.kv_stride + head.column;
  return head;
}

// Scratch memory, handed out in order.
class Room {
 public:
  explicit Room(std::int64_t floats) : next_(scratch(floats)) {}
  float* floats(std::int64_t count) { return std::exchange(next_, next_ + count); }
  Bf16* pairs(std::int64_t count) { return reinterpret_cast<Bf16*>(floats((count + 1) / 2)); }

 private:
  float* next_;
};

// a rounded to bf16 in one instruction, subnormals to 0.
RUNNER_PAIR_ATTR HWY_INLINE void round_to(Bf16* to, Lanes a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(a.v[0].raw));
}

// All panels of a matrix [rows, dim]: [panels][row pairs][32][2].
void pack(const Bf16* from, std::int64_t stride, std::int64_t rows, std::int64_t dim, Bf16* to) {
  for (std::int64_t c = 0; c < dim; c += kPanelColumns, to += (rows + 1) / 2 * 2 * kPanelColumns)
    pack_panel(from + c, stride, rows, to);
}

// All panels of its transpose: [row panels][dim / 2][32][2].
void pack_transposed(const Bf16* from, std::int64_t stride, std::int64_t rows, std::int64_t dim,
                     Bf16* to) {
  for (std::int64_t r = 0; r < rows; r += kPanelColumns, to += dim * kPanelColumns)
    pack_transposed_panel(from + r * stride, stride, dim, std::min(kPanelColumns, rows - r), to);
}

// c [rows, 32 * panels] = start + a b over panels of b that lie end to end.
template <class Left, typename Out>
void multiply_panels(std::int64_t rows, std::int64_t pairs, Left a, const Bf16* b,
                     std::int64_t panels, Start start, Out* c, std::int64_t c_stride) {
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    multiply_panel(rows, pairs, a, b, start, c, c_stride);
    b += 2 * pairs * kPanelColumns;
    c += kPanelColumns;
    if (start.data != nullptr) start.data += kPanelColumns;
  }
}

// The scores are not scaled yet.
void add_bias(const Attention<Bf16>& attention, const Head& head, std::int64_t first,
              std::int64_t rows, float* scores) {
  const DistanceBias& bias = attention.bias;
  if (bias.values == nullptr) return;
  add_distance_bias(bias.values + head.column / head.dim * bias.stride, bias.longest,
                    1.0F / attention.scale, first, rows, head.key_units, scores, head.padded_keys);
}

// e = exp(scale * (score - largest of its row)) in place of the scores of `rows` <= kQueries rows,
// 0 past the last key; inverse[r] = 1 / sum of row r. In two loops, so that rows overlap.
HWY_NOINLINE void exponentials(float* scores, std::int64_t rows, const Head& head, float scale,
                               float* inverse) {
  const std::int64_t last = 16 * (head.key_units - 1);
  float shifts[kQueries];
  // By mask: a vector that is loaded after a part of it was stored waits for the memory.
  const auto wanted = hn::FirstN(FloatTag(), static_cast<std::size_t>(head.keys - last));
  const auto none = hn::Set(FloatTag(), -std::numeric_limits<float>::infinity());
  const auto end_of = [=](const float* row) HWY_ATTR {
    return Lanes{{hn::IfThenElse(wanted, load(row + last).v[0], none)}};
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = scores + r * head.padded_keys;
    Lanes largest = end_of(row);
    for (std::int64_t c = 0; c < last; c += 16) largest = max(largest, load(row + c));
    shifts[r] = max(largest) * scale;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    float* row = scores + r * head.padded_keys;
    const Lanes shift = set(shifts[r]);
    const Lanes end = coarse_exp(end_of(row) * set(scale) - shift);
    store(end, row + last);
    Lanes total = end;
    for (std::int64_t c = 0; c < last; c += 16) {
      const Lanes e = coarse_exp(load(row + c) * set(scale) - shift);
      store(e, row + c);
      total = total + e;
    }
    inverse[r] = 1.0F / sum(total);
  }
}

RUNNER_PAIR_ATTR void forward_head(const Attention<Bf16>& attention, std::int64_t item, Bf16* out,
                                   std::int64_t out_stride) {
  const Head head = head_of(attention, item);
  Room room(head.transposed_size() + head.stored_size() +
            kQueries * (3 * head.padded_keys + head.dim));
  Bf16* kt = room.pairs(head.transposed_size());
  Bf16* v = room.pairs(head.stored_size());
  float* scores = room.floats(kQueries * head.padded_keys);
  float* factors = room.floats(kQueries * head.padded_keys);
  Bf16* p = room.pairs(kQueries * head.padded_keys);
  float* sums = room.floats(kQueries * head.dim);
  float inverse[kQueries];
  pack_transposed(head.k, attention.kv_stride, head.keys, head.dim, kt);
  pack(head.v, attention.kv_stride, head.keys, head.dim, v);
  for (std::int64_t first = 0; first < head.queries; first += kQueries) {
    const std::int64_t rows = std::min(kQueries, head.queries - first);
    multiply_panels(rows, head.dim / 2,
                    StoredRows{head.q + first * attention.q_stride, attention.q_stride}, kt,
                    head.key_panels, {}, scores, head.padded_keys);
    add_bias(attention, head, first, rows, scores);
    const bool dropping = attention.dropout.threshold != 0;
    if (dropping) {
      unit_factors(attention.dropout, static_cast<std::uint32_t>(item), first * head.key_units,
                   rows * head.key_units, factors);
    }
    exponentials(scores, rows, head, attention.scale, inverse);
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* row = scores + r * head.padded_keys;
      const float* factor = factors + r * 16 * head.key_units;
      for (std::int64_t c = 0; c < 16 * head.key_units; c += 16) {
        const Lanes e = load(row + c);
        round_to(p + r * head.padded_keys + c, dropping ? e * load(factor + c) : e);
      }
    }
    multiply_panels(rows, head.key_pairs, StoredRows{p, head.padded_keys}, v, head.panels(), {},
                    sums, head.dim);
    Bf16* to = out + (head.query_row + first) * out_stride + head.column;
    for (std::int64_t r = 0; r < rows; ++r, to += out_stride) {
      for (std::int64_t c = 0; c < head.dim; c += 16)
        round_to(to + c, load(sums + r * head.dim + c) * set(inverse[r]));
    }
  }
}

// c [keys, dim] += a^T b for a [rows, keys] and the panels of b [rows, dim].
void add_transposed_product(const Bf16* a, std::int64_t rows, const Head& head, const Bf16* b,
                            Bf16* blocks, float* c) {
  const std::int64_t pairs = (rows + 1) / 2;
  for (std::int64_t key = 0; key < head.keys; key += kPairTileRows)
    pack_transposed_block(a + key, head.padded_keys, rows, std::min(kPairTileRows, head.keys - key),
                          blocks + 2 * key * pairs);
  multiply_panels(head.keys, pairs, BlockedRows{blocks}, b, head.panels(), {c, head.dim}, c,
                  head.dim);
}

RUNNER_PAIR_ATTR void backward_head(const Attention<Bf16>& attention,
                                    const AttentionGradient<Bf16>& gradient, std::int64_t item) {
  const Head head = head_of(attention, item);
  const std::int64_t block_size = (head.keys + kPairTileRows) * kQueries;
  Room room(head.transposed_size() * 2 + head.stored_size() +
            kQueries * (4 * head.padded_keys + 2 * head.dim) + block_size +
            2 * head.keys * head.dim);
  Bf16* kt = room.pairs(head.transposed_size());
  Bf16* vt = room.pairs(head.transposed_size());
  Bf16* k = room.pairs(head.stored_size());
  Bf16* q = room.pairs(kQueries * head.dim);
  Bf16* dout = room.pairs(kQueries * head.dim);
  float* p = room.floats(kQueries * head.padded_keys);
  float* ds = room.floats(kQueries * head.padded_keys);
  float* factors = room.floats(kQueries * head.padded_keys);
  Bf16* dropped = room.pairs(kQueries * head.padded_keys);
  Bf16* slopes = room.pairs(kQueries * head.padded_keys);
  Bf16* blocks = room.pairs(block_size);
  float* dk = room.floats(head.keys * head.dim);
  float* dv = room.floats(head.keys * head.dim);
  float inverse[kQueries];
  float* dbias = nullptr;
  if (gradient.dbias != nullptr) {
    dbias = gradient.dbias + item * attention.bias.stride;
    std::fill_n(dbias, attention.bias.stride, 0.0F);
  }
  std::fill_n(dk, 2 * head.keys * head.dim, 0.0F);
  pack_transposed(head.k, attention.kv_stride, head.keys, head.dim, kt);
  pack_transposed(head.v, attention.kv_stride, head.keys, head.dim, vt);
  pack(head.k, attention.kv_stride, head.keys, head.dim, k);
  for (std::int64_t first = 0; first < head.queries; first += kQueries) {
    const std::int64_t rows = std::min(kQueries, head.queries - first);
    const StoredRows q_rows{head.q + first * attention.q_stride, attention.q_stride};
    const StoredRows dout_rows{
        gradient.dout + (head.query_row + first) * gradient.out_stride + head.column,
        gradient.out_stride};
    multiply_panels(rows, head.dim / 2, q_rows, kt, head.key_panels, {}, p, head.padded_keys);
    add_bias(attention, head, first, rows, p);
    multiply_panels(rows, head.dim / 2, dout_rows, vt, head.key_panels, {}, ds, head.padded_keys);
    unit_factors(attention.dropout, static_cast<std::uint32_t>(item), first * head.key_units,
                 rows * head.key_units, factors);
    // dP = factor * (dout V^T), dS = P * (dP - sum(P * dP)), times the scale of the scores.
    exponentials(p, rows, head, attention.scale, inverse);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t row = r * head.padded_keys;
      const float* factor = factors + r * 16 * head.key_units;
      Lanes total = zero();
      for (std::int64_t c = 0; c < 16 * head.key_units; c += 16) {
        const Lanes kept = load(p + row + c) * set(inverse[r]) * load(factor + c);
        total = mul_add(kept, load(ds + row + c), total);
        round_to(dropped + row + c, kept);
      }
      const Lanes mean = set(sum(total));
      for (std::int64_t c = 0; c < 16 * head.key_units; c += 16) {
        const Lanes scaled = load(p + row + c) * set(inverse[r] * attention.scale);
        const Lanes slope = scaled * (load(ds + row + c) * load(factor + c) - mean);
        round_to(slopes + row + c, slope);
        if (dbias != nullptr)
          add_distance_gradient(slope * set(1.0F / attention.scale), attention.bias.longest,
                                first + r, c, dbias);
      }
    }
    multiply_panels(rows, head.key_pairs, StoredRows{slopes, head.padded_keys}, k, head.panels(),
                    {}, gradient.dq + (head.query_row + first) * gradient.dq_stride + head.column,
                    gradient.dq_stride);
    pack(q_rows.data, q_rows.stride, rows, head.dim, q);
    pack(dout_rows.data, dout_rows.stride, rows, head.dim, dout);
    add_transposed_product(slopes, rows, head, q, blocks, dk);
    add_transposed_product(dropped, rows, head, dout, blocks, dv);
  }
  for (std::int64_t row = 0; row < head.keys; ++row) {
    const std::int64_t to = (head.key_row + row) * gradient.dkv_stride + head.column;
    for (std::int64_t c = 0; c < head.dim; c += 16) {
      round_to(gradient.dk + to + c, load(dk + row * head.dim + c));
      round_to(gradient.dv + to + c, load(dv + row * head.dim + c));
    }
  }
}

}  // namespace

void pair_attend(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                 std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) forward_head(attention, i, out, out_stride);
}

void pair_attend_backward(const Attention<Bf16>& attention, const AttentionGradient<Bf16>& gradient,
                          std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) backward_head(attention, gradient, i);
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#if HWY_ONCE
namespace runner::kernels {

bool is_pair_attention(const Attention<Bf16>& attention) {
  return has_pair_products() && attention.head_dim % 32 == 0;
}

#if defined(__x86_64__)

void pair_attention_forward(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                            std::int64_t begin, std::int64_t end) {
  N_AVX3::pair_attend(attention, out, out_stride, begin, end);
}

void pair_attention_backward(const Attention<Bf16>& attention,
                             const AttentionGradient<Bf16>& gradient, std::int64_t begin,
                             std::int64_t end) {
  N_AVX3::pair_attend_backward(attention, gradient, begin, end);
}

#else

void pair_attention_forward(const Attention<Bf16>&, Bf16*, std::int64_t, std::int64_t,
                            std::int64_t) {}
void pair_attention_backward(const Attention<Bf16>&, const AttentionGradient<Bf16>&, std::int64_t,
                             std::int64_t) {}

#endif

}  // namespace runner::kernels
#endif
