#include "kernels/pair_product.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstdlib>

#include "kernels/machine.hpp"
#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pair_product.cpp"
#include <hwy/foreach_target.h>

#include "kernels/matrix_tiles-inl.hpp"

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

// A product cut into blocks of rows: by the pairs' tiles, or by matrix tiles where `kMatrix`.
template <bool kMatrix>
struct Blocks {
  static constexpr std::int64_t kRows = kMatrix ? kMatrixRows : kPairTileRows;
  explicit Blocks(const PairProduct& product)
      : pairs(kMatrix ? matrix_depths(product.depth) * kMatrixDepth / 2 : (product.depth + 1) / 2),
        count((product.rows + kRows - 1) / kRows) {}

  std::int64_t pairs;  // of the depth, in what is packed
  std::int64_t count;
  std::int64_t size() const { return 2 * kRows * pairs; }  // of a packed left block
};

template <bool kMatrix>
void pack_left_blocks(const PairProduct& product, Bf16* room, std::int64_t begin,
                      std::int64_t end) {
  const Blocks<kMatrix> blocks(product);
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t row = block * blocks.kRows;
    const std::int64_t rows = std::min(blocks.kRows, product.rows - row);
    Bf16* to = room + block * blocks.size();
    if constexpr (kMatrix)
      pack_matrix_block(product.a + row, product.a_stride, product.depth, rows, to);
    else
      pack_transposed_block(product.a + row, product.a_stride, product.depth, rows, to);
  }
}

// Columns `column` to `column` + 31 of the right operand; zeros up to `pairs` of them.
void pack_right(const PairProduct& product, std::int64_t column, std::int64_t pairs, Bf16* panel) {
  if (product.b_transposed)
    pack_transposed_panel(product.b + column * product.b_stride, product.b_stride, product.depth,
                          kPanelColumns, panel);
  else
    pack_panel(product.b + column, product.b_stride, product.depth, panel);
  std::fill(panel + (product.depth + 1) / 2 * 2 * kPanelColumns, panel + pairs * 2 * kPanelColumns,
            Bf16{0});
}

// c [last - first, 32] of a packed panel by the pairs' tiles.
void multiply_pairs(const PairProduct& product, const Bf16* packed_left, const Bf16* panel,
                    std::int64_t pairs, std::int64_t first, std::int64_t last,
                    std::int64_t column) {
  const Start bias{product.bias == nullptr ? nullptr : product.bias + column, 0};
  Bf16* c = product.c + first * product.c_stride + column;
  if (product.a_transposed)
    multiply_panel(last - first, pairs, BlockedRows{packed_left + 2 * first * pairs}, panel, bias,
                   c, product.c_stride);
  else
    multiply_panel(last - first, pairs,
                   StoredRows{product.a + first * product.a_stride, product.a_stride}, panel, bias,
                   c, product.c_stride);
}

// The same of `count` packed panels by matrix tiles; `room` holds a block's sums with each, and a
// stored left block that ends early.
RUNNER_MATRIX_ATTR void multiply_matrix(const PairProduct& product, const Bf16* packed_left,
                                        const Bf16* panels, std::int64_t count, std::int64_t pairs,
                                        std::int64_t first, std::int64_t last, std::int64_t column,
                                        float* room) {
  float* sums = room;
  auto* rest = reinterpret_cast<Bf16*>(room + count * kMatrixRows * kPanelColumns);
  for (std::int64_t row = first; row < last; row += kMatrixRows) {
    const std::int64_t rows = std::min(kMatrixRows, last - row);
    const Bf16* stored = product.a + row * product.a_stride;
    MatrixRows a = product.a_transposed ? packed_block(packed_left + 2 * row * pairs)
                                        : stored_block(stored, product.a_stride);
    if (!product.a_transposed && rows % kTileRows != 0) {
      for (std::int64_t r = 0; r < rows; ++r)
        std::copy_n(stored + r * product.a_stride, product.depth, rest + r * product.depth);
      std::fill(rest + rows * product.depth, rest + kMatrixRows * product.depth, Bf16{0});
      a = stored_block(rest, product.depth);
    }
    multiply_block(rows, 2 * pairs / kMatrixDepth, a, panels, count, sums);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = column + i * kPanelColumns;
      round_block(rows, product.bias == nullptr ? nullptr : product.bias + at,
                  sums + i * kMatrixRows * kPanelColumns, product.c + row * product.c_stride + at,
                  product.c_stride);
    }
  }
}

// How many panels of `size` floats stay in the L2 cache while the left operand passes by.
constexpr std::int64_t panels_at_once(std::int64_t size) {
  constexpr std::int64_t kMost = 16, kCached = (1 << 20) / sizeof(float);
  return std::clamp(kCached / size, std::int64_t{1}, kMost);
}

// Items by matrix tiles go from panel to panel and then to the next part of the rows, so that a
// thread's share of them has many panels for each block; those by pairs from part to part.
template <bool kMatrix>
RUNNER_MATRIX_ATTR void multiply_items(const PairProduct& product, const Bf16* packed_left,
                                       std::int64_t row_parts, std::int64_t begin,
                                       std::int64_t end) {
  const Blocks<kMatrix> blocks(product);
  const std::int64_t size = blocks.pairs * kPanelColumns;  // of a panel; two bf16 to a float
  const std::int64_t most = kMatrix ? panels_at_once(size) : 1;
  const std::int64_t rest =
      kMatrix ? kMatrixRows * (most * kPanelColumns + (product.depth + 1) / 2) : 0;
  auto* panels = reinterpret_cast<Bf16*>(scratch(most * size + rest));
  float* room = reinterpret_cast<float*>(panels) + most * size;
  const auto rows_from = [&](std::int64_t part) {
    return std::min(product.rows, blocks.count * part / row_parts * blocks.kRows);
  };
  if constexpr (kMatrix) {
    const std::int64_t in_all = product.columns / kPanelColumns;
    for (std::int64_t item = begin, count = 0; item < end; item += count) {
      const std::int64_t first = item % in_all, part = item / in_all;
      count = std::min({most, end - item, in_all - first});
      for (std::int64_t i = 0; i < count; ++i)
        pack_right(product, (first + i) * kPanelColumns, blocks.pairs, panels + 2 * i * size);
      const MatrixTiles tiles;
      multiply_matrix(product, packed_left, panels, count, blocks.pairs, rows_from(part),
                      rows_from(part + 1), first * kPanelColumns, room);
    }
  } else {
    std::int64_t packed = -1;
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t column = item / row_parts * kPanelColumns, part = item % row_parts;
      if (packed != column) pack_right(product, column, blocks.pairs, panels);
      packed = column;
      multiply_pairs(product, packed_left, panels, blocks.pairs, rows_from(part),
                     rows_from(part + 1), column);
    }
  }
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#if HWY_ONCE
namespace runner::kernels {

#if defined(__x86_64__)

HWY_EXPORT(has_tiles);

namespace {

// Whether there is AMX, and the kernel lets this process use its registers.
bool has_amx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAmxBf16 = 1U << 22;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (edx & kAmxBf16) == 0) return false;
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
  return ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

// The best that the processor has, or what RUNNER_BF16 names of it.
std::string_view chosen_products() {
  const char* const named = std::getenv("RUNNER_BF16");
  const std::string_view wanted = named == nullptr ? "" : named;
  if (wanted == "oneDNN" || !__builtin_cpu_supports("avx512bf16")) return {};
  if (!HWY_DYNAMIC_DISPATCH(has_tiles)()) return {};
  return wanted != "AVX512_BF16" && has_amx() ? "AMX" : "AVX512_BF16";
}

}  // namespace

std::string_view bf16_products() {
  static const std::string_view kChosen = chosen_products();
  return kChosen;
}

bool has_pair_products() {
  static const bool has = !bf16_products().empty();
  return has;
}

namespace {

bool has_matrix_tiles() {
  static const bool has = bf16_products() == "AMX";
  return has;
}

// Of a product's shape alone: its bits must not depend on anything else.
bool is_matrix_product(const PairProduct& product) {
  return has_matrix_tiles() && (product.a_transposed || product.depth % N_AVX3::kMatrixDepth == 0);
}

// body(blocks) with the product's blocks, as their own type.
template <class Body>
auto with_blocks(const PairProduct& product, const Body& body) {
  return is_matrix_product(product) ? body(N_AVX3::Blocks<true>(product))
                                    : body(N_AVX3::Blocks<false>(product));
}

}  // namespace

void pack_left(const PairProduct& product, Bf16* room, std::int64_t begin, std::int64_t end) {
  is_matrix_product(product) ? N_AVX3::pack_left_blocks<true>(product, room, begin, end)
                             : N_AVX3::pack_left_blocks<false>(product, room, begin, end);
}

void multiply(const PairProduct& product, const Bf16* packed_left, std::int64_t row_parts,
              std::int64_t begin, std::int64_t end) {
  is_matrix_product(product)
      ? N_AVX3::multiply_items<true>(product, packed_left, row_parts, begin, end)
      : N_AVX3::multiply_items<false>(product, packed_left, row_parts, begin, end);
}

std::int64_t packed_left_blocks(const PairProduct& product) {
  if (!product.a_transposed) return 0;
  return with_blocks(product, [](const auto& blocks) { return blocks.count; });
}

std::int64_t packed_left_size(const PairProduct& product) {
  if (!product.a_transposed) return 0;
  return with_blocks(product, [](const auto& blocks) { return blocks.count * blocks.size(); });
}

std::int64_t product_items(const PairProduct& product, std::int64_t row_parts) {
  return product.columns / N_AVX3::kPanelColumns * row_parts;
}

std::int64_t product_items_at_once(const PairProduct& product) {
  if (!is_matrix_product(product)) return 1;
  return N_AVX3::panels_at_once(N_AVX3::Blocks<true>(product).pairs * N_AVX3::kPanelColumns);
}

bool is_pair_product(const PairProduct& product) {
  return product.rows > 0 && product.columns % N_AVX3::kPanelColumns == 0 &&
         (!product.b_transposed || product.depth % 32 == 0) &&
         (product.a_transposed || product.depth % 2 == 0);
}

#else

bool has_pair_products() { return false; }
std::string_view bf16_products() { return {}; }
bool is_pair_product(const PairProduct&) { return false; }
std::int64_t packed_left_blocks(const PairProduct&) { return 0; }
std::int64_t packed_left_size(const PairProduct&) { return 0; }
std::int64_t product_items(const PairProduct&, std::int64_t) { return 0; }
std::int64_t product_items_at_once(const PairProduct&) { return 1; }
void pack_left(const PairProduct&, Bf16*, std::int64_t, std::int64_t) {}
void multiply(const PairProduct&, const Bf16*, std::int64_t, std::int64_t, std::int64_t) {}

#endif

}  // namespace runner::kernels
#endif
