#include "kernels/attention.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "kernels/pair_attention.hpp"
#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

// Packed q, k, v side by side, as one product leaves them.
template <typename T>
struct Case {
  std::vector<std::int32_t> lengths;
  std::int64_t heads, dim;
  Dropout dropout = {};
  bool biased = false;
  std::vector<std::int32_t> offsets = cumulate();
  std::int64_t tokens = offsets.back();
  std::int64_t width = heads * dim;
  float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
  std::vector<T> qkv = samples::normal<T>(static_cast<std::size_t>(3 * tokens * width), 1);
  std::vector<T> dout = samples::normal<T>(static_cast<std::size_t>(tokens * width), 2);

  std::int64_t longest = *std::ranges::max_element(lengths);
  std::int64_t columns = DistanceBias::columns(longest);
  Floats bias = samples::normal(static_cast<std::size_t>(biased ? heads * columns : 0), 3);

  std::vector<std::int32_t> cumulate() const {
    std::vector<std::int32_t> sums{0};
    for (const std::int32_t n : lengths) sums.push_back(sums.back() + n);
    return sums;
  }
  std::int64_t items() const { return static_cast<std::int64_t>(lengths.size()) * heads; }
  Attention<T> attention() const {
    return {.sequences = static_cast<std::int64_t>(lengths.size()),
            .heads = heads,
            .head_dim = dim,
            .offsets = offsets.data(),
            .scale = scale,
            .bias = {biased ? bias.data() : nullptr, longest, columns},
            .dropout = dropout,
            .q = qkv.data(),
            .k = qkv.data() + width,
            .v = qkv.data() + 2 * width,
            .q_stride = 3 * width,
            .kv_stride = 3 * width};
  }
  std::vector<T> forward() const {
    std::vector<T> out(static_cast<std::size_t>(tokens * width));
    attention_forward(attention(), out.data(), width, 0, items());
    return out;
  }
  std::vector<T> backward(std::int64_t cut = 0, Floats* dbias = nullptr) const {
    std::vector<T> d(qkv.size());
    if (dbias != nullptr) dbias->assign(static_cast<std::size_t>(items() * columns), 7.0F);
    const AttentionGradient<T> gradient{.dout = dout.data(),
                                        .out_stride = width,
                                        .dq = d.data(),
                                        .dk = d.data() + width,
                                        .dv = d.data() + 2 * width,
                                        .dq_stride = 3 * width,
                                        .dkv_stride = 3 * width,
                                        .dbias = dbias != nullptr ? dbias->data() : nullptr};
    attention_backward(attention(), gradient, cut, items());
    attention_backward(attention(), gradient, 0, cut);
    return d;
  }
};

// softmax(scale q k^T + bias) with dropout times v, from the definition, for one item of one
// sequence.
template <typename T>
void reference_item(const Case<T>& c, std::size_t sequence, std::int64_t head, const Doubles& qkv,
                    const Doubles& bias, Doubles& out) {
  const auto at = [&](std::int64_t token, int which, std::int64_t i) {
    return qkv[static_cast<std::size_t>((token * 3 + which) * c.width + head * c.dim + i)];
  };
  const std::int64_t first = c.offsets[sequence], length = c.lengths[sequence];
  const auto plane =
      static_cast<std::uint32_t>(static_cast<std::int64_t>(sequence) * c.heads + head);
  for (std::int64_t q = 0; q < length; ++q) {
    Doubles p(static_cast<std::size_t>(length));
    double total = 0.0;
    for (std::int64_t k = 0; k < length; ++k) {
      double score = 0.0;
      for (std::int64_t i = 0; i < c.dim; ++i) score += at(first + q, 0, i) * at(first + k, 1, i);
      score *= samples::value(c.scale);
      if (c.biased)
        score += bias[static_cast<std::size_t>(head * c.columns + k - q + c.longest - 1)];
      total += p[static_cast<std::size_t>(k)] = std::exp(score);
    }
    for (std::int64_t k = 0; k < length; ++k) {
      const bool kept = keeps(c.dropout, plane, q, k, length);
      const double weight =
          kept ? samples::value(c.dropout.scale) * p[static_cast<std::size_t>(k)] / total : 0.0;
      for (std::int64_t i = 0; i < c.dim; ++i) {
        out[static_cast<std::size_t>((first + q) * c.width + head * c.dim + i)] +=
            weight * at(first + k, 2, i);
      }
    }
  }
}

template <typename T>
Doubles reference(const Case<T>& c, const Doubles& qkv, const Doubles& bias) {
  Doubles out(static_cast<std::size_t>(c.tokens * c.width));
  for (std::size_t s = 0; s < c.lengths.size(); ++s) {
    for (std::int64_t h = 0; h < c.heads; ++h) reference_item(c, s, h, qkv, bias, out);
  }
  return out;
}

template <typename T>
Doubles reference(const Case<T>& c, const Doubles& qkv) {
  return reference(c, qkv, samples::doubles(c.bias));
}

// Whether probabilities are rounded to bf16 before they weigh the values, which are around 1.
template <typename T>
bool rounded_probabilities(const Case<T>& c) {
  if constexpr (std::is_same_v<T, Bf16>) return is_pair_attention(c.attention());
  return false;
}

}  // namespace

TEST_CASE_TEMPLATE("attention matches its definition for all lengths and head sizes", T, float,
                   Bf16) {
  samples::on_every_target([] {
    for (const double p : {0.0, 0.2}) {
      for (const std::int64_t dim : {1, 8, 12, 16, 32, 40, 64}) {
        const Case<T> c{.lengths = {1, 2, 0, 7, 16, 17, 64, 65, 130},
                        .heads = 2,
                        .dim = dim,
                        .dropout = dropout(p, 9, 4),
                        .biased = p > 0.0};
        samples::check_close(c.forward(), reference(c, samples::doubles(c.qkv)),
                             rounded_probabilities(c) ? 0x1.0p-8 : 2e-6,
                             samples::tolerance<T>(2e-6));
      }
    }
  });
}

TEST_CASE("scores of any size give finite probabilities") {
  samples::on_every_target([] {
    Case<float> c{.lengths = {40}, .heads = 1, .dim = 16};
    for (float& v : c.qkv) v *= 100.0F;
    for (const float v : c.forward()) REQUIRE(std::isfinite(v));
    for (const float v : c.backward()) REQUIRE(std::isfinite(v));
  });
}

TEST_CASE("a score that is not a number spoils its query alone") {
  samples::on_every_target([] {
    Case<float> c{.lengths = {40}, .heads = 1, .dim = 16};
    const Floats before = c.forward();
    c.qkv[std::size_t{3} * 16 * 7] = std::numeric_limits<float>::quiet_NaN();  // of query 7
    const Floats after = c.forward();
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (i / 16 == 7) {
        REQUIRE(std::isnan(after[i]));
      } else {
        REQUIRE(after[i] == before[i]);
      }
    }
  });
}

TEST_CASE_TEMPLATE("the gradients of attention match central differences", T, float, Bf16) {
  samples::on_every_target([] {
    for (const double p : {0.0, 0.3}) {
      const Case<T> c{.lengths = {1, 5, 18}, .heads = 2, .dim = 6, .dropout = dropout(p, 10, 4)};
      const Doubles expected = samples::differences(
          [&](const Doubles& qkv) {
            const Doubles out = reference(c, qkv);
            double loss = 0.0;
            for (std::size_t i = 0; i < out.size(); ++i) loss += out[i] * samples::value(c.dout[i]);
            return loss;
          },
          samples::doubles(c.qkv));
      samples::check_close(c.backward(), expected, 4e-6, samples::tolerance<T>(4e-6));
    }
  });
}

TEST_CASE_TEMPLATE("the gradient of the bias by distance matches central differences", T, float,
                   Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t dim : {6, 32}) {
      const Case<T> c{.lengths = {1, 5, 70},
                      .heads = 2,
                      .dim = dim,
                      .dropout = dropout(0.3, 10, 4),
                      .biased = true};
      const Doubles qkv = samples::doubles(c.qkv);
      const Doubles expected = samples::differences(
          [&](const Doubles& bias) {
            const Doubles out = reference(c, qkv, bias);
            double loss = 0.0;
            for (std::size_t i = 0; i < out.size(); ++i) loss += out[i] * samples::value(c.dout[i]);
            return loss;
          },
          samples::doubles(c.bias));
      Floats items;
      c.backward(0, &items);
      Floats actual(c.bias.size());
      for (std::size_t i = 0; i < items.size(); ++i) actual[i % actual.size()] += items[i];
      samples::check_close(actual, expected, rounded_probabilities(c) ? 0x1.0p-6 : 2e-5,
                           samples::tolerance<T>(2e-5));
      Floats split;
      c.backward(3, &split);
      CHECK(split == items);
    }
  });
}

TEST_CASE("gradients that cross tiles match differences along a direction") {
  samples::on_every_target([] {
    const Case<float> c{
        .lengths = {70, 150}, .heads = 1, .dim = 24, .dropout = dropout(0.1, 3, 1), .biased = true};
    const Floats gradient = c.backward();
    for (std::uint64_t seed = 20; seed < 24; ++seed) {
      const auto direction = samples::normal(c.qkv.size(), seed);
      const auto loss = [&](const Doubles& step) {
        Doubles qkv = samples::doubles(c.qkv);
        for (std::size_t i = 0; i < qkv.size(); ++i) {
          qkv[i] += step[0] * samples::value(direction[i]);
        }
        const Doubles out = reference(c, qkv);
        double total = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i) total += out[i] * samples::value(c.dout[i]);
        return total;
      };
      double along = 0.0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        along += samples::value(gradient[i]) * samples::value(direction[i]);
      }
      const double expected = samples::differences(loss, {0.0})[0];
      CHECK(along == doctest::Approx(expected).epsilon(1e-4));
    }
  });
}

TEST_CASE("gradients by products of pairs are those of fp32 within bf16's rounding") {
  for (const std::int64_t dim : {32, 64}) {
    const Case<Bf16> c{.lengths = {1, 2, 13, 14, 57, 0, 112, 150},
                       .heads = 2,
                       .dim = dim,
                       .dropout = dropout(0.1, 9, 4)};
    if (!is_pair_attention(c.attention())) {
      MESSAGE("skipped: this processor has no AVX512_BF16, or has AMX");
      return;
    }
    Case<float> exact{.lengths = c.lengths, .heads = c.heads, .dim = dim, .dropout = c.dropout};
    for (std::size_t i = 0; i < c.qkv.size(); ++i) exact.qkv[i] = to_float(c.qkv[i]);
    for (std::size_t i = 0; i < c.dout.size(); ++i) exact.dout[i] = to_float(c.dout[i]);
    const Doubles expected = samples::doubles(exact.backward());
    samples::check_close(c.backward(), expected, 0x1.0p-7, 0x1.0p-7);
    double error = 0.0, size = 0.0;
    const Doubles actual = samples::doubles(c.backward());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
      size += expected[i] * expected[i];
    }
    CHECK(std::sqrt(error / size) < 0x1.0p-8);
  }
}

TEST_CASE_TEMPLATE("no split of the heads changes a bit of attention", T, float, Bf16) {
  for (const std::int64_t dim : {20, 32}) {
    const Case<T> c{.lengths = {30, 3, 90},
                    .heads = 3,
                    .dim = dim,
                    .dropout = dropout(0.1, 9, 4),
                    .biased = true};
    const std::vector<T> whole = c.forward();
    std::vector<T> split(whole.size());
    for (std::int64_t item = c.items(); item-- > 0;) {
      attention_forward(c.attention(), split.data(), c.width, item, item + 1);
    }
    CHECK(split == whole);
    CHECK(c.backward(4) == c.backward(0));
  }
}

TEST_CASE_TEMPLATE("the first query alone gives what it gives among all", T, float, Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t dim : {20, 32}) {
      const Case<T> c{.lengths = {30, 1, 90},
                      .heads = 3,
                      .dim = dim,
                      .dropout = dropout(0.1, 9, 4),
                      .biased = true};
      const std::vector<T> all = c.forward();
      std::vector<T> q, expected, dout;
      Case<T> masked = c;  // only the first tokens have a gradient
      masked.dout.assign(masked.dout.size(), T{});
      for (const std::int32_t first : {0, 30, 31}) {
        const auto row = first * c.width;
        q.insert(q.end(), c.qkv.begin() + 3 * row, c.qkv.begin() + 3 * row + c.width);
        expected.insert(expected.end(), all.begin() + row, all.begin() + row + c.width);
        dout.insert(dout.end(), c.dout.begin() + row, c.dout.begin() + row + c.width);
        std::copy_n(c.dout.begin() + row, c.width, masked.dout.begin() + row);
      }
      Attention<T> a = c.attention();
      a.first_query_only = true;
      a.q = q.data();
      a.q_stride = c.width;
      std::vector<T> out(expected.size());
      attention_forward(a, out.data(), c.width, 0, c.items());
      CHECK(out == expected);

      std::vector<T> dq(q.size()), dkv(c.qkv.size());
      attention_backward(a,
                         {.dout = dout.data(),
                          .out_stride = c.width,
                          .dq = dq.data(),
                          .dk = dkv.data() + c.width,
                          .dv = dkv.data() + 2 * c.width,
                          .dq_stride = c.width,
                          .dkv_stride = 3 * c.width},
                         0, c.items());
      const std::vector<T> full = masked.backward();
      for (std::size_t i = 0; i < full.size(); ++i) {
        if (i / static_cast<std::size_t>(c.width) % 3 != 0) {
          REQUIRE(samples::value(dkv[i]) == doctest::Approx(samples::value(full[i])).epsilon(1e-2));
        }
      }
      std::vector<T> first_rows;
      for (const std::int32_t first : {0, 30, 31}) {
        const auto row = 3 * first * c.width;
        first_rows.insert(first_rows.end(), full.begin() + row, full.begin() + row + c.width);
      }
      CHECK(dq == first_rows);
    }
  });
}
