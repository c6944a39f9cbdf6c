// Tiles of bf16 matrix products by AVX512_BF16, whose instruction multiplies pairs of neighbours in
// the depth: c += a[2p] b[2p] + a[2p + 1] b[2p + 1], in fp32. Highway 1.0 does not know it, hence
// the intrinsics. Compiled for AVX-512 alone; run only where has_pair_products() says so.
#if defined(RUNNER_KERNELS_PAIR_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_PAIR_TILES_INL
#undef RUNNER_KERNELS_PAIR_TILES_INL
#else
#define RUNNER_KERNELS_PAIR_TILES_INL
#endif

#include <hwy/highway.h>

#if HWY_TARGET == HWY_AVX3
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/cast.hpp"

// Of a function that uses the instructions, or inlines one that does.
#define RUNNER_PAIR_ATTR __attribute__((target("avx512f,avx512bw,avx512bf16")))

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

// A panel is 32 columns of the right operand: [pairs][32][2], for one vector of sums per 16
// columns. With 14 rows 28 sums, two vectors of the panel and one factor fill the 32 registers, and
// every vector of the panel that is loaded serves 14 products.
inline constexpr std::int64_t kPanelColumns = 32;
inline constexpr std::int64_t kPairTileRows = 14;

// The left operand row by row, pairs side by side: a matrix as it is stored.
struct StoredRows {
  const Bf16* data;
  std::int64_t stride;
};
// The left operand in blocks of kPairTileRows rows: [pairs][kPairTileRows][2].
struct BlockedRows {
  const Bf16* data;
};

HWY_INLINE __m512i load_pairs(const Bf16* from) { return _mm512_loadu_si512(from); }
HWY_INLINE void store_pairs(Bf16* to, __m512i pairs) { _mm512_storeu_si512(to, pairs); }

// What a tile's sums begin with: rows of floats `stride` apart (0: all rows alike), or zeros.
struct Start {
  const float* data = nullptr;
  std::int64_t stride = 0;

  Start from(std::int64_t row) const { return {data + (data ? row * stride : 0), stride}; }
};

// One tile, c [kRows, 32] = start + a [kRows, 2 * pairs] * panel, rounded where c is bf16.
template <int kRows, class Left, typename Out>
RUNNER_PAIR_ATTR __attribute__((noinline)) void pair_tile(std::int64_t pairs, Left a,
                                                          const Bf16* panel, Start start, Out* c,
                                                          std::int64_t c_stride) {
  constexpr bool kStored = std::is_same_v<Left, StoredRows>;
  __m512 sums[kRows][2];
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      sums[r][half] = start.data == nullptr
                          ? _mm512_setzero_ps()
                          : _mm512_loadu_ps(start.data + r * start.stride + 16 * half);
  }
  // A pointer for every three rows: the other two are reached by the addressing of a load.
  const Bf16* rows[(kRows + 2) / 3];
#pragma GCC unroll 5
  for (int group = 0; group < (kRows + 2) / 3; ++group) {
    if constexpr (kStored) rows[group] = a.data + 3 * group * a.stride;
  }
  for (std::int64_t p = 0; p < pairs; ++p) {
    const __m512i left_half = _mm512_loadu_si512(panel);
    const __m512i right_half = _mm512_loadu_si512(panel + 32);
    panel += 2 * kPanelColumns;
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      std::int32_t pair;
      if constexpr (kStored)
        std::memcpy(&pair, rows[r / 3] + (r % 3) * a.stride + 2 * p, sizeof pair);
      else
        std::memcpy(&pair, a.data + 2 * r, sizeof pair);
      const auto factor = (__m512bh)_mm512_set1_epi32(pair);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], factor, (__m512bh)left_half);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], factor, (__m512bh)right_half);
    }
    if constexpr (!kStored) a.data += 2 * kPairTileRows;
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    if constexpr (std::is_same_v<Out, Bf16>) {
      _mm512_storeu_si512(c + r * c_stride, (__m512i)_mm512_cvtne2ps_pbh(sums[r][1], sums[r][0]));
    } else {
      _mm512_storeu_ps(c + r * c_stride, sums[r][0]);
      _mm512_storeu_ps(c + r * c_stride + 16, sums[r][1]);
    }
  }
}

// The same for a number of rows, 1 to kMost, that is known at run time only.
template <class Left, typename Out, int kMost = kPairTileRows>
HWY_INLINE void pair_rows(std::int64_t rows, std::int64_t pairs, Left a, const Bf16* panel,
                          Start start, Out* c, std::int64_t c_stride) {
  if (rows == kMost)
    pair_tile<kMost>(pairs, a, panel, start, c, c_stride);
  else if constexpr (kMost > 1)
    pair_rows<Left, Out, kMost - 1>(rows, pairs, a, panel, start, c, c_stride);
}

constexpr std::int64_t pair_blocks(std::int64_t rows) {
  return (rows + kPairTileRows - 1) / kPairTileRows;
}

// c [rows, 32] over blocks of rows: stored rows are split evenly, so that no block is a sliver.
template <typename Out>
HWY_INLINE void multiply_panel(std::int64_t rows, std::int64_t pairs, StoredRows a,
                               const Bf16* panel, Start start, Out* c, std::int64_t c_stride) {
  const std::int64_t blocks = pair_blocks(rows);
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t begin = rows * block / blocks, end = rows * (block + 1) / blocks;
    pair_rows(end - begin, pairs, StoredRows{a.data + begin * a.stride, a.stride}, panel,
              start.from(begin), c + begin * c_stride, c_stride);
  }
}
template <typename Out>
HWY_INLINE void multiply_panel(std::int64_t rows, std::int64_t pairs, BlockedRows a,
                               const Bf16* panel, Start start, Out* c, std::int64_t c_stride) {
  for (std::int64_t begin = 0; begin < rows; begin += kPairTileRows) {
    pair_rows(std::min(kPairTileRows, rows - begin), pairs, BlockedRows{a.data + 2 * begin * pairs},
              panel, start.from(begin), c + begin * c_stride, c_stride);
  }
}

// Pairs of two rows, [x0 y0 x1 y1 ...] of their columns 0 to 15 and 16 to 31.
struct RowPairs {
  __m512i low, high;
};
HWY_INLINE RowPairs pair_up(__m512i x, __m512i y) {
  alignas(64) static constexpr std::uint16_t kLow[32] = {0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
                                                         37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
                                                         11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i low = _mm512_load_si512(kLow);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  return {_mm512_permutex2var_epi16(x, low, y), _mm512_permutex2var_epi16(x, high, y)};
}

// panel = 32 columns of a matrix [depth, ...]; a row missing from the last pair is zero.
HWY_INLINE void pack_panel(const Bf16* from, std::int64_t stride, std::int64_t depth, Bf16* panel) {
  for (std::int64_t d = 0; d < depth; d += 2, panel += 2 * kPanelColumns) {
    const __m512i next =
        d + 1 < depth ? load_pairs(from + (d + 1) * stride) : _mm512_setzero_si512();
    const RowPairs pairs = pair_up(load_pairs(from + d * stride), next);
    store_pairs(panel, pairs.low);
    store_pairs(panel + kPanelColumns, pairs.high);
  }
}

// Transposes 16 x 16 pairs: `rows` <= 16 of them from the matrix, the others are zero.
HWY_INLINE void transpose_pairs(const Bf16* from, std::int64_t stride, std::int64_t rows, Bf16* to,
                                std::int64_t to_stride) {
  __m512i r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i)
    r[i] = i < rows ? load_pairs(from + i * stride) : _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // Quarter q of r[4 g + i] holds column 4 q + i of rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i even = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    const __m512i odd = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    const __m512i even_below = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    const __m512i odd_below = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
    store_pairs(to + i * to_stride, _mm512_shuffle_i32x4(even, even_below, 0x88));
    store_pairs(to + (4 + i) * to_stride, _mm512_shuffle_i32x4(odd, odd_below, 0x88));
    store_pairs(to + (8 + i) * to_stride, _mm512_shuffle_i32x4(even, even_below, 0xdd));
    store_pairs(to + (12 + i) * to_stride, _mm512_shuffle_i32x4(odd, odd_below, 0xdd));
  }
}

// panel = the transpose of `columns` <= 32 rows of a matrix [..., depth]; missing columns are zero.
// depth is a multiple of 32.
HWY_INLINE void pack_transposed_panel(const Bf16* from, std::int64_t stride, std::int64_t depth,
                                      std::int64_t columns, Bf16* panel) {
  for (std::int64_t d = 0; d < depth; d += 32) {
    transpose_pairs(from + d, stride, columns, panel + d * kPanelColumns, 2 * kPanelColumns);
    transpose_pairs(from + 16 * stride + d, stride, columns - 16,
                    panel + d * kPanelColumns + kPanelColumns, 2 * kPanelColumns);
  }
}

// One block of the transpose of a matrix [depth, ...]: `rows` <= kPairTileRows of its columns.
HWY_INLINE void pack_transposed_block(const Bf16* from, std::int64_t stride, std::int64_t depth,
                                      std::int64_t rows, Bf16* block) {
  const __mmask32 wanted = (__mmask32{1} << rows) - 1;
  for (std::int64_t d = 0; d < depth; d += 2, block += 2 * kPairTileRows) {
    const __m512i next = d + 1 < depth ? _mm512_maskz_loadu_epi16(wanted, from + (d + 1) * stride)
                                       : _mm512_setzero_si512();
    const RowPairs pairs = pair_up(_mm512_maskz_loadu_epi16(wanted, from + d * stride), next);
    _mm512_mask_storeu_epi32(block, static_cast<__mmask16>((1U << kPairTileRows) - 1), pairs.low);
  }
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#endif
