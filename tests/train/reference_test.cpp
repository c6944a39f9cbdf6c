// LibTorch's headers first: they have a CHECK of their own, which would take doctest's place.
#include "reference.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "model/network.hpp"
#include "train/loss.hpp"
#include "train/optimizer.hpp"
#include "train/schedule.hpp"

using namespace runner;

namespace {

// Every model by the CPU kernels, and by the operators that a GPU has.
std::vector<std::pair<std::string, bool>> both_ways() {
  std::vector<std::string> names = {"tiny_roberta", "tiny_bert", "tiny_regression"};
  for (const model::Family& family : model::families()) names.emplace_back(family.model_type);
  std::vector<std::pair<std::string, bool>> out;
  for (const std::string& name : names)
    for (const bool aten : {false, true}) out.emplace_back(name, aten);
  return out;
}

at::Tensor flat(std::vector<float>& weights) {
  return at::from_blob(weights.data(), {static_cast<std::int64_t>(weights.size())}, at::kFloat);
}

model::Network make_network(const ReferenceModel& reference, bool reference_ops) {
  model::NetworkOptions options;
  options.reference_ops = reference_ops;
  options.gradients = true;
  return model::Network(reference.checkpoint.config, reference.classes, options);
}

std::vector<std::int32_t> words_of(const model::PackedBatch& batch) {
  std::vector<std::int32_t> words = batch.ids;
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  return words;
}

void check_logits(const at::Tensor& logits, const io::Json& wanted, double tolerance) {
  REQUIRE(logits.size(0) == static_cast<std::int64_t>(wanted.size()));
  for (std::int64_t row = 0; row < logits.size(0); ++row)
    for (std::int64_t column = 0; column < logits.size(1); ++column)
      CHECK(std::abs(logits.const_data_ptr<float>()[row * logits.size(1) + column] -
                     wanted[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)]
                         .get<double>()) <= tolerance);
}

}  // namespace

TEST_CASE("reference: logits, loss and gradient norms equal those of transformers") {
  for (const auto& [name, aten] : both_ways()) {
    CAPTURE(name);
    CAPTURE(aten);
    auto reference = load_reference(name);
    if (!reference) continue;
    model::Network network = make_network(*reference, aten);
    network.set_weights(flat(reference->checkpoint.weights));
    const auto batch = reference->batch(0);

    check_logits(network.forward(batch.packed), reference->json["logits"], 1e-5);
    network.begin_step(words_of(batch.packed));
    const at::Tensor logits = network.forward(batch.packed, model::TrainPass{});
    check_logits(logits, reference->json["logits"], 1e-5);
    const train::BatchLoss loss = train::batch_loss(logits, at::tensor(batch.labels),
                                                    static_cast<double>(batch.packed.rows()), 1.0);
    const double wanted_loss = reference->json["loss"];
    CHECK(std::abs(loss.sum.item<double>() - wanted_loss) <= 5e-6 * std::max(1.0, wanted_loss));

    network.backward(loss.dlogits);
    std::size_t compared = 0;
    for (const auto& [parameter, norm] : reference->json["grad_norms"].items()) {
      CAPTURE(parameter);
      const double got =
          at::linalg_vector_norm(network.gradient(parameter), 2.0, {}, false, at::kDouble)
              .item<double>();
      CHECK(std::abs(got - norm.get<double>()) <= 1e-4 * norm.get<double>() + 1e-7);
      ++compared;
    }
    CHECK(compared == network.layout().parameters.size());
  }
}

TEST_CASE("reference: 24 steps of training follow transformers and torch.optim.AdamW") {
  for (const auto& [name, aten] : both_ways()) {
    CAPTURE(name);
    CAPTURE(aten);
    auto reference = load_reference(name);
    if (!reference) continue;
    const auto& training = reference->json["training"];
    const auto& settings = training["hyperparameters"];
    train::Options options;
    options.lr = settings["lr"];
    options.beta1 = settings["betas"][0];
    options.beta2 = settings["betas"][1];
    options.eps = settings["eps"];
    options.weight_decay = settings["weight_decay"];
    options.max_grad_norm = settings["max_grad_norm"];
    const std::int64_t steps = settings["total_steps"];
    options.warmup = settings["warmup_steps"].get<double>() / static_cast<double>(steps);

    model::Network network = make_network(*reference, aten);
    const at::Tensor weights = flat(reference->checkpoint.weights);
    network.set_weights(weights);
    train::Optimizer optimizer(network, weights, options);
    for (std::int64_t step = 1; step <= steps; ++step) {
      CAPTURE(step);
      const auto index = static_cast<std::size_t>(step - 1);
      const auto batch = reference->batch(index % reference->json["batches"].size());
      optimizer.catch_up(words_of(batch.packed));
      network.begin_step(words_of(batch.packed));
      const train::BatchLoss loss = train::batch_loss(
          network.forward(batch.packed, model::TrainPass{}), at::tensor(batch.labels),
          static_cast<double>(batch.packed.rows()), 1.0);
      network.backward(loss.dlogits);
      const double wanted_loss = training["losses"][index];
      CHECK(std::abs(loss.sum.item<double>() - wanted_loss) <= 5e-6 * std::max(1.0, wanted_loss));
      const at::Tensor length = optimizer.gradient_norm();
      const double norm = length.item<double>();
      const double wanted_norm = training["grad_norms_before_clipping"][index];
      CHECK(std::abs(norm - wanted_norm) <= 1e-5 * wanted_norm);
      const double rate = train::learning_rate(options, step, steps);
      CHECK(rate == training["learning_rates"][index].get<double>());
      optimizer.step(rate, loss.sum, length);
    }
    optimizer.catch_up();
    check_logits(network.forward(reference->batch(0).packed), training["final_logits"], 2e-5);
  }
}
