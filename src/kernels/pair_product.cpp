#include "kernels/pair_product.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <stdexcept>

#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pair_product.cpp"
#include <hwy/foreach_target.h>

#include "kernels/pair_tiles-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
// To ask which target runs: hwy::SupportedTargets asks the processor, which traps under a
// hypervisor.
HWY_MAYBE_UNUSED bool has_tiles() { return HWY_TARGET == HWY_AVX3; }
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

void pack_left_blocks(const PairProduct& product, Bf16* room, std::int64_t begin,
                      std::int64_t end) {
  const std::int64_t pairs = (product.depth + 1) / 2;
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t row = block * kPairTileRows;
    pack_transposed_block(product.a + row, product.a_stride, product.depth,
                          std::min(kPairTileRows, product.rows - row), room + 2 * row * pairs);
  }
}

void multiply_items(const PairProduct& product, const Bf16* packed_left, std::int64_t row_parts,
                    std::int64_t begin, std::int64_t end) {
  const std::int64_t pairs = (product.depth + 1) / 2, blocks = pair_blocks(product.rows);
  auto* panel = reinterpret_cast<Bf16*>(scratch(pairs * kPanelColumns));  // two bf16 to a float
  std::int64_t packed = -1;
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t column = item / row_parts * kPanelColumns, part = item % row_parts;
    if (packed != column) {
      if (product.b_transposed)
        pack_transposed_panel(product.b + column * product.b_stride, product.b_stride,
                              product.depth, kPanelColumns, panel);
      else
        pack_panel(product.b + column, product.b_stride, product.depth, panel);
      packed = column;
    }
    const std::int64_t first = blocks * part / row_parts * kPairTileRows;
    const std::int64_t last =
        std::min(product.rows, blocks * (part + 1) / row_parts * kPairTileRows);
    const Start bias{product.bias == nullptr ? nullptr : product.bias + column, 0};
    Bf16* c = product.c + first * product.c_stride + column;
    if (product.a_transposed)
      multiply_panel(last - first, pairs, BlockedRows{packed_left + 2 * first * pairs}, panel, bias,
                     c, product.c_stride);
    else
      multiply_panel(last - first, pairs,
                     StoredRows{product.a + first * product.a_stride, product.a_stride}, panel,
                     bias, c, product.c_stride);
  }
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#if HWY_ONCE
namespace runner::kernels {

#if defined(__x86_64__)

HWY_EXPORT(has_tiles);

bool has_pair_products() {
  static const bool has = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    constexpr unsigned kAmxBf16 = 1U << 22;
    return __builtin_cpu_supports("avx512bf16") &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16) == 0;
  }();
  return has && HWY_DYNAMIC_DISPATCH(has_tiles)();
}

void pack_left(const PairProduct& product, Bf16* room, std::int64_t begin, std::int64_t end) {
  N_AVX3::pack_left_blocks(product, room, begin, end);
}

void multiply(const PairProduct& product, const Bf16* packed_left, std::int64_t row_parts,
              std::int64_t begin, std::int64_t end) {
  N_AVX3::multiply_items(product, packed_left, row_parts, begin, end);
}

std::int64_t packed_left_blocks(const PairProduct& product) {
  return product.a_transposed ? N_AVX3::pair_blocks(product.rows) : 0;
}

std::int64_t packed_left_size(const PairProduct& product) {
  return packed_left_blocks(product) * N_AVX3::kPairTileRows * 2 * ((product.depth + 1) / 2);
}

std::int64_t product_items(const PairProduct& product, std::int64_t row_parts) {
  return product.columns / N_AVX3::kPanelColumns * row_parts;
}

bool is_pair_product(const PairProduct& product) {
  return product.rows > 0 && product.columns % N_AVX3::kPanelColumns == 0 &&
         (!product.b_transposed || product.depth % 32 == 0) &&
         (product.a_transposed || product.depth % 2 == 0);
}

#else

bool has_pair_products() { return false; }
bool is_pair_product(const PairProduct&) { return false; }
std::int64_t packed_left_blocks(const PairProduct&) { return 0; }
std::int64_t packed_left_size(const PairProduct&) { return 0; }
std::int64_t product_items(const PairProduct&, std::int64_t) { return 0; }
void pack_left(const PairProduct&, Bf16*, std::int64_t, std::int64_t) {}
void multiply(const PairProduct&, const Bf16*, std::int64_t, std::int64_t, std::int64_t) {}

#endif

}  // namespace runner::kernels
#endif
