#include "model/network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "doctest/doctest.h"
#include "model/flops.hpp"
#include "model/ops_batch.hpp"
#include "network_fixture.hpp"
#include "random/philox.hpp"

using namespace runner;
using model::Family;
using model::Network;
using model::NetworkOptions;

TEST_CASE("fused kernels and ATen's composites agree with dropout, in logits and every gradient") {
  for (const Family& family : model::families()) {
    CAPTURE(family.model_type);
    for (const auto& [bf16, hidden] : {std::pair(false, 48), {true, 48}, {true, 128}}) {
      CAPTURE(bf16);
      CAPTURE(hidden);
      Fixture fixture(family, hidden);
      NetworkOptions options;
      options.gradients = true;
      options.bf16 = bf16;
      options.bf16_gradients = bf16;
      Network fused(fixture.config, 3, options);
      options.reference_ops = true;
      Network composed(fixture.config, 3, options);
      const at::Tensor a = fixture.train(fused), b = fixture.train(composed);
      CHECK(relative_distance(a, b) < (bf16 ? 2e-2 : 1e-5));
      for (const model::Parameter& parameter : fused.layout().parameters) {
        CAPTURE(parameter.name);
        if (is_rounding(parameter)) continue;
        CHECK(relative_distance(fused.gradient(parameter.name), composed.gradient(parameter.name)) <
              (bf16 ? 5e-2 : 1e-4));
      }
    }
  }
}

TEST_CASE("without a backward pass, or with one of the upper layers alone, the two agree too") {
  for (const auto& [bf16, hidden] : {std::pair(false, 48), {true, 128}}) {
    CAPTURE(bf16);
    Fixture fixture(kRoberta, hidden);
    NetworkOptions options;
    options.gradients = true;
    options.bf16 = bf16;
    Network fused(fixture.config, 3, options);
    options.reference_ops = true;
    Network composed(fixture.config, 3, options);
    for (int frozen = 1; frozen <= 3; ++frozen) {
      CAPTURE(frozen);
      fixture.pass.frozen_layers = frozen;
      const at::Tensor a = fixture.train(fused), b = fixture.train(composed);
      CHECK(relative_distance(a, b) < (bf16 ? 2e-2 : 1e-5));
      for (const model::Parameter& parameter : fused.layout().parameters) {
        if (parameter.layer < frozen || is_rounding(parameter)) continue;
        CAPTURE(parameter.name);
        CHECK(relative_distance(fused.gradient(parameter.name), composed.gradient(parameter.name)) <
              (bf16 ? 5e-2 : 1e-4));
      }
    }
    const at::Tensor a = fused.forward(fixture.batch), b = composed.forward(fixture.batch);
    CHECK(relative_distance(a, b) < (bf16 ? 2e-2 : 1e-5));
  }
}

TEST_CASE(
    "given the frozen layers' outputs a pass gives what it gives with those layers computed") {
  for (const bool reference : {false, true}) {
    for (const bool bf16 : {false, true}) {
      CAPTURE(reference);
      CAPTURE(bf16);
      Fixture fixture(kRoberta, 128);
      fixture.pass.frozen_dropout = false;
      NetworkOptions options;
      options.gradients = true;
      options.bf16 = bf16;
      options.reference_ops = reference;
      Network network(fixture.config, 3, options);
      for (int frozen = 1; frozen <= fixture.config.layers; ++frozen) {
        CAPTURE(frozen);
        fixture.pass.frozen_layers = frozen;
        const at::Tensor computed = fixture.train(network);
        std::vector<at::Tensor> gradients;
        for (const model::Parameter& parameter : network.layout().parameters)
          gradients.push_back(network.gradient(parameter.name).clone());

        const at::Tensor below = network.frozen_output(fixture.batch, frozen).clone();
        CHECK(at::equal(fixture.train(network, below), computed));
        for (std::size_t i = 0; i < gradients.size(); ++i) {
          const model::Parameter& parameter = network.layout().parameters[i];
          CAPTURE(parameter.name);
          if (parameter.layer >= frozen)
            CHECK(at::equal(network.gradient(parameter.name), gradients[i]));
        }
      }
    }
  }
}

TEST_CASE("without the kernels a step's second batch adds to its gradients") {
  Fixture fixture(kBert);
  NetworkOptions options;
  options.gradients = true;
  options.reference_ops = true;
  Network network(fixture.config, 3, options);
  fixture.train(network);
  const at::Tensor dlogits = at::ones({fixture.batch.rows(), 3});
  network.begin_step({});
  network.forward(fixture.batch, fixture.pass);
  network.backward(dlogits);
  std::vector<at::Tensor> first;
  for (const model::Parameter& parameter : network.layout().parameters)
    first.push_back(network.gradient(parameter.name).clone());
  network.forward(fixture.batch, fixture.pass);
  network.backward(dlogits);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const model::Parameter& parameter = network.layout().parameters[i];
    CAPTURE(parameter.name);
    if (is_rounding(parameter)) continue;
    CHECK(relative_distance(network.gradient(parameter.name), 2.0 * first[i]) < 1e-5);
  }
}

TEST_CASE("a filler row changes neither logits nor gradients") {
  for (const Family& family : model::families()) {
    CAPTURE(family.model_type);
    for (const int frozen : {0, 1}) {
      CAPTURE(frozen);
      Fixture fixture(family);
      fixture.pass.frozen_layers = frozen;
      NetworkOptions options;
      options.gradients = true;
      options.reference_ops = true;
      Network plain(fixture.config, 3, options), filled(fixture.config, 3, options);
      const at::Tensor a = fixture.train(plain);
      fixture.batch.add_filler(fixture.config);
      CHECK(fixture.batch.tokens() == model::kTokenUnit);
      const std::int64_t rows = fixture.batch.rows() - 1;
      const at::Tensor b = fixture.train(filled, {}, rows);
      CHECK(relative_distance(b.narrow(0, 0, rows), a) < 1e-5);
      for (const model::Parameter& parameter : plain.layout().parameters) {
        CAPTURE(parameter.name);
        if ((frozen > 0 && parameter.layer < frozen) || is_rounding(parameter)) continue;
        CHECK(relative_distance(filled.gradient(parameter.name), plain.gradient(parameter.name)) <
              1e-5);
      }
    }
  }
}

TEST_CASE("batches of as many rows and tokens lie in the same way") {
  const Fixture fixture(kBert);
  NetworkOptions options;
  options.gradients = true;
  options.reference_ops = true;
  Network network(fixture.config, 3, options);
  model::PackedBatch batch = fixture.batch, other;
  for (int row = 0; row < 5; ++row) other.add_row(fixture.config, {{2, 2, 3}}, {{0, 1, 1}});
  at::Tensor room;
  batch.add_filler(fixture.config);
  const model::DeviceBatch first = network.place(batch, true, &room);
  other.add_filler(fixture.config);
  const model::DeviceBatch second = network.place(other, true, &room);
  for (const auto& [a, b] : {std::pair(first.ids, second.ids),
                             {first.positions, second.positions},
                             {first.types, second.types},
                             {first.first, second.first},
                             {first.offsets, second.offsets},
                             {first.counts, second.counts},
                             {first.words.distinct, second.words.distinct},
                             {first.words.place, second.words.place},
                             {first.position_rows.distinct, second.position_rows.distinct},
                             {first.position_rows.place, second.position_rows.place},
                             {first.type_rows.distinct, second.type_rows.distinct},
                             {first.type_rows.place, second.type_rows.place}}) {
    CHECK(a.data_ptr() == b.data_ptr());
    CHECK(a.sizes() == b.sizes());
  }
  CHECK(second.ids.slice(0, 0, 4).equal(at::tensor({2, 2, 3, 2}, at::kLong)));
}

TEST_CASE("what goes to a device together comes apart again") {
  model::Upload upload;
  const std::vector<std::int64_t> wide{1, -2, std::int64_t{1} << 40};
  const std::vector<std::int32_t> narrow{7};
  const std::vector<float> none, floats{0.5F, -3.0F};
  const std::size_t a = upload.add(wide), b = upload.add(narrow), c = upload.add(none),
                    d = upload.add(floats);
  upload.send(at::kCPU);
  CHECK(upload.at(a).equal(at::tensor(wide, at::kLong)));
  CHECK(upload.at(b).equal(at::tensor(narrow, at::kInt)));
  CHECK(upload.at(c).numel() == 0);
  CHECK(upload.at(d).equal(at::tensor(floats, at::kFloat)));
}

TEST_CASE("gradients are those of finite differences along a random direction") {
  for (const Family& family : model::families()) {
    CAPTURE(family.model_type);
    Fixture fixture(family);
    NetworkOptions options;
    options.gradients = true;
    Network network(fixture.config, 3, options);
    const at::Tensor logits = fixture.train(network);
    std::vector<float> dlogits;
    random::Stream stream(9);
    for (std::int64_t i = 0; i < logits.numel(); ++i)
      dlogits.push_back(static_cast<float>(stream.normal()));
    for (const model::Parameter& parameter : network.layout().parameters) {
      if (is_rounding(parameter)) continue;
      CAPTURE(parameter.name);
      std::vector<float> direction;
      const at::Tensor gradient = network.gradient(parameter.name).contiguous().flatten();
      double slope = 0.0;
      for (std::int64_t i = 0; i < parameter.size; ++i) {
        // Padding rows have no gradient by definition; rows that nothing reads have none at all.
        const float g = gradient.const_data_ptr<float>()[i];
        direction.push_back(g == 0.0F ? 0.0F : static_cast<float>(stream.normal()));
        slope += double{g} * double{direction.back()};
      }
      const auto value_at = [&](float step) {
        std::vector<float> moved = fixture.weights;
        for (std::int64_t i = 0; i < parameter.size; ++i)
          moved[static_cast<std::size_t>(parameter.offset + i)] +=
              step * direction[static_cast<std::size_t>(i)];
        network.set_weights(
            at::from_blob(moved.data(), {static_cast<std::int64_t>(moved.size())}, at::kFloat));
        const at::Tensor out = network.forward(fixture.batch, fixture.pass);
        double sum = 0.0;
        for (std::int64_t i = 0; i < out.numel(); ++i)
          sum +=
              double{dlogits[static_cast<std::size_t>(i)]} * double{out.const_data_ptr<float>()[i]};
        return sum;
      };
      double scale = 0.0;
      for (const float d : direction) scale += double{d} * double{d};
      const float step = 2e-2F / static_cast<float>(std::sqrt(scale));
      const double difference = (value_at(step) - value_at(-step)) / (2.0 * double{step});
      CHECK(difference == doctest::Approx(slope).epsilon(0.02).scale(std::sqrt(scale) * 0.1));
    }
  }
}

TEST_CASE("a row's logits do not depend on the rows packed beside it") {
  for (const auto& [bf16, hidden] : {std::pair(false, 48), {true, 48}, {true, 128}}) {
    Fixture fixture(kRoberta, hidden);
    NetworkOptions options;
    options.bf16 = bf16;
    Network network(fixture.config, 3, options);
    network.set_weights(fixture.flat());
    network.refresh_products();
    const at::Tensor all = network.forward(fixture.batch).clone();
    for (std::int64_t row = 0; row < fixture.batch.rows(); ++row) {
      model::PackedBatch one;
      const auto begin =
          static_cast<std::size_t>(fixture.batch.offsets[static_cast<std::size_t>(row)]);
      const auto count = static_cast<std::size_t>(fixture.batch.length(row));
      const std::vector<std::uint8_t> types(
          fixture.batch.types.begin() + static_cast<std::ptrdiff_t>(begin),
          fixture.batch.types.begin() + static_cast<std::ptrdiff_t>(begin + count));
      one.add_row(fixture.config, std::span(fixture.batch.ids).subspan(begin, count), types);
      CHECK(relative_distance(network.forward(one)[0], all[row]) < (bf16 ? 1e-2 : 1e-5));
    }
  }
}

TEST_CASE("the arena hands the same memory out again") {
  model::Arena arena(at::kCPU);
  const at::Tensor first = arena.take({3, 5}, at::kFloat);
  const auto mark = arena.mark();
  const at::Tensor second = arena.take({7}, at::kBFloat16);
  CHECK(second.data_ptr() != first.data_ptr());
  arena.release(mark);
  CHECK(arena.take({7}, at::kBFloat16).data_ptr() == second.data_ptr());
  const at::Tensor large = arena.take({1 << 25}, at::kFloat);  // more than a block
  CHECK(large.numel() == 1 << 25);
  arena.release({});
  CHECK(arena.take({2}, at::kFloat).data_ptr() == first.data_ptr());
}

TEST_CASE("what a pass costs is known from the rows' lengths without making it") {
  for (const Family& family : model::families()) {
    CAPTURE(family.model_type);
    for (const int frozen : {0, 1, 2, 3}) {
      Fixture fixture(family);
      fixture.pass.frozen_layers = frozen;
      Network network(fixture.config, 3, NetworkOptions{.gradients = true});
      const auto told = [&](const model::RowFlops& flops) {
        double sum = 0.0;
        for (std::int64_t row = 0; row < fixture.batch.rows(); ++row) {
          sum += flops.of(static_cast<double>(fixture.batch.length(row)));
        }
        return sum;
      };
      const int layers = fixture.config.layers;
      model::RowFlops forward = model::forward_flops(fixture.config, 0, layers);
      forward += model::head_flops(fixture.config, 3);
      model::RowFlops training = forward;
      training += model::backward_flops(fixture.config, 3, frozen);
      fixture.train(network);
      CHECK(network.take_flops() == told(training));
      network.forward(fixture.batch);
      CHECK(network.take_flops() == told(forward));
      if (frozen == 0 || frozen == layers) continue;  // the last layer puts out a row a sequence
      const at::Tensor below = network.frozen_output(fixture.batch, frozen).clone();
      CHECK(network.take_flops() == told(model::forward_flops(fixture.config, 0, frozen)));
      fixture.train(network, below);
      training = model::forward_flops(fixture.config, frozen, layers);
      training += model::head_flops(fixture.config, 3);
      training += model::backward_flops(fixture.config, 3, frozen);
      CHECK(network.take_flops() == told(training));
    }
  }
}
