#include "kernels/pair_product.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;

namespace {

// Matrices with rows further apart than they are long.
struct Case {
  std::int64_t rows, columns, depth;
  bool a_transposed = false, b_transposed = false, with_bias = false;
  std::int64_t a_stride = (a_transposed ? rows : depth) + 3;
  std::int64_t b_stride = (b_transposed ? depth : columns) + 5;
  std::int64_t c_stride = columns + 7;
  std::vector<Bf16> a = samples::normal<Bf16>(count(a_transposed ? depth : rows, a_stride), 1);
  std::vector<Bf16> b = samples::normal<Bf16>(count(b_transposed ? columns : depth, b_stride), 2);
  samples::Floats bias = samples::normal(static_cast<std::size_t>(columns), 3);

  static std::size_t count(std::int64_t rows, std::int64_t stride) {
    return static_cast<std::size_t>(rows * stride);
  }
  PairProduct product(std::vector<Bf16>& c) const {
    c = std::vector<Bf16>(count(rows, c_stride), 0x4242);
    return {.rows = rows,
            .columns = columns,
            .depth = depth,
            .a = a.data(),
            .a_stride = a_stride,
            .a_transposed = a_transposed,
            .b = b.data(),
            .b_stride = b_stride,
            .b_transposed = b_transposed,
            .bias = with_bias ? bias.data() : nullptr,
            .c = c.data(),
            .c_stride = c_stride};
  }
  std::vector<Bf16> run(std::int64_t row_parts = 1, bool at_once = false) const {
    std::vector<Bf16> c;
    const PairProduct p = product(c);
    REQUIRE(is_pair_product(p));
    std::vector<Bf16> left(static_cast<std::size_t>(packed_left_size(p)));
    pack_left(p, left.data(), 0, packed_left_blocks(p));
    const std::int64_t items = product_items(p, row_parts);
    if (at_once) {
      multiply(p, left.data(), row_parts, 0, items);
      return c;
    }
    // Backwards, one by one: no item may lean on another.
    for (std::int64_t item = items; item-- > 0;)
      multiply(p, left.data(), row_parts, item, item + 1);
    return c;
  }
  // By the definition; elements between the rows stay as they were.
  Doubles expected() const {
    const auto at = [](const std::vector<Bf16>& m, std::int64_t i) {
      return samples::value(m[static_cast<std::size_t>(i)]);
    };
    Doubles c(count(rows, c_stride), samples::value(Bf16{0x4242}));
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double sum = with_bias ? double{bias[static_cast<std::size_t>(j)]} : 0.0;
        for (std::int64_t k = 0; k < depth; ++k)
          sum += at(a, a_transposed ? k * a_stride + i : i * a_stride + k) *
                 at(b, b_transposed ? j * b_stride + k : k * b_stride + j);
        c[static_cast<std::size_t>(i * c_stride + j)] = sum;
      }
    }
    return c;
  }
};

}  // namespace

TEST_CASE("a product of bf16 matrices is its definition, rounded once") {
  if (!has_pair_products()) {
    MESSAGE("skipped: this processor has no AVX512_BF16");
    return;
  }
  for (const std::int64_t rows : {1, 13, 14, 15, 16, 28, 32, 43, 64}) {
    for (const bool b_transposed : {false, true}) {
      CAPTURE(rows);
      CAPTURE(b_transposed);
      const Case stored{rows, 96, 64, false, b_transposed, true};
      samples::check_close(stored.run(), stored.expected(), 1e-4, 0x1.0p-8);
      const Case transposed{rows, 64, 96, true, b_transposed, false};
      samples::check_close(transposed.run(), transposed.expected(), 1e-4, 0x1.0p-8);
    }
  }
  // An odd number of tokens, as the depth of a weight's gradient.
  const Case odd{30, 32, 27, true, false, false};
  samples::check_close(odd.run(), odd.expected(), 1e-4, 0x1.0p-8);
  // A depth that no matrix tile divides, and one that goes on for several.
  const Case uneven{30, 32, 34, false, false, true}, deep{70, 64, 1536, false, true, true};
  samples::check_close(uneven.run(), uneven.expected(), 1e-4, 0x1.0p-8);
  samples::check_close(deep.run(), deep.expected(), 1e-3, 0x1.0p-8);
}

TEST_CASE("a product's bits do not depend on how it is split") {
  if (!has_pair_products()) return;
  for (const bool transposed : {false, true}) {
    const Case whole{100, 640, 320, transposed, true, true};
    const std::vector<Bf16> one_by_one = whole.run();
    for (const std::int64_t parts : {1, 2, 3, 8}) {
      CHECK(whole.run(parts) == one_by_one);
      CHECK(whole.run(parts, true) == one_by_one);
    }
    const Case deep{40, 96, 4096, transposed, true};  // more than the panels kept in the cache
    CHECK(deep.run(1, true) == deep.run());
  }
}

TEST_CASE("a NaN or infinity in a product reaches its row and column alone") {
  if (!has_pair_products()) return;
  Case c{20, 32, 32, false, false, false};
  c.a[static_cast<std::size_t>(3 * c.a_stride + 5)] = to_bf16(std::nanf(""));
  c.b[static_cast<std::size_t>(7 * c.b_stride + 9)] = 0x7f80;
  const std::vector<Bf16> out = c.run();
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      const bool finite =
          std::isfinite(to_float(out[static_cast<std::size_t>(i * c.c_stride + j)]));
      CHECK(finite == (i != 3 && j != 9));
    }
  }
}

TEST_CASE("extents that the kernel is not made for are refused") {
  if (!has_pair_products()) return;
  std::vector<Bf16> c;
  CHECK_FALSE(is_pair_product(Case{4, 48, 64}.product(c)));
  CHECK_FALSE(is_pair_product(Case{4, 64, 33}.product(c)));
  CHECK_FALSE(is_pair_product(Case{4, 64, 48, false, true}.product(c)));
  CHECK(is_pair_product(Case{4, 64, 33, true}.product(c)));
}
