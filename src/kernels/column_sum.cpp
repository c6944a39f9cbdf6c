#include "kernels/column_sum.hpp"

#include <algorithm>

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/column_sum.cpp"
#include <hwy/foreach_target.h>

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

template <typename T>
HWY_INLINE void block_sums(const T* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                           float* partials, std::int64_t begin, std::int64_t end) {
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t last = std::min(rows, (block + 1) * kRowBlock);
    for_columns(0, width, [=](std::int64_t c, auto count) HWY_ATTR {
      Lanes total = zero();
      for (std::int64_t row = block * kRowBlock; row < last; ++row) {
        total = total + load(x + row * stride + c, count);
      }
      store(total, partials + block * width + c, count);
    });
  }
}

void block_sums_f32(const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                    float* partials, std::int64_t begin, std::int64_t end) {
  block_sums(x, rows, width, stride, partials, begin, end);
}

void block_sums_bf16(const Bf16* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                     float* partials, std::int64_t begin, std::int64_t end) {
  block_sums(x, rows, width, stride, partials, begin, end);
}

void add_partials(const float* partials, std::int64_t blocks, std::int64_t stride, float* sums,
                  bool accumulate, std::int64_t begin, std::int64_t end) {
  for_columns(begin, end, [=](std::int64_t c, auto count) HWY_ATTR {
    Lanes total = accumulate ? load(sums + c, count) : zero();
    for (std::int64_t block = 0; block < blocks; ++block) {
      total = total + load(partials + block * stride + c, count);
    }
    store(total, sums + c, count);
  });
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(block_sums_f32);
HWY_EXPORT(block_sums_bf16);
HWY_EXPORT(add_partials);

void column_sum_partials(const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                         float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(block_sums_f32)(x, rows, width, stride, partials, begin, end);
}

void column_sum_partials(const Bf16* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                         float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(block_sums_bf16)(x, rows, width, stride, partials, begin, end);
}

void sum_partials(const float* partials, std::int64_t blocks, std::int64_t stride, float* sums,
                  bool accumulate, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(add_partials)(partials, blocks, stride, sums, accumulate, begin, end);
}

}  // namespace runner::kernels
#endif
