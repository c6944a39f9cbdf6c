#include "model/ops_attention.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_efficient_attention_backward.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/ops_dropout.hpp"
#include "model/relative.hpp"

namespace runner::model {

using at::Tensor;

namespace {

// The packed rows of one step as ATen's fused attention reads them.
struct Packed {
  explicit Packed(const AttentionStep& step)
      : heads(step.heads),
        size(step.k.size(1) / step.heads),
        key_offsets(step.batch->offsets),
        query_offsets(step.first_query_only ? step.batch->counts : step.batch->offsets),
        // They only bound the work that is launched; a graph's batches share one bound. The
        // efficient kind takes none above the number of tokens.
        longest_key(
            std::min(round_up_tokens(step.batch->host->longest()), step.batch->host->tokens())),
        longest_query(step.first_query_only ? 1 : longest_key),
        scale(1.0 / std::sqrt(static_cast<double>(size))),
        p(probability(step.dropout)) {}

  // [n, heads, size] of [n, H], whose rows may be strided.
  Tensor split(const Tensor& x) const {
    return x.as_strided({x.size(0), heads, size}, {x.stride(0), size, 1});
  }
  static Tensor join(const Tensor& x) { return x.reshape({x.size(0), -1}); }

  std::int64_t heads, size;
  Tensor key_offsets, query_offsets;
  std::int64_t longest_key, longest_query;
  double scale, p;
};

void flash_forward(AttentionStep& step, Tensor& out) {
  const Packed packed(step);
  const SeededGenerator seeded(step.dropout, step.k.device());
  Tensor unused;
  std::tie(step.out, step.logsumexp, step.seed, step.offset, unused) = at::_flash_attention_forward(
      packed.split(step.q), packed.split(step.k), packed.split(step.v), packed.query_offsets,
      packed.key_offsets, packed.longest_query, packed.longest_key, packed.p, /*is_causal=*/false,
      /*return_debug_mask=*/false, packed.scale);
  out = Packed::join(step.out);
}

void flash_backward(const AttentionStep& step, const Tensor& dout, const Tensor& dq,
                    const Tensor& dk, const Tensor& dv) {
  const Packed packed(step);
  const auto [query, key, value] = at::_flash_attention_backward(
      packed.split(dout), packed.split(step.q), packed.split(step.k), packed.split(step.v),
      step.out, step.logsumexp, packed.query_offsets, packed.key_offsets, packed.longest_query,
      packed.longest_key, packed.p, /*is_causal=*/false, step.seed, step.offset, packed.scale);
  dq.copy_(Packed::join(query));
  dk.copy_(Packed::join(key));
  dv.copy_(Packed::join(value));
}

constexpr std::int64_t kNoMask = 0;

void efficient_forward(AttentionStep& step, Tensor& out) {
  const Packed packed(step);
  const SeededGenerator seeded(step.dropout, step.k.device());
  auto result = at::_efficient_attention_forward(
      packed.split(step.q).unsqueeze(0), packed.split(step.k).unsqueeze(0),
      packed.split(step.v).unsqueeze(0), /*bias=*/{}, packed.query_offsets, packed.key_offsets,
      packed.longest_query, packed.longest_key, packed.p, kNoMask, /*compute_log_sumexp=*/true,
      packed.scale);
  step.out = std::get<0>(result).squeeze(0);
  step.logsumexp = std::get<1>(result);
  step.seed = std::get<2>(result);
  step.offset = std::get<3>(result);
  out = Packed::join(step.out);
}

void efficient_backward(const AttentionStep& step, const Tensor& dout, const Tensor& dq,
                        const Tensor& dk, const Tensor& dv) {
  const Packed packed(step);
  // Keys in one piece: more would be added to one another in no fixed order.
  constexpr std::int64_t kPieces = 1;
  const auto result = at::_efficient_attention_backward(
      packed.split(dout).unsqueeze(0), packed.split(step.q).unsqueeze(0),
      packed.split(step.k).unsqueeze(0), packed.split(step.v).unsqueeze(0), /*bias=*/{},
      step.out.unsqueeze(0), packed.query_offsets, packed.key_offsets, packed.longest_query,
      packed.longest_key, step.logsumexp, packed.p, step.seed, step.offset, kNoMask,
      /*bias_requires_grad=*/false, packed.scale, kPieces);
  dq.copy_(Packed::join(std::get<0>(result).squeeze(0)));
  dk.copy_(Packed::join(std::get<1>(result).squeeze(0)));
  dv.copy_(Packed::join(std::get<2>(result).squeeze(0)));
}

// One step as padded [rows, heads, length, head size] tensors.
struct Padded {
  explicit Padded(const AttentionStep& step)
      : host(*step.batch->host),
        first_only(step.first_query_only),
        rows(host.rows()),
        longest(host.longest()),
        heads(step.heads),
        size(step.k.size(1) / step.heads),
        scale(1.0 / std::sqrt(static_cast<double>(size))) {
    const at::Device device = step.k.device();
    std::vector<std::int64_t> to;
    std::vector<float> bias(static_cast<std::size_t>(rows * longest), -INFINITY);
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t i = 0; i < host.length(row); ++i) {
        to.push_back(row * longest + i);
        bias[static_cast<std::size_t>(to.back())] = 0.0F;
      }
    index = at::tensor(to, at::kLong).to(device);
    mask = at::tensor(bias, at::kFloat).view({rows, 1, 1, longest}).to(device);
    if (step.bias.table.defined()) {
      std::vector<std::int64_t> places;
      for (std::int64_t query = 0; query < queries(); ++query)
        for (std::int64_t key = 0; key < longest; ++key)
          places.push_back(relative_bucket(key - query));
      bucket = at::tensor(places, at::kLong).to(device);
      mask = mask + step.bias.table.index_select(0, bucket)
                        .view({queries(), longest, heads})
                        .permute({2, 0, 1});
    }
    q = pad_query(step.q);
    k = pad_key(step.k);
    v = pad_key(step.v);
  }

  Tensor pad_key(const Tensor& x) const {
    Tensor out = at::zeros({rows * longest, x.size(1)}, x.options());
    out.index_copy_(0, index, x);
    return out.view({rows, longest, heads, size}).transpose(1, 2).contiguous();
  }
  Tensor pad_query(const Tensor& x) const {
    return first_only ? x.contiguous().view({rows, heads, 1, size}) : pad_key(x);
  }
  Tensor unpad_key(const Tensor& x) const {
    return x.transpose(1, 2).reshape({rows * longest, heads * size}).index_select(0, index);
  }
  Tensor unpad_query(const Tensor& x) const {
    return first_only ? x.reshape({rows, heads * size}) : unpad_key(x);
  }
  std::int64_t queries() const { return first_only ? 1 : longest; }
  Tensor probabilities() const {
    return at::softmax(at::matmul(q, k.transpose(2, 3)).to(at::kFloat) * scale + mask, 3);
  }
  // Dropout's factors, 0 or its scale; undefined where there is none.
  Tensor factors(const kernels::Dropout& dropout) const {
    if (dropout.threshold == 0) return {};
    if (!k.is_cpu())
      return dropout_mask(dropout, {rows, heads, queries(), longest}, k.device()).to(at::kFloat) *
             static_cast<double>(dropout.scale);
    // The kernels' planes have the row's own length.
    Tensor out = at::zeros({rows, heads, queries(), longest}, at::kFloat);
    float* data = out.data_ptr<float>();
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t head = 0; head < heads; ++head)
        for (std::int64_t i = 0; i < std::min(queries(), host.length(row)); ++i)
          for (std::int64_t j = 0; j < host.length(row); ++j)
            data[((row * heads + head) * queries() + i) * longest + j] =
                kernels::keeps(dropout, static_cast<std::uint32_t>(row * heads + head), i, j,
                               host.length(row))
                    ? dropout.scale
                    : 0.0F;
    return out;
  }

  const PackedBatch& host;
  bool first_only;
  std::int64_t rows, longest, heads, size;
  double scale;
  Tensor index, q, k, v;
  Tensor mask;    // added to the scores, the bias included
  Tensor bucket;  // [queries * longest] int64, with a bias
};

Tensor times(const Tensor& x, const Tensor& factors) { return factors.defined() ? x * factors : x; }

void padded_forward(AttentionStep& step, Tensor& out) {
  const Padded padded(step);
  const Tensor weights = times(padded.probabilities(), padded.factors(step.dropout));
  out = padded.unpad_query(at::matmul(weights.to(step.v.scalar_type()), padded.v));
}

void padded_backward(const AttentionStep& step, const Tensor& dout, const Tensor& dq,
                     const Tensor& dk, const Tensor& dv) {
  const Padded padded(step);
  const Tensor probabilities = padded.probabilities();
  const Tensor kept = padded.factors(step.dropout);
  const Tensor gradient = padded.pad_query(dout);
  const auto dtype = step.v.scalar_type();
  dv.copy_(
      padded.unpad_key(at::matmul(times(probabilities, kept).to(dtype).transpose(2, 3), gradient)));
  const Tensor dp = times(at::matmul(gradient, padded.v.transpose(2, 3)).to(at::kFloat), kept);
  const Tensor slopes = probabilities * (dp - (dp * probabilities).sum(3, true));
  if (step.bias.gradient.defined()) {
    // By a product: an index's places would be added to one another in no fixed order on a GPU.
    const Tensor chosen = at::one_hot(padded.bucket, kRelativeBuckets).to(at::kFloat);
    step.bias.gradient.add_(
        at::matmul(chosen.t(), slopes.sum(at::IntArrayRef{0}).view({padded.heads, -1}).t()));
  }
  const Tensor ds = (slopes * padded.scale).to(dtype);
  dq.copy_(padded.unpad_query(at::matmul(ds, padded.k)));
  dk.copy_(padded.unpad_key(at::matmul(ds.transpose(2, 3), padded.q)));
}

}  // namespace

AttentionKind choose_attention(at::Device device, at::ScalarType type, std::int64_t size) {
  if (device.is_cpu()) return AttentionKind::padded;
  const auto runs = [&](AttentionKind kind) {
    // One sequence of one token through one head, forward and backward: what a device, a head's
    // size or a build of LibTorch does not support is refused before anything is launched.
    PackedBatch host;
    host.ids = host.positions = host.types = {0};
    host.offsets = {0, 1};
    DeviceBatch batch;
    batch.host = &host;
    batch.offsets = batch.counts = at::tensor({0, 1}, at::kInt).to(device);
    AttentionStep step;
    step.batch = &batch;
    step.heads = 1;
    step.q = step.k = step.v = at::zeros({1, size}, at::TensorOptions(device).dtype(type));
    try {
      Tensor out;
      attention_forward(kind, step, out);
      const Tensor gradient = at::zeros_like(step.q);
      attention_backward(kind, step, out, gradient, gradient, gradient);
      return true;
    } catch (const c10::OutOfMemoryError&) {
      throw;  // says nothing about the kind
    } catch (const c10::Error&) {
      return false;
    }
  };
  if (type == at::kBFloat16 && size % 8 == 0 && runs(AttentionKind::flash))
    return AttentionKind::flash;
  return runs(AttentionKind::efficient) ? AttentionKind::efficient : AttentionKind::padded;
}

void attention_forward(AttentionKind kind, AttentionStep& step, Tensor& out) {
  switch (kind) {
    case AttentionKind::flash:
      return flash_forward(step, out);
    case AttentionKind::efficient:
      return efficient_forward(step, out);
    case AttentionKind::padded:
      return padded_forward(step, out);
  }
}

void attention_backward(AttentionKind kind, const AttentionStep& step, const Tensor& dout,
                        const Tensor& dq, const Tensor& dk, const Tensor& dv) {
  switch (kind) {
    case AttentionKind::flash:
      return flash_backward(step, dout, dq, dk, dv);
    case AttentionKind::efficient:
      return efficient_backward(step, dout, dq, dk, dv);
    case AttentionKind::padded:
      return padded_backward(step, dout, dq, dk, dv);
  }
}

}  // namespace runner::model
