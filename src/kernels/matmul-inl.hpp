// Small matrix products over one head's tiles, which fit the second-level cache.
#if defined(RUNNER_KERNELS_MATMUL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_MATMUL_INL
#undef RUNNER_KERNELS_MATMUL_INL
#else
#define RUNNER_KERNELS_MATMUL_INL
#endif

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

// a[i, p] = data[i * row + p * column]: row-major or transposed.
struct Left {
  const float* data;
  std::int64_t row;
  std::int64_t column;
};

// One tile of kRows x (16 kUnits) sums, held in registers: the order of each element's additions
// is that of p, whatever the shape of the tile.
template <std::size_t kRows, std::size_t kUnits>
HWY_INLINE void product_tile(Left a, std::int64_t depth, const float* b, std::int64_t b_stride,
                             float* c, std::int64_t c_stride, bool accumulate) {
  const auto row = [](auto* data, std::size_t i, std::int64_t stride)
                       HWY_ATTR { return data + static_cast<std::int64_t>(i) * stride; };
  Lanes sums[kRows][kUnits];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (std::size_t u = 0; u < kUnits; ++u) {
      sums[i][u] = accumulate ? load(row(c, i, c_stride) + u * kLanes) : zero();
    }
  }
  for (std::int64_t p = 0; p < depth; ++p) {
    Lanes right[kUnits];
#pragma GCC unroll 2
    for (std::size_t u = 0; u < kUnits; ++u) right[u] = load(b + p * b_stride + u * kLanes);
    const float* left = a.data + p * a.column;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kRows; ++i) {
      const Lanes factor = set(*row(left, i, a.row));
#pragma GCC unroll 2
      for (std::size_t u = 0; u < kUnits; ++u) sums[i][u] = mul_add(factor, right[u], sums[i][u]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (std::size_t u = 0; u < kUnits; ++u) store(sums[i][u], row(c, i, c_stride) + u * kLanes);
  }
}

inline constexpr std::size_t kTileRows = kVectors == 1 ? 8 : 4;
inline constexpr std::size_t kTileUnits = kVectors == 1 ? 2 : 1;

constexpr std::int64_t padded_rows(std::int64_t rows) { return (rows + 7) / 8 * 8; }

template <std::size_t kUnits>
HWY_INLINE void product_strip(std::int64_t rows, std::int64_t depth, Left a, const float* b,
                              std::int64_t b_stride, float* c, std::int64_t c_stride,
                              bool accumulate) {
  if (rows == 1) {
    product_tile<1, kUnits>(a, depth, b, b_stride, c, c_stride, accumulate);
    return;
  }
  for (std::int64_t i = 0; i < rows; i += static_cast<std::int64_t>(kTileRows)) {
    product_tile<kTileRows, kUnits>({a.data + i * a.row, a.row, a.column}, depth, b, b_stride,
                                    c + i * c_stride, c_stride, accumulate);
  }
}

// c [rows, 16 * units] (+)= a [rows, depth] * b [depth, 16 * units]. One row is computed alone;
// more are computed by eights: c has padded_rows(rows) rows, and a may be read as far.
// Not inlined: the tiles are large, and so would be their copies.
HWY_MAYBE_UNUSED HWY_NOINLINE static void product(std::int64_t rows, std::int64_t units,
                                                  std::int64_t depth, Left a, const float* b,
                                                  std::int64_t b_stride, float* c,
                                                  std::int64_t c_stride, bool accumulate) {
  constexpr auto kStep = static_cast<std::int64_t>(kTileUnits);
  std::int64_t u = 0;
  for (; u + kStep <= units; u += kStep) {
    product_strip<kTileUnits>(rows, depth, a, b + u * 16, b_stride, c + u * 16, c_stride,
                              accumulate);
  }
  for (; u < units; ++u) {
    product_strip<1>(rows, depth, a, b + u * 16, b_stride, c + u * 16, c_stride, accumulate);
  }
}

// target [width, rows] = source [rows, width]^T in blocks of 4 x 4; rows and width are multiples
// of 4, strides are those of the rows.
HWY_MAYBE_UNUSED HWY_NOINLINE static void transpose(const float* source, std::int64_t source_stride,
                                                    std::int64_t rows, std::int64_t width,
                                                    float* target, std::int64_t target_stride) {
  const hn::FixedTag<float, 4> four;
  const hn::FixedTag<double, 2> two;
  const auto low = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(four, hn::InterleaveLower(two, hn::BitCast(two, a), hn::BitCast(two, b)));
  };
  const auto high = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(four, hn::InterleaveUpper(two, hn::BitCast(two, a), hn::BitCast(two, b)));
  };
  for (std::int64_t r = 0; r < rows; r += 4) {
    for (std::int64_t c = 0; c < width; c += 4) {
      const float* from = source + r * source_stride + c;
      const auto r0 = hn::LoadU(four, from);
      const auto r1 = hn::LoadU(four, from + source_stride);
      const auto r2 = hn::LoadU(four, from + 2 * source_stride);
      const auto r3 = hn::LoadU(four, from + 3 * source_stride);
      const auto low01 = hn::InterleaveLower(four, r0, r1);
      const auto low23 = hn::InterleaveLower(four, r2, r3);
      const auto high01 = hn::InterleaveUpper(four, r0, r1);
      const auto high23 = hn::InterleaveUpper(four, r2, r3);
      float* to = target + c * target_stride + r;
      hn::StoreU(low(low01, low23), four, to);
      hn::StoreU(high(low01, low23), four, to + target_stride);
      hn::StoreU(low(high01, high23), four, to + 2 * target_stride);
      hn::StoreU(high(high01, high23), four, to + 3 * target_stride);
    }
  }
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
