#include "lab/scorer.hpp"

#include <functional>
#include <optional>
#include <utility>

namespace runner::lab {
namespace {

class EvaluatingScorer : public Scorer {
 public:
  EvaluatingScorer(const model::EncoderConfig& config, int classes, const train::Device& device,
                   train::Precision precision, double target_scale)
      : evaluator_(config, classes, device, precision, target_scale), make_gradient_([=] {
          return train::LossGradient(config, classes, device, precision, target_scale);
        }) {}

  void load(std::vector<float> weights) override {
    weights_ = std::move(weights);
    evaluator_.load(weights_);
  }
  train::Scored score(const data::EncodedSplit& split, std::span<const int> rows) override {
    return evaluator_.score(split, rows);
  }
  train::LossGradient::Result loss_gradient(const data::EncodedSplit& split,
                                            std::span<const int> rows) override {
    if (!gradient_) gradient_.emplace(make_gradient_());
    return gradient_->at(weights_, split, rows);
  }

 private:
  std::vector<float> weights_;
  train::Evaluator evaluator_;
  std::function<train::LossGradient()> make_gradient_;
  std::optional<train::LossGradient> gradient_;  // once it is asked for
};

}  // namespace

std::unique_ptr<Scorer> make_scorer(const model::EncoderConfig& config, int classes,
                                    const train::Device& device, train::Precision precision,
                                    double target_scale) {
  train::prepare_device(device, /*deterministic=*/true);
  return std::make_unique<EvaluatingScorer>(config, classes, device, precision, target_scale);
}

}  // namespace runner::lab
