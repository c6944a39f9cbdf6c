// Tiles of bf16 matrix products by AMX, which multiplies 16 x 32 by 32 x 16 in one instruction and
// adds up pairs of neighbours in the depth in fp32, in order, as AVX512_BF16 does
// (pair_tiles-inl.hpp): the panels of the right operand are the same. Compiled for AVX-512 alone;
// run only where has_matrix_tiles() says so.
#if defined(RUNNER_KERNELS_MATRIX_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_MATRIX_TILES_INL
#undef RUNNER_KERNELS_MATRIX_TILES_INL
#else
#define RUNNER_KERNELS_MATRIX_TILES_INL
#endif

#include "kernels/pair_tiles-inl.hpp"

#if HWY_TARGET == HWY_AVX3

#define RUNNER_MATRIX_ATTR __attribute__((target("avx512f,avx512bw,avx512bf16,amx-tile,amx-bf16")))

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

// A block is 32 rows by a panel's 32 columns: four tiles of sums, two of either operand.
inline constexpr std::int64_t kMatrixRows = 32;
inline constexpr std::int64_t kMatrixDepth = 32;  // that one instruction adds up
inline constexpr std::int64_t kTileRows = 16;

constexpr std::int64_t matrix_blocks(std::int64_t rows) {
  return (rows + kMatrixRows - 1) / kMatrixRows;
}
constexpr std::int64_t matrix_depths(std::int64_t depth) {
  return (depth + kMatrixDepth - 1) / kMatrixDepth;
}

// The tiles of the calling thread, all 16 rows of 64 bytes, for its life. Whoever else uses them
// configures them anew.
class MatrixTiles {
 public:
  RUNNER_MATRIX_ATTR MatrixTiles() {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    _tile_loadconfig(&config);
  }
  RUNNER_MATRIX_ATTR ~MatrixTiles() { _tile_release(); }
  MatrixTiles(const MatrixTiles&) = delete;
  MatrixTiles& operator=(const MatrixTiles&) = delete;
};

// The left operand of a block: rows `stride` apart, the lower half of them and the next depth so
// much further.
struct MatrixRows {
  const Bf16* data;
  std::int64_t stride, half, step;
};
inline MatrixRows stored_block(const Bf16* data, std::int64_t stride) {
  return {data, stride, kTileRows * stride, kMatrixDepth};
}
// As pack_matrix_block leaves it.
inline MatrixRows packed_block(const Bf16* data) {
  return {data, kMatrixDepth, kTileRows * kMatrixDepth, kMatrixRows * kMatrixDepth};
}

// sums [32, 32] = (begin ? 0 : sums) + a [32, 32 * depths] * panel; with one half its rows from 16
// on are not computed.
template <int kHalves>
RUNNER_MATRIX_ATTR __attribute__((noinline)) void matrix_block(bool begin, std::int64_t depths,
                                                               MatrixRows a, const Bf16* panel,
                                                               float* sums) {
  constexpr std::int64_t kPanelBytes = 2 * kPanelColumns * sizeof(Bf16);
  constexpr std::int64_t kSumBytes = kPanelColumns * sizeof(float);
  const std::int64_t a_bytes = a.stride * std::int64_t{sizeof(Bf16)};
  float* const lower = sums + kTileRows * kPanelColumns;
  __asm__ volatile("" ::: "memory");  // GCC's tile loads do not say that they read memory
  if (begin) {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (kHalves == 2) {
      _tile_zero(2);
      _tile_zero(3);
    }
  } else {
    _tile_loadd(0, sums, kSumBytes);
    _tile_loadd(1, sums + kTileRows, kSumBytes);
    if constexpr (kHalves == 2) {
      _tile_loadd(2, lower, kSumBytes);
      _tile_loadd(3, lower + kTileRows, kSumBytes);
    }
  }
  for (std::int64_t d = 0; d < depths; ++d) {
    _tile_loadd(4, a.data, a_bytes);
    _tile_loadd(6, panel, kPanelBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + kPanelColumns, kPanelBytes);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (kHalves == 2) {
      _tile_loadd(5, a.data + a.half, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    a.data += a.step;
    panel += kMatrixDepth * kPanelColumns;
  }
  _tile_stored(0, sums, kSumBytes);
  _tile_stored(1, sums + kTileRows, kSumBytes);
  if constexpr (kHalves == 2) {
    _tile_stored(2, lower, kSumBytes);
    _tile_stored(3, lower + kTileRows, kSumBytes);
  }
  __asm__ volatile("" ::: "memory");
}

// The sums [32, 32] of a block with each of `count` panels, side by side. Some depths of the block
// at a time with every panel: all but the first find them in the L1 cache, and what the tiles read,
// 64 bytes a cycle, is more than the L2 cache gives.
RUNNER_MATRIX_ATTR HWY_INLINE void multiply_block(std::int64_t rows, std::int64_t depths,
                                                  MatrixRows a, const Bf16* panels,
                                                  std::int64_t count, float* sums) {
  const std::int64_t most = count == 1 ? depths : 8;
  for (std::int64_t begin = 0; begin < depths; begin += most) {
    const std::int64_t some = std::min(most, depths - begin);
    const MatrixRows part = {a.data + begin * a.step, a.stride, a.half, a.step};
    for (std::int64_t i = 0; i < count; ++i) {
      const Bf16* panel = panels + (i * depths + begin) * kMatrixDepth * kPanelColumns;
      float* to = sums + i * kMatrixRows * kPanelColumns;
      if (rows > kTileRows)
        matrix_block<2>(begin == 0, some, part, panel, to);
      else
        matrix_block<1>(begin == 0, some, part, panel, to);
    }
  }
}

// c [rows, 32] = bias + sums, rounded, for `rows` <= 32.
HWY_INLINE RUNNER_PAIR_ATTR void round_block(std::int64_t rows, const float* bias,
                                             const float* sums, Bf16* c, std::int64_t c_stride) {
  const __m512 low = bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(bias);
  const __m512 high = bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(bias + kTileRows);
  for (std::int64_t r = 0; r < rows; ++r, sums += kPanelColumns, c += c_stride)
    _mm512_storeu_si512(
        c, (__m512i)_mm512_cvtne2ps_pbh(_mm512_add_ps(_mm512_loadu_ps(sums + kTileRows), high),
                                        _mm512_add_ps(_mm512_loadu_ps(sums), low)));
}

// One block of the transpose of a matrix [depth, ...], `rows` <= 32 of its columns:
// [depths][32][32], what is missing is zero.
HWY_INLINE void pack_matrix_block(const Bf16* from, std::int64_t stride, std::int64_t depth,
                                  std::int64_t rows, Bf16* block) {
  alignas(64) Bf16 low[kTileRows * kMatrixDepth];
  alignas(64) Bf16 high[kTileRows * kMatrixDepth];
  const __mmask32 wanted = rows < 32 ? (__mmask32{1} << rows) - 1 : ~__mmask32{0};
  const auto row = [=](std::int64_t d) HWY_ATTR {
    return d < depth ? _mm512_maskz_loadu_epi16(wanted, from + d * stride) : _mm512_setzero_si512();
  };
  for (std::int64_t d = 0; d < depth; d += kMatrixDepth, block += kMatrixRows * kMatrixDepth) {
    for (std::int64_t pair = 0; pair < kTileRows; ++pair) {
      const RowPairs pairs = pair_up(row(d + 2 * pair), row(d + 2 * pair + 1));
      store_pairs(low + pair * kMatrixDepth, pairs.low);
      store_pairs(high + pair * kMatrixDepth, pairs.high);
    }
    transpose_pairs(low, kMatrixDepth, kTileRows, block, kMatrixDepth);
    transpose_pairs(high, kMatrixDepth, kTileRows, block + kTileRows * kMatrixDepth, kMatrixDepth);
  }
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#endif
