#include "model/network_products.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <optional>
#include <string_view>
#include <vector>

#include "kernels/pair_product.hpp"
#include "model/threads.hpp"

namespace runner::model {
namespace {

using at::Tensor;
using kernels::Bf16;

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

// out = a b + bias by the project's own kernel; false where it is not for them.
bool multiply_by_kernel(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (!out.is_cpu() || out.scalar_type() != at::kBFloat16 || !kernels::has_pair_products())
    return false;
  const auto data = [](const Tensor& x) { return static_cast<Bf16*>(x.data_ptr()); };
  const bool a_transposed = a.stride(1) != 1, b_transposed = b.stride(1) != 1;
  const kernels::PairProduct product{.rows = out.size(0),
                                     .columns = out.size(1),
                                     .depth = a.size(1),
                                     .a = data(a),
                                     .a_stride = a.stride(a_transposed ? 1 : 0),
                                     .a_transposed = a_transposed,
                                     .b = data(b),
                                     .b_stride = b.stride(b_transposed ? 1 : 0),
                                     .b_transposed = b_transposed,
                                     .bias = bias.defined() ? bias.data_ptr<float>() : nullptr,
                                     .c = data(out),
                                     .c_stride = out.stride(0)};
  if (!kernels::is_pair_product(product)) return false;

  thread_local std::vector<Bf16> packed;  // kept: fresh pages would cost as much as the packing
  const auto size = static_cast<std::size_t>(kernels::packed_left_size(product));
  if (packed.size() < size) packed.resize(size);
  Bf16* left = packed.data();
  share(kernels::packed_left_blocks(product), 4, [&](std::int64_t begin, std::int64_t end) {
    kernels::pack_left(product, left, begin, end);
  });
  // Some items for each thread, which takes them in two pieces or more; a part of the rows repeats
  // the packing of its panel.
  constexpr std::int64_t kItems = 4, kPieces = 2, kPartRows = 128;
  const std::int64_t panels = kernels::product_items(product, 1);
  const std::int64_t parts =
      std::clamp<std::int64_t>((kItems * at::get_num_threads() + panels - 1) / panels, 1,
                               std::max<std::int64_t>(1, product.rows / kPartRows));
  const std::int64_t items = panels * parts;
  const std::int64_t piece = std::clamp<std::int64_t>(items / (kPieces * at::get_num_threads()), 1,
                                                      kernels::product_items_at_once(product));
  share(items, piece, [&](std::int64_t begin, std::int64_t end) {
    kernels::multiply(product, left, parts, begin, end);
  });
  return true;
}

Tensor whole_units(const Tensor& x) {
  return x.as_strided({round_up_rows(x.size(0)), x.size(1)}, x.strides());
}

}  // namespace

void multiply_exactly(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  Tensor target = out;
  if (out.is_cpu() && out.scalar_type() == at::kFloat && onednn_linear()) {
    const std::optional<Tensor> added = bias.defined() ? std::optional(bias) : std::nullopt;
    const c10::List<std::optional<at::Scalar>> no_scalars;
    target.copy_(onednn_linear()->call(a, b.t(), added, "none", no_scalars, std::nullopt));
  } else if (bias.defined()) {
    at::addmm_out(target, bias.to(out.scalar_type()), a, b);
  } else {
    at::mm_out(target, a, b);
  }
}

Tensor multiply_alone(const Tensor& a, const Tensor& b, const Tensor& bias) {
  const Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
#ifdef _OPENMP
  const int threads = omp_get_max_threads();
  if (out.is_cpu()) omp_set_num_threads(1);
#endif
  multiply_exactly(out, a, b, bias);
#ifdef _OPENMP
  if (out.is_cpu()) omp_set_num_threads(threads);
#endif
  return out;
}

void multiply_rows(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias) {
  if (!multiply_by_kernel(out, x, w, bias))
    multiply_exactly(whole_units(out), whole_units(x), w, bias);
}

void multiply_over_rows(const Tensor& out, const Tensor& y, const Tensor& x) {
  if (!multiply_by_kernel(out, y.t(), x, {}))
    multiply_exactly(out, whole_units(y).t(), whole_units(x), {});
}

}  // namespace runner::model
