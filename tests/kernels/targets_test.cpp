#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <bit>
#include <map>

#include "kernels/adamw.hpp"
#include "kernels/attention.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/mix.hpp"
#include "samples.hpp"

using namespace runner::kernels;
using samples::Floats;

namespace {

// Uniform in [-1, 1): the same on every machine, which libm's logarithms need not be.
Floats uniform(std::size_t count, std::uint64_t seed) {
  runner::random::Stream stream(seed);
  Floats values(count);
  for (float& v : values) v = static_cast<float>(2.0 * stream.uniform() - 1.0);
  return values;
}

void append(std::vector<std::uint32_t>& bits, const Floats& values) {
  for (const float v : values) bits.push_back(std::bit_cast<std::uint32_t>(v));
}

// The bits of every kernel's results on odd sizes.
std::vector<std::uint32_t> all_kernels() {
  std::vector<std::uint32_t> bits;
  const std::int64_t rows = 21, width = 45, blocks = row_blocks(rows);
  const auto size = static_cast<std::size_t>(rows * width);
  const auto columns = static_cast<std::size_t>(width);
  const Floats x = uniform(size, 1), residual = uniform(size, 2), bias = uniform(columns, 3),
               gamma = uniform(columns, 4), beta = uniform(columns, 5), dy = uniform(size, 6);
  const Dropout d{.key = 99, .site = 1, .threshold = 6554, .scale = 1.25F};
  Floats y(size), mean(static_cast<std::size_t>(rows)),
      rstd = mean, dx(size), dresidual(size),
      partials(static_cast<std::size_t>(3 * width * blocks));
  std::vector<Bf16> narrow(size);

  const LayerNorm norm{.gamma = gamma.data(),
                       .beta = beta.data(),
                       .mean = mean.data(),
                       .rstd = rstd.data(),
                       .y = y.data(),
                       .y_bf16 = narrow.data()};
  const ResidualNorm<float> sublayer{.rows = rows,
                                     .width = width,
                                     .x = x.data(),
                                     .bias = bias.data(),
                                     .residual = residual.data(),
                                     .dropout = d,
                                     .norm = norm};
  residual_norm_forward(sublayer, 0, rows);
  append(bits, y);
  bits.insert(bits.end(), narrow.begin(), narrow.end());
  residual_norm_backward(sublayer,
                         {.dy = dy.data(),
                          .dy_product = residual.data(),
                          .dresidual = dresidual.data(),
                          .dx = dx.data(),
                          .partials = partials.data()},
                         0, blocks);
  append(bits, dresidual);
  append(bits, dx);
  append(bits, partials);

  const BiasGelu<float> gelu{.rows = rows, .width = width, .x = x.data(), .bias = bias.data()};
  bias_gelu_forward(gelu, y.data(), 0, rows);
  append(bits, y);
  bias_gelu_backward(gelu, dy.data(), dx.data(), nullptr, partials.data(), 0, blocks);
  append(bits, dx);
  append(bits, partials);

  const std::int64_t dim = 20, heads = 2, tokens = 90;
  const std::vector<std::int32_t> offsets = {0, 3, 80, 90};
  const Floats qkv = uniform(static_cast<std::size_t>(3 * heads * dim * tokens), 7);
  const Floats dout = uniform(static_cast<std::size_t>(heads * dim * tokens), 8);
  Floats out(dout.size()), dqkv(qkv.size());
  const Attention<float> attention{.sequences = 3,
                                   .heads = heads,
                                   .head_dim = dim,
                                   .offsets = offsets.data(),
                                   .scale = 0.25F,
                                   .dropout = d,
                                   .q = qkv.data(),
                                   .k = qkv.data() + heads * dim,
                                   .v = qkv.data() + 2 * heads * dim,
                                   .q_stride = 3 * heads * dim,
                                   .kv_stride = 3 * heads * dim};
  attention_forward(attention, out.data(), heads * dim, 0, 3 * heads);
  append(bits, out);
  attention_backward(attention,
                     {.dout = dout.data(),
                      .out_stride = heads * dim,
                      .dq = dqkv.data(),
                      .dk = dqkv.data() + heads * dim,
                      .dv = dqkv.data() + 2 * heads * dim,
                      .dq_stride = 3 * heads * dim,
                      .dkv_stride = 3 * heads * dim},
                     0, 3 * heads);
  append(bits, dqkv);

  const std::vector<std::int32_t> ids(static_cast<std::size_t>(rows), 1);
  const Embedding embedding{.rows = rows,
                            .width = width,
                            .ids = ids.data(),
                            .positions = ids.data(),
                            .word = x.data(),
                            .position = residual.data(),
                            .type = bias.data(),
                            .norm = norm,
                            .dropout = d};
  embedding_forward(embedding, 0, rows);
  append(bits, y);
  embedding_backward(embedding, dy.data(), x.data(), dx.data(), partials.data(), 0, blocks);
  append(bits, dx);

  const AdamWStep step{.decay = 0.999F, .step_size = 0.01F, .correction2_root = 0.05F};
  Floats w = uniform(size, 9), m = uniform(size, 10), v(size, 0.25F);
  adamw(step, 0.5F, dy.data(), w.data(), m.data(), v.data(), nullptr, 0,
        static_cast<std::int64_t>(size));
  for (const Floats& state : {w, m, v}) append(bits, state);

  const std::vector<const float*> deltas = {x.data(), residual.data(), dy.data()};
  const std::vector<float*> outputs = {y.data()};
  mix(w.data(), deltas, Floats{0.5F, 0.3F, 0.2F}, outputs, 0, static_cast<std::int64_t>(size));
  append(bits, y);
  samples::Doubles products(3);
  dots(m.data(), deltas, static_cast<std::int64_t>(size), products.data(), 0, 1);
  for (const double p : products) {
    bits.push_back(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(p)));
  }
  return bits;
}

std::uint64_t hash(const std::vector<std::uint32_t>& words) {
  std::uint64_t h = 0;
  for (const std::uint32_t word : words) h = (h ^ word) * 0x9E3779B97F4A7C15 + (h >> 29);
  return h;
}

}  // namespace

// Of all_kernels() on x86-64 with AVX2; NEON has to reach it too.
constexpr std::uint64_t kBits = 11518776229879379654U;

TEST_CASE("all targets with a fused multiply-add give the same bits, on any machine") {
  std::map<std::int64_t, std::vector<std::uint32_t>> results;
  for (const std::int64_t target : samples::targets()) {
    hwy::SetSupportedTargetsForTest(target);
    results[target] = all_kernels();
    hwy::SetSupportedTargetsForTest(0);
  }
  REQUIRE_FALSE(results.empty());
  for (const auto& [target, bits] : results) {
    const std::string name = hwy::TargetName(target);
    CAPTURE(name);
    if (target == HWY_SSE4) {
      // Without it the last bits differ, which also shows that the targets were really switched.
      CHECK(hash(bits) != kBits);
    } else {
      CHECK(hash(bits) == kBits);
    }
  }
}
