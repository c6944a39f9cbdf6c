#include "train/evaluate.hpp"

#include <cmath>

#include "doctest/doctest.h"
#include "reference.hpp"

using namespace runner;

namespace {

data::EncodedSplit split_of(const ReferenceModel& reference) {
  data::EncodedSplit split;
  for (std::size_t index = 0; index < reference.json["batches"].size(); ++index) {
    const auto batch = reference.batch(index);
    split.ids.insert(split.ids.end(), batch.packed.ids.begin(), batch.packed.ids.end());
    for (const std::int32_t type : batch.packed.types)
      split.types.push_back(static_cast<std::uint8_t>(type));
    for (std::int64_t row = 0; row < batch.packed.rows(); ++row)
      split.offsets.push_back(split.offsets.back() + batch.packed.length(row));
    split.labels.insert(split.labels.end(), batch.labels.begin(), batch.labels.end());
  }
  return split;
}

}  // namespace

TEST_CASE("reference: evaluation is the same for a whole split and row by row") {
  for (const char* name : {"tiny_roberta", "tiny_bert", "tiny_regression"}) {
    CAPTURE(name);
    const auto reference = load_reference(name);
    if (!reference) return;
    const data::EncodedSplit split = split_of(*reference);
    train::Evaluator evaluator(reference->checkpoint.config, reference->classes, {});
    evaluator.load(reference->checkpoint.weights);
    const train::Scored all = evaluator.score(split);
    const auto classes = static_cast<std::size_t>(reference->classes);
    REQUIRE(all.logits.size() == classes * static_cast<std::size_t>(split.rows()));
    CHECK(all.tokens == split.offsets.back());
    double sum = 0.0;
    for (int row = 0; row < split.rows(); ++row) {
      const train::Scored one = evaluator.score(split, std::vector<int>{row});
      sum += one.mean_loss;
      for (std::size_t i = 0; i < classes; ++i)
        CHECK(
            one.logits[i] ==
            doctest::Approx(all.logits[static_cast<std::size_t>(row) * classes + i]).epsilon(1e-5));
    }
    CHECK(all.mean_loss == doctest::Approx(sum / split.rows()).epsilon(1e-6));
    const auto& wanted = reference->json["logits"];
    for (std::size_t row = 0; row < wanted.size(); ++row)
      for (std::size_t i = 0; i < classes; ++i)
        CHECK(std::abs(all.logits[row * classes + i] - wanted[row][i].get<double>()) <= 1e-5);
  }
}
