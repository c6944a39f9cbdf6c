#include "model/network_products.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include <optional>
#include <string_view>

namespace runner::model {
namespace {

using at::Tensor;

// y = x w^T + bias by oneDNN whatever the dtype; absent from a LibTorch built without it.
using Linear = Tensor(const Tensor& x, const Tensor& w, const std::optional<Tensor>& bias,
                      std::string_view activation, c10::List<std::optional<at::Scalar>> scalars,
                      std::optional<std::string_view> algorithm);

const std::optional<c10::TypedOperatorHandle<Linear>>& onednn_linear() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<Linear>> {
    const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!handle) return std::nullopt;
    return handle->typed<Linear>();
  }();
  return found;
}

}  // namespace

void multiply_into(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  Tensor target = out;
  if (out.is_cpu() && out.scalar_type() == at::kFloat && onednn_linear()) {
    const std::optional<Tensor> added = bias.defined() ? std::optional(bias) : std::nullopt;
    const c10::List<std::optional<at::Scalar>> no_scalars;
    target.copy_(onednn_linear()->call(a, b.t(), added, "none", no_scalars, std::nullopt));
  } else if (bias.defined()) {
    at::addmm_out(target, bias, a, b);
  } else {
    at::mm_out(target, a, b);
  }
}

}  // namespace runner::model
