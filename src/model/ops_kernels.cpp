#include <ATen/ops/empty.h>

#include <cmath>

#include "kernels/attention.hpp"
#include "kernels/cast.hpp"
#include "kernels/column_sum.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layer_norm.hpp"
#include "model/ops.hpp"
#include "model/relative.hpp"
#include "model/threads.hpp"

namespace runner::model {
namespace {

using at::Tensor;
using kernels::Bf16;

template <typename T>
T* data(const Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

// Calls body(T{}) with the storage type of a product.
template <typename Body>
void with_type(const Tensor& product, const Body& body) {
  if (product.scalar_type() == at::kBFloat16)
    body(Bf16{});
  else
    body(float{});
}

constexpr std::int64_t kRowGrain = 16;
constexpr std::int64_t kBlockGrain = 1;
constexpr std::int64_t kHeadGrain = 4;
constexpr std::int64_t kElementGrain = 32768;

class KernelOps final : public Ops {
 public:
  void embedding_forward(EmbeddingStep& step) override {
    const kernels::Embedding embedding = convert(step);
    share(embedding.rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::embedding_forward(embedding, begin, end);
    });
  }

  void embedding_backward(EmbeddingStep& step, Tensor& dy, const Tensor& dy_product,
                          const NormGradients& parameters) override {
    const kernels::Embedding embedding = convert(step);
    const std::int64_t blocks = kernels::row_blocks(embedding.rows);
    float* partials = scratch(blocks * 2 * embedding.width);
    const auto run = [&](auto type) {
      share(blocks, kBlockGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::embedding_backward(embedding, data<float>(dy), data<decltype(type)>(dy_product),
                                    data<float>(dy), partials, begin, end);
      });
    };
    if (dy_product.defined())
      with_type(dy_product, run);
    else
      run(float{});
    add_partials(partials, blocks, embedding.width, {parameters.dgamma, parameters.dbeta});
  }

  void add_rows(const TableRows& rows, const Tensor& values, const Tensor& table) override {
    kernels::RowGroups groups = kernels::group_rows(rows.host);
    const std::int64_t skipped = !groups.rows.empty() && groups.rows.front() < 0 ? 1 : 0;
    share(groups.size() - skipped, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::sum_groups_into_table(groups, data<float>(values), values.size(1),
                                     data<float>(table), true, begin + skipped, end + skipped);
    });
  }

  void attention_forward(AttentionStep& step, Tensor& out) override {
    with_type(step.k, [&](auto type) {
      const auto attention = convert<decltype(type)>(step);
      share(attention.sequences * attention.heads, kHeadGrain,
            [&](std::int64_t begin, std::int64_t end) {
              kernels::attention_forward(attention, data<decltype(type)>(out), out.stride(0), begin,
                                         end);
            });
    });
  }

  void attention_backward(AttentionStep& step, const Tensor& dout, const Tensor& dq,
                          const Tensor& dk, const Tensor& dv) override {
    with_type(step.k, [&](auto type) {
      using T = decltype(type);
      const auto attention = convert<T>(step);
      const std::int64_t items = attention.sequences * attention.heads;
      float* dbias =
          step.bias.gradient.defined() ? scratch(items * attention.bias.stride) : nullptr;
      const kernels::AttentionGradient<T> gradient{.dout = data<T>(dout),
                                                   .out_stride = dout.stride(0),
                                                   .dq = data<T>(dq),
                                                   .dk = data<T>(dk),
                                                   .dv = data<T>(dv),
                                                   .dq_stride = dq.stride(0),
                                                   .dkv_stride = dk.stride(0),
                                                   .dbias = dbias};
      share(attention.sequences * attention.heads, kHeadGrain,
            [&](std::int64_t begin, std::int64_t end) {
              kernels::attention_backward(attention, gradient, begin, end);
            });
      if (dbias != nullptr) add_by_bucket(dbias, items, attention.bias, step.bias.gradient);
    });
  }

  void norm_forward(NormStep& step) override {
    with_type(step.x, [&](auto type) {
      const auto norm = convert<decltype(type)>(step);
      share(norm.rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::residual_norm_forward(norm, begin, end);
      });
    });
  }

  void norm_backward(NormStep& step, Tensor& dy, const Tensor& dy_product, Tensor& dx,
                     const NormGradients& parameters) override {
    with_type(step.x, [&](auto type) {
      using T = decltype(type);
      const auto norm = convert<T>(step);
      const std::int64_t blocks = kernels::row_blocks(norm.rows);
      const kernels::ResidualNormGradient<T> gradient{.dy = data<float>(dy),
                                                      .dy_product = data<T>(dy_product),
                                                      .dresidual = data<float>(dy),
                                                      .dx = data<T>(dx),
                                                      .partials = scratch(blocks * 3 * norm.width)};
      share(blocks, kBlockGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::residual_norm_backward(norm, gradient, begin, end);
      });
      add_partials(gradient.partials, blocks, norm.width,
                   {parameters.dgamma, parameters.dbeta, parameters.dbias});
    });
  }

  void gelu_forward(const Tensor& x, const Tensor& bias, const Tensor& y) override {
    with_type(x, [&](auto type) {
      using T = decltype(type);
      const kernels::BiasGelu<T> gelu{x.size(0), x.size(1), data<T>(x), data<float>(bias)};
      share(gelu.rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::bias_gelu_forward(gelu, data<T>(y), begin, end);
      });
    });
  }

  void gelu_backward(const Tensor& x, const Tensor& bias, const Tensor& dy,
                     const Tensor& dbias) override {
    with_type(x, [&](auto type) {
      using T = decltype(type);
      const kernels::BiasGelu<T> gelu{x.size(0), x.size(1), data<T>(x), data<float>(bias)};
      const std::int64_t blocks = kernels::row_blocks(gelu.rows);
      float* partials = scratch(blocks * gelu.width);
      share(blocks, kBlockGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::bias_gelu_backward(gelu, data<T>(dy), data<T>(dy), data<T>(x), partials, begin,
                                    end);
      });
      add_partials(partials, blocks, gelu.width, {dbias});
    });
  }

  void dropout(const kernels::Dropout& dropout, const Tensor& x) override {
    with_type(x, [&](auto type) {
      using T = decltype(type);
      share(x.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::apply_dropout(dropout, data<T>(x), data<T>(x), x.size(1), begin, end);
      });
    });
  }

  void add_column_sums(const Tensor& x, const Tensor& sums) override {
    with_type(x, [&](auto type) {
      using T = decltype(type);
      const std::int64_t blocks = kernels::row_blocks(x.size(0));
      float* partials = scratch(blocks * x.size(1));
      share(blocks, kBlockGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::column_sum_partials(data<T>(x), x.size(0), x.size(1), x.stride(0), partials, begin,
                                     end);
      });
      add_partials(partials, blocks, x.size(1), {sums});
    });
  }

  void cast(const Tensor& source, const Tensor& target, bool add) override {
    if (add || source.scalar_type() == target.scalar_type()) {
      add ? target.add_(source) : target.copy_(source);
      return;
    }
    share(source.numel(), kElementGrain, [&](std::int64_t begin, std::int64_t end) {
      if (source.scalar_type() == at::kFloat)
        kernels::cast(data<float>(source), data<Bf16>(target), begin, end);
      else
        kernels::cast(data<Bf16>(source), data<float>(target), begin, end);
    });
  }

 private:
  template <class Step>  // EmbeddingStep, NormStep
  static kernels::LayerNorm norm_of(const Step& step) {
    return {.gamma = data<float>(step.gamma),
            .beta = data<float>(step.beta),
            .eps = step.eps,
            .mean = data<float>(step.mean),
            .rstd = data<float>(step.rstd),
            .y = data<float>(step.y),
            .y_bf16 = data<Bf16>(step.y_product)};
  }

  kernels::Embedding convert(const EmbeddingStep& step) {
    const PackedBatch& host = *step.batch->host;
    return {.rows = host.tokens(),
            .width = step.word.size(1),
            .ids = host.ids.data(),
            .positions = host.positions.data(),
            .types = step.type.defined() ? host.types.data() : nullptr,
            .word = data<float>(step.word),
            .position = data<float>(step.position),
            .type = step.type.defined() ? data<float>(step.type) : zeros(step.word.size(1)),
            .norm = norm_of(step),
            .dropout = step.dropout};
  }

  template <typename T>
  static kernels::ResidualNorm<T> convert(const NormStep& step) {
    return {.rows = step.x.size(0),
            .width = step.x.size(1),
            .x = data<T>(step.x),
            .bias = data<float>(step.bias),
            .residual = data<float>(step.residual),
            .dropout = step.dropout,
            .norm = norm_of(step)};
  }

  template <typename T>
  kernels::Attention<T> convert(const AttentionStep& step) {
    const PackedBatch& host = *step.batch->host;
    const std::int64_t size = step.k.size(1) / step.heads;
    return {.sequences = host.rows(),
            .heads = step.heads,
            .head_dim = size,
            .offsets = host.offsets.data(),
            .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size))),
            .first_query_only = step.first_query_only,
            .bias = by_distance(step),
            .dropout = step.dropout,
            .q = data<T>(step.q),
            .k = data<T>(step.k),
            .v = data<T>(step.v),
            .q_stride = step.q.stride(0),
            .kv_stride = step.k.stride(0)};
  }

  // Adds partial rows that lie side by side to one gradient each.
  static void add_partials(const float* partials, std::int64_t blocks, std::int64_t width,
                           std::initializer_list<Tensor> sums) {
    const auto stride = static_cast<std::int64_t>(sums.size()) * width;
    std::int64_t column = 0;
    for (const Tensor& sum : sums) {
      kernels::sum_partials(partials + column, blocks, stride, data<float>(sum), true, 0, width);
      column += width;
    }
  }

  // The bias of each head by distance, as the kernels read it.
  kernels::DistanceBias by_distance(const AttentionStep& step) {
    if (!step.bias.table.defined()) return {};
    const std::int64_t longest = step.batch->host->longest();
    const std::int64_t columns = kernels::DistanceBias::columns(longest);
    distances_.assign(static_cast<std::size_t>(step.heads * columns), 0.0F);
    const float* table = data<float>(step.bias.table);
    for (std::int64_t distance = 1 - longest; distance < longest; ++distance)
      for (std::int64_t head = 0; head < step.heads; ++head)
        distances_[static_cast<std::size_t>(head * columns + distance + longest - 1)] =
            table[relative_bucket(distance) * step.heads + head];
    return {distances_.data(), longest, columns};
  }

  // gradient[bucket, head] += the items' sums by distance, in the order of the sequences.
  static void add_by_bucket(const float* items, std::int64_t count,
                            const kernels::DistanceBias& bias, const Tensor& gradient) {
    const std::int64_t heads = gradient.size(1);
    for (std::int64_t item = 0; item < count; ++item) {
      const float* sums = items + item * bias.stride + bias.longest - 1;
      for (std::int64_t distance = 1 - bias.longest; distance < bias.longest; ++distance)
        data<float>(gradient)[relative_bucket(distance) * heads + item % heads] += sums[distance];
    }
  }

  const float* zeros(std::int64_t width) {
    zeros_.resize(static_cast<std::size_t>(width));
    return zeros_.data();
  }

  // Room for `floats` partial sums until the next call.
  float* scratch(std::int64_t floats) {
    if (scratch_.size() < static_cast<std::size_t>(floats))
      scratch_.resize(static_cast<std::size_t>(floats));
    return scratch_.data();
  }

  std::vector<float> scratch_, distances_, zeros_;
};

}  // namespace

std::unique_ptr<Ops> make_kernel_ops() { return std::make_unique<KernelOps>(); }

}  // namespace runner::model
