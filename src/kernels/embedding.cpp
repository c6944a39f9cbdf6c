#include "kernels/embedding.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding.cpp"
#include <hwy/foreach_target.h>

#include "kernels/dropout-inl.hpp"
#include "kernels/norm-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// The three rows of one token, and their sum at one place, in the order of the reference.
struct Token {
  const float *word, *position, *type;

  Token(const Embedding& e, std::int64_t row)
      : word(e.word + e.ids[row] * e.width),
        position(e.position + e.positions[row] * e.width),
        type(e.types == nullptr ? e.type : e.type + e.types[row] * e.width) {}
  HWY_INLINE Lanes sum_at(std::int64_t column, auto count) const {
    return (load(word + column, count) + load(type + column, count)) +
           load(position + column, count);
  }
};

void embed(const Embedding& e, std::int64_t begin, std::int64_t end) {
  const LayerNorm& norm = e.norm;
  const std::int64_t padded = units(e.width) * 16;
  float* factors = scratch(2 * padded);
  float* s = factors + padded;
  for (std::int64_t row = begin; row < end; ++row) {
    const Token token(e, row);
    Lanes total = zero();
    for_columns(0, e.width, [&](std::int64_t c, auto count) HWY_ATTR {
      const Lanes value = token.sum_at(c, count);
      store(value, s + c, count);
      total = total + value;
    });
    const RowStatistics statistics = row_statistics(norm, row, s, sum(total), e.width);
    row_factors(e.dropout, row, e.width, factors);
    const Lanes mean = set(statistics.mean);
    const Lanes rstd = set(statistics.rstd);
    const std::int64_t offset = row * e.width;
    for_columns(0, e.width, [&, offset](std::int64_t c, auto count) HWY_ATTR {
      const Lanes h = (load(s + c, count) - mean) * rstd;
      const Lanes y = mul_add(h, load(norm.gamma + c, count), load(norm.beta + c, count)) *
                      load(factors + c, count);
      if (norm.y != nullptr) store(y, norm.y + offset + c, count);
      if (norm.y_bf16 != nullptr) store(y, norm.y_bf16 + offset + c, count);
    });
  }
}

template <typename T>
HWY_INLINE void backward(const Embedding& e, const float* dy, const T* dy_product, float* dsum,
                         float* partials, std::int64_t begin, std::int64_t end) {
  const std::int64_t width = e.width;
  const std::int64_t padded = units(width) * 16;
  float* factors = scratch(3 * padded);
  float* room = factors + padded;
  for (std::int64_t block = begin; block < end; ++block) {
    const BlockSums sums(partials, block, 2, width);
    const std::int64_t last = std::min(e.rows, (block + 1) * kRowBlock);
    for (std::int64_t row = block * kRowBlock; row < last; ++row) {
      const std::int64_t offset = row * width;
      const Token token(e, row);
      row_factors(e.dropout, row, width, factors);
      const auto input = [&, offset](std::int64_t c, auto count) HWY_ATTR {
        Lanes gradient = zero();
        if (dy != nullptr) gradient = load(dy + offset + c, count);
        if (dy_product != nullptr) gradient = gradient + load(dy_product + offset + c, count);
        return RowInput{token.sum_at(c, count), gradient * load(factors + c, count)};
      };
      const auto output = [=](std::int64_t c, auto count, Lanes ds)
                              HWY_ATTR { store(ds, dsum + offset + c, count); };
      row_gradient(e.norm, row, width, sums, room, input, output);
    }
  }
}

void embed_backward_f32(const Embedding& e, const float* dy, const float* dy_product, float* dsum,
                        float* partials, std::int64_t begin, std::int64_t end) {
  backward(e, dy, dy_product, dsum, partials, begin, end);
}

void embed_backward_bf16(const Embedding& e, const float* dy, const Bf16* dy_product, float* dsum,
                         float* partials, std::int64_t begin, std::int64_t end) {
  backward(e, dy, dy_product, dsum, partials, begin, end);
}

// One sum of rows, column by column, so that the running sum stays in registers.
void add_group(const RowGroups& groups, std::int64_t group, const float* source, std::int64_t width,
               float* target, bool accumulate) {
  const auto g = static_cast<std::size_t>(group);
  const std::int32_t* first_member = groups.members.data() + groups.starts[g];
  const std::int32_t* last_member = groups.members.data() + groups.starts[g + 1];
  for_columns(0, width, [=](std::int64_t c, auto count) HWY_ATTR {
    Lanes total = accumulate ? load(target + c, count) : zero();
    for (const std::int32_t* m = first_member; m != last_member; ++m) {
      total = total + load(source + *m * width + c, count);
    }
    store(total, target + c, count);
  });
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(embed);
HWY_EXPORT(embed_backward_f32);
HWY_EXPORT(embed_backward_bf16);
HWY_EXPORT(add_group);

void embedding_forward(const Embedding& embedding, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(embed)(embedding, begin, end);
}

void embedding_backward(const Embedding& embedding, const float* dy, const float* dy_product,
                        float* dsum, float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(embed_backward_f32)(embedding, dy, dy_product, dsum, partials, begin, end);
}

void embedding_backward(const Embedding& embedding, const float* dy, const Bf16* dy_product,
                        float* dsum, float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(embed_backward_bf16)(embedding, dy, dy_product, dsum, partials, begin, end);
}

RowGroups group_rows(std::span<const std::int32_t> ids) {
  RowGroups groups;
  groups.members.resize(ids.size());
  std::iota(groups.members.begin(), groups.members.end(), 0);
  const auto id = [&](std::int32_t member) { return ids[static_cast<std::size_t>(member)]; };
  std::stable_sort(groups.members.begin(), groups.members.end(),
                   [&](std::int32_t a, std::int32_t b) { return id(a) < id(b); });
  for (std::size_t i = 0; i < groups.members.size(); ++i) {
    const std::int32_t row = id(groups.members[i]);
    if (groups.rows.empty() || groups.rows.back() != row) {
      groups.rows.push_back(row);
      groups.starts.push_back(static_cast<std::int32_t>(i));
    }
  }
  groups.starts.push_back(static_cast<std::int32_t>(groups.members.size()));
  return groups;
}

void sum_groups(const RowGroups& groups, const float* source, std::int64_t width, float* sums,
                bool accumulate, std::int64_t begin, std::int64_t end) {
  for (std::int64_t g = begin; g < end; ++g) {
    HWY_DYNAMIC_DISPATCH(add_group)(groups, g, source, width, sums + g * width, accumulate);
  }
}

void sum_groups_into_table(const RowGroups& groups, const float* source, std::int64_t width,
                           float* table, bool accumulate, std::int64_t begin, std::int64_t end) {
  for (std::int64_t g = begin; g < end; ++g) {
    float* target = table + groups.rows[static_cast<std::size_t>(g)] * width;
    HWY_DYNAMIC_DISPATCH(add_group)(groups, g, source, width, target, accumulate);
  }
}

}  // namespace runner::kernels
#endif
