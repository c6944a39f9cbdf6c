#include <ATen/TensorOperators.h>
#include <ATen/ops/_index_put_impl.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include <optional>

#include "model/ops.hpp"
#include "model/ops_attention.hpp"
#include "model/ops_dropout.hpp"

namespace runner::model {
namespace {

using at::Tensor;

// Every line that calls ATen is a launch or two on a GPU, and a step's work there is small: what
// can be kept from forward to backward is kept, and types are mixed rather than cast.
class AtenOps final : public Ops {
 public:
  explicit AtenOps(at::ScalarType product) : product_(product) {}

  void embedding_forward(EmbeddingStep& step) override {
    const DeviceBatch& batch = *step.batch;
    Tensor sum = at::embedding(step.word, batch.ids);
    if (step.type.defined()) sum.add_(at::embedding(step.type, batch.types));
    sum.add_(at::embedding(step.position, batch.positions));
    normalise(step, sum);
    std::tie(step.y, step.mask) = drop(step.dropout, step.y);
    finish(step);
  }

  void embedding_backward(EmbeddingStep& step, Tensor& dy, const Tensor& dy_product,
                          const NormGradients& parameters) override {
    const Tensor gradient = masked(step.dropout, total(dy, dy_product), step.mask);
    dy = norm_gradient(step, gradient, parameters);
  }

  // Tokens of one row are added up in a fixed order, then each row goes to the table once.
  void add_rows(const TableRows& rows, const Tensor& values, const Tensor& table) override {
    const std::int64_t count = rows.distinct.size(0);
    const Tensor sums = at::embedding_dense_backward(values, rows.place, count + 1, count, false);
    add_distinct_rows(sums.narrow(0, 0, count), rows.distinct, table);
  }

  void attention_forward(AttentionStep& step, Tensor& out) override {
    if (!attention_)
      attention_ = step.bias.table.defined()
                       ? AttentionKind::padded  // the fused kinds take no bias over packed rows
                       : choose_attention(step.k.device(), step.k.scalar_type(),
                                          step.k.size(1) / step.heads);
    model::attention_forward(*attention_, step, out);
  }

  void attention_backward(AttentionStep& step, const Tensor& dout, const Tensor& dq,
                          const Tensor& dk, const Tensor& dv) override {
    model::attention_backward(*attention_, step, dout, dq, dk, dv);
  }

  void norm_forward(NormStep& step) override {
    Tensor x = biased(step.x, step.bias);
    std::tie(x, step.mask) = drop(step.dropout, x);
    normalise(step, step.residual + x);
    finish(step);
  }

  void norm_backward(NormStep& step, Tensor& dy, const Tensor& dy_product, Tensor& dx,
                     const NormGradients& parameters) override {
    dy = norm_gradient(step, total(dy, dy_product), parameters);
    dx = masked(step.dropout, dy.to(product_), step.mask);
    add_column_sums(dx, parameters.dbias);
  }

  void gelu_forward(const Tensor& x, const Tensor& bias, const Tensor& y) override {
    Tensor out = y;
    at::gelu_out(out, biased(x, bias));
  }

  void gelu_backward(const Tensor& x, const Tensor& bias, const Tensor& dy,
                     const Tensor& dbias) override {
    const Tensor z = biased(x, bias);
    Tensor gradient = dy, out = x;
    at::gelu_backward_out(gradient, dy, z);
    add_column_sums(dy, dbias);
    at::gelu_out(out, z);
  }

  void dropout(const kernels::Dropout& dropout, const Tensor& x) override {
    if (dropout.threshold == 0) return;
    x.copy_(masked(dropout, x, dropout_mask(dropout, x.sizes(), x.device())));
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
  static Tensor biased(const Tensor& x, const Tensor& bias) {
    return bias.defined() ? (x + bias).to(x.scalar_type()) : x;
  }

  static Tensor total(const Tensor& dy, const Tensor& dy_product) {
    return dy_product.defined() ? dy + dy_product : dy;
  }

  // Leaves LayerNorm(sum) in the step, and what its gradient needs.
  template <typename Step>
  static void normalise(Step& step, const Tensor& sum) {
    std::tie(step.y, step.mean, step.rstd) = at::native_layer_norm(
        sum, {sum.size(1)}, step.gamma, step.beta, static_cast<double>(step.eps));
    if (step.keep) step.sum = sum;
  }

  template <typename Step>
  static Tensor norm_gradient(const Step& step, const Tensor& dy, const NormGradients& parameters) {
    const auto [dsum, dgamma, dbeta] =
        at::native_layer_norm_backward(dy, step.sum, {step.sum.size(1)}, step.mean, step.rstd,
                                       step.gamma, step.beta, {true, true, true});
    parameters.dgamma.add_(dgamma);
    parameters.dbeta.add_(dbeta);
    return dsum;
  }

  template <typename Step>
  void finish(Step& step) const {
    if (product_ != at::kFloat) step.y_product = step.y.to(product_);
    if (!step.keep) step.mask.reset();
  }

  at::ScalarType product_;
  std::optional<AttentionKind> attention_;  // from the first step on
};

}  // namespace

void add_distinct_rows(const Tensor& values, const Tensor& rows, const Tensor& table) {
  Tensor target = table;
  at::_index_put_impl_(target, {rows}, values, /*accumulate=*/true, /*unsafe=*/true);
}

std::unique_ptr<Ops> make_aten_ops(at::ScalarType product) {
  return std::make_unique<AtenOps>(product);
}

}  // namespace runner::model
