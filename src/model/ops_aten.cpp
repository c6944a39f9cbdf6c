#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "model/ops.hpp"
#include "random/philox.hpp"

namespace runner::model {
namespace {

using at::Tensor;

// Dropout factors (0 or the scale) of a [planes, rows, width] tensor.
Tensor factors(const kernels::Dropout& dropout, at::IntArrayRef shape, const Tensor& like) {
  Tensor out = at::empty(shape, like.options().dtype(at::kFloat));
  if (out.is_cpu()) {
    float* data = out.data_ptr<float>();
    for (std::int64_t plane = 0; plane < shape[0]; ++plane)
      for (std::int64_t row = 0; row < shape[1]; ++row)
        for (std::int64_t column = 0; column < shape[2]; ++column)
          *data++ =
              kernels::keeps(dropout, static_cast<std::uint32_t>(plane), row, column, shape[2])
                  ? dropout.scale
                  : 0.0F;
    return out;
  }
  at::Generator generator = at::globalContext().defaultGenerator(like.device()).clone();
  generator.set_current_seed(random::derive(dropout.key, "site", dropout.site));
  out.bernoulli_(1.0 - static_cast<double>(dropout.threshold) / 65536.0, generator);
  return out.mul_(dropout.scale);
}

Tensor dropped(const kernels::Dropout& dropout, const Tensor& x) {
  if (dropout.threshold == 0) return x;
  return x * factors(dropout, {1, x.size(0), x.size(1)}, x)[0];
}

struct Normalised {
  Tensor hat, rstd;  // [rows, H], [rows, 1]
};

Normalised normalise(const Tensor& sum, double eps) {
  const Tensor centred = sum - sum.mean(1, true);
  const Tensor rstd = (centred.square().mean(1, true) + eps).rsqrt();
  return {centred * rstd, rstd};
}

// Gradient of `sum` through LayerNorm; adds to dgamma and dbeta.
Tensor norm_gradient(const Normalised& norm, const Tensor& gamma, const Tensor& dy,
                     const NormGradients& parameters) {
  parameters.dgamma.add_((dy * norm.hat).sum(0));
  parameters.dbeta.add_(dy.sum(0));
  const Tensor scaled = dy * gamma;
  return (scaled - scaled.mean(1, true) - norm.hat * (scaled * norm.hat).mean(1, true)) * norm.rstd;
}

Tensor total(const Tensor& dy, const Tensor& dy_product) {
  if (!dy_product.defined()) return dy;
  const Tensor product = dy_product.to(at::kFloat);
  return dy.defined() ? dy + product : product;
}

class AtenOps final : public Ops {
 public:
  void embedding_forward(const EmbeddingStep& step) override {
    const Normalised norm = normalise(embedded(step), step.eps);
    step.y.copy_(dropped(step.dropout, norm.hat * step.gamma + step.beta));
    if (step.y_product.defined()) step.y_product.copy_(step.y);
  }

  void embedding_backward(const EmbeddingStep& step, const Tensor& dy, const Tensor& dy_product,
                          const Tensor& dsum, const NormGradients& parameters) override {
    const Tensor gradient = dropped(step.dropout, total(dy, dy_product));
    dsum.copy_(
        norm_gradient(normalise(embedded(step), step.eps), step.gamma, gradient, parameters));
  }

  void add_rows(const std::vector<std::int32_t>& rows, const Tensor& values,
                const Tensor& table) override {
    // Rows of -1 go to a row of their own, which is dropped.
    std::vector<std::int64_t> index;
    for (const std::int32_t row : rows) index.push_back(row < 0 ? table.size(0) : row);
    const Tensor where = at::tensor(index, at::kLong).to(table.device());
    Tensor sums = at::zeros({table.size(0) + 1, table.size(1)}, table.options());
    sums.index_add_(0, where, values);
    table.add_(sums.narrow(0, 0, table.size(0)));
  }

  void attention_forward(const AttentionStep& step, const Tensor& out) override {
    const Padded padded(step);
    const Tensor probabilities = padded.probabilities(step);
    const Tensor weights = (probabilities * padded.factors(step)).to(step.v.scalar_type());
    out.copy_(padded.unpad_query(at::matmul(weights, padded.v)));
  }

  void attention_backward(const AttentionStep& step, const Tensor& dout, const Tensor& dq,
                          const Tensor& dk, const Tensor& dv) override {
    const Padded padded(step);
    const Tensor probabilities = padded.probabilities(step);
    const Tensor kept = padded.factors(step);
    const Tensor gradient = padded.pad_query(dout);
    const auto dtype = step.v.scalar_type();
    dv.copy_(
        padded.unpad_key(at::matmul((probabilities * kept).to(dtype).transpose(2, 3), gradient)));
    const Tensor dp = at::matmul(gradient, padded.v.transpose(2, 3)).to(at::kFloat) * kept;
    const Tensor ds =
        (probabilities * (dp - (dp * probabilities).sum(3, true)) * padded.scale).to(dtype);
    dq.copy_(padded.unpad_query(at::matmul(ds, padded.k)));
    dk.copy_(padded.unpad_key(at::matmul(ds.transpose(2, 3), padded.q)));
  }

  void norm_forward(const NormStep& step) override {
    const Normalised norm = normalise(summed(step), step.eps);
    step.y.copy_(norm.hat * step.gamma + step.beta);
    if (step.y_product.defined()) step.y_product.copy_(step.y);
  }

  void norm_backward(const NormStep& step, const Tensor& dy, const Tensor& dy_product,
                     const Tensor& dresidual, const Tensor& dx,
                     const NormGradients& parameters) override {
    const Normalised norm = normalise(summed(step), step.eps);
    const Tensor dsum = norm_gradient(norm, step.gamma, total(dy, dy_product), parameters);
    const Tensor inner = dropped(step.dropout, dsum);
    dx.copy_(inner);
    parameters.dbias.add_(inner.sum(0));
    dresidual.copy_(dsum);
  }

  void gelu_forward(const Tensor& x, const Tensor& bias, const Tensor& y) override {
    y.copy_(at::gelu(x.to(at::kFloat) + bias));
  }

  void gelu_backward(const Tensor& x, const Tensor& bias, const Tensor& dy,
                     const Tensor& dbias) override {
    const Tensor z = x.to(at::kFloat) + bias;
    const Tensor dx = at::gelu_backward(dy.to(at::kFloat), z);
    dbias.add_(dx.sum(0));
    dy.copy_(dx);
    x.copy_(at::gelu(z));
  }

  void dropout(const kernels::Dropout& dropout, const Tensor& x) override {
    if (dropout.threshold != 0) x.copy_(dropped(dropout, x));
  }

  void add_column_sums(const Tensor& x, const Tensor& sums) override {
    sums.add_(x.sum(at::IntArrayRef{0}, false, at::kFloat));
  }

  void cast(const Tensor& source, const Tensor& target, bool add) override {
    if (add)
      target.add_(source);
    else
      target.copy_(source);
  }

 private:
  static Tensor index_of(const std::vector<std::int32_t>& values, const Tensor& like) {
    return at::tensor(values, at::kInt).to(at::kLong).to(like.device());
  }

  static Tensor embedded(const EmbeddingStep& step) {
    const DeviceBatch& batch = *step.batch;
    const auto rows = [&](const Tensor& table, const Tensor& index,
                          const std::vector<std::int32_t>& host) {
      return at::embedding(table, index.defined() ? index : index_of(host, table));
    };
    return rows(step.word, batch.ids, batch.host->ids) +
           rows(step.type, batch.types, batch.host->types) +
           rows(step.position, batch.positions, batch.host->positions);
  }

  static Tensor summed(const NormStep& step) {
    return step.residual + dropped(step.dropout, step.x.to(at::kFloat) + step.bias);
  }

  // One attention step as padded [rows, heads, length, head size] tensors.
  struct Padded {
    explicit Padded(const AttentionStep& step)
        : host(*step.batch->host),
          first_only(step.first_query_only),
          rows(host.rows()),
          longest(host.longest()),
          heads(step.heads),
          size(step.k.size(1) / step.heads),
          scale(1.0 / std::sqrt(static_cast<double>(size))) {
      std::vector<std::int64_t> to;
      std::vector<float> bias(static_cast<std::size_t>(rows * longest), -INFINITY);
      for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t i = 0; i < host.length(row); ++i) {
          to.push_back(row * longest + i);
          bias[static_cast<std::size_t>(to.back())] = 0.0F;
        }
      index = at::tensor(to, at::kLong).to(step.k.device());
      mask = at::tensor(bias, at::kFloat).view({rows, 1, 1, longest}).to(step.k.device());
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
    Tensor probabilities(const AttentionStep&) const {
      return at::softmax(at::matmul(q, k.transpose(2, 3)).to(at::kFloat) * scale + mask, 3);
    }
    // 1 where there is no dropout.
    Tensor factors(const AttentionStep& step) const {
      const std::int64_t queries = first_only ? 1 : longest;
      if (step.dropout.threshold == 0) return at::tensor({1.0F}).to(k.device());
      if (!k.is_cpu())
        return model::factors(step.dropout, {rows * heads, queries, longest}, k)
            .view({rows, heads, queries, longest});
      // The kernels' planes have the row's own length.
      Tensor out = at::zeros({rows, heads, queries, longest}, at::kFloat);
      float* data = out.data_ptr<float>();
      for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t head = 0; head < heads; ++head)
          for (std::int64_t i = 0; i < std::min(queries, host.length(row)); ++i)
            for (std::int64_t j = 0; j < host.length(row); ++j)
              data[((row * heads + head) * queries + i) * longest + j] =
                  kernels::keeps(step.dropout, static_cast<std::uint32_t>(row * heads + head), i, j,
                                 host.length(row))
                      ? step.dropout.scale
                      : 0.0F;
      return out;
    }

    const PackedBatch& host;
    bool first_only;
    std::int64_t rows, longest, heads, size;
    double scale;
    Tensor index, mask, q, k, v;
  };
};

}  // namespace

std::unique_ptr<Ops> make_aten_ops() { return std::make_unique<AtenOps>(); }

}  // namespace runner::model
