// What only a GPU can show; without one every case here says so and passes.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <cstdlib>

#include "doctest/doctest.h"
#include "model/ops_attention.hpp"
#include "model/ops_batch.hpp"
#include "model/ops_dropout.hpp"

using namespace runner;
using model::AttentionKind;

namespace {

bool has_gpu() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);  // as train::prepare_device does
  if (at::getNumGPUs() > 0) return true;
  MESSAGE("skipped: there is no GPU");
  return false;
}

const at::Device kGpu(at::kCUDA, 0);

struct Attention {
  Attention(at::ScalarType type, bool first_only, double p) {
    for (const int length : {7, 33, 1, 130}) {
      for (int i = 0; i < length; ++i) host.ids.push_back(i);
      host.offsets.push_back(static_cast<std::int32_t>(host.ids.size()));
    }
    host.positions = host.types = host.ids;
    batch = model::upload_batch(host, kGpu, {}, {}, {});
    constexpr std::int64_t kHidden = 4 * 64;
    const auto options = at::TensorOptions(kGpu).dtype(type);
    const at::Tensor qkv = at::randn({host.tokens(), 3 * kHidden}, options);
    step.batch = &batch;
    step.heads = 4;
    step.first_query_only = first_only;
    step.dropout = kernels::dropout(p, 5, 3);
    const std::int64_t queries = first_only ? host.rows() : host.tokens();
    step.q = first_only ? at::randn({queries, kHidden}, options) : qkv.narrow(1, 0, kHidden);
    step.k = qkv.narrow(1, kHidden, kHidden);
    step.v = qkv.narrow(1, 2 * kHidden, kHidden);
    dout = at::randn({queries, kHidden}, options);
  }
  // out, dq, dk, dv
  std::array<at::Tensor, 4> run(AttentionKind kind) {
    std::array<at::Tensor, 4> result;
    model::attention_forward(kind, step, result[0]);
    result[1] = at::empty(step.q.sizes(), step.q.options());
    result[2] = at::empty(step.k.sizes(), step.k.options());
    result[3] = at::empty(step.v.sizes(), step.v.options());
    model::attention_backward(kind, step, dout, result[1], result[2], result[3]);
    return result;
  }

  model::PackedBatch host;
  model::DeviceBatch batch;
  model::AttentionStep step;
  at::Tensor dout;
};

double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return (x - y).norm().item<double>() / y.norm().item<double>();
}

}  // namespace

TEST_CASE("a GPU's fused attention agrees with the composite and is the same bits every time") {
  if (!has_gpu()) return;
  const c10::InferenceMode guard;
  at::globalContext().setDeterministicAlgorithms(true, false);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const bool first_only : {false, true}) {
      CAPTURE(first_only);
      const AttentionKind kind = model::choose_attention(kGpu, type, 64);
      CHECK(kind == (type == at::kFloat ? AttentionKind::efficient : AttentionKind::flash));
      Attention plain(type, first_only, 0.0);
      const auto fused = plain.run(kind), composed = plain.run(AttentionKind::padded);
      for (std::size_t i = 0; i < fused.size(); ++i)
        CHECK(relative_distance(fused[i], composed[i]) < (type == at::kFloat ? 1e-4 : 2e-2));
      Attention dropped(type, first_only, 0.1);
      const auto once = dropped.run(kind);
      at::randn({1000}, at::TensorOptions(kGpu));  // moves the generator on
      const auto again = dropped.run(kind);
      for (std::size_t i = 0; i < once.size(); ++i) CHECK(once[i].equal(again[i]));
      dropped.step.dropout.site = 4;
      CHECK_FALSE(once[0].equal(dropped.run(kind)[0]));
    }
  }
  at::globalContext().setDeterministicAlgorithms(false, false);
}

TEST_CASE("a GPU's dropout is a function of key and site, and keeps what it should") {
  if (!has_gpu()) return;
  const c10::InferenceMode guard;
  const at::Tensor x = at::randn({500, 256}, at::TensorOptions(kGpu).dtype(at::kBFloat16));
  const kernels::Dropout dropout = kernels::dropout(0.1, 7, 2);
  const auto [y, mask] = model::drop(dropout, x);
  const auto [y2, mask2] = model::drop(dropout, x);
  CHECK(y.equal(y2));
  CHECK(mask.equal(mask2));
  CHECK(mask.to(at::kFloat).mean().item<double>() == doctest::Approx(0.9).epsilon(0.01));
  CHECK(relative_distance(y, model::masked(dropout, x, mask)) < 1e-2);
  CHECK_FALSE(mask.equal(model::drop(kernels::dropout(0.1, 7, 3), x).second));
  CHECK_FALSE(mask.equal(model::drop(kernels::dropout(0.1, 8, 2), x).second));
}
