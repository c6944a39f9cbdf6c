#include "fusion/rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace runner::fusion {
namespace {

constexpr int kParts = 5;  // of the segment that measures the wiggle
constexpr double kWorst = std::numeric_limits<double>::infinity();

std::vector<double> vertex(int snapshots, int index) {
  std::vector<double> weights(static_cast<std::size_t>(snapshots));
  weights[static_cast<std::size_t>(index)] = 1.0;
  return weights;
}

std::vector<double> mean_of_last(int snapshots, int count) {
  std::vector<double> weights(static_cast<std::size_t>(snapshots));
  std::fill(weights.end() - count, weights.end(), 1.0 / count);
  return weights;
}

Step answer(std::vector<double> alpha) {
  Step step;
  step.alpha = std::move(alpha);
  return step;
}

Step ask(std::vector<double> alpha, Objective objective, const char* source) {
  Step step;
  step.kind = Step::Kind::measure;
  step.alpha = std::move(alpha);
  step.loss = objective == Objective::training_loss;
  step.selection = !step.loss;
  step.objective = objective;
  step.why.source = source;
  return step;
}

// The next single snapshot to measure, the last first.
Step ask_snapshot(const Progress& progress, Objective objective) {
  const int index = progress.snapshots - 1 - static_cast<int>(progress.measured.size());
  return ask(vertex(progress.snapshots, index), objective, "snapshot");
}

bool has_all_snapshots(const Progress& progress) {
  return static_cast<int>(progress.measured.size()) >= progress.snapshots;
}

// Of snapshot k, once all are measured; infinite where it is not finite.
double value_of_snapshot(const Progress& progress, int k, Objective objective) {
  const auto place = static_cast<std::size_t>(progress.snapshots - 1 - k);
  const double value = value_of(progress.measured[place], objective);
  return std::isfinite(value) ? value : kWorst;
}

Step last(const Progress& progress) {
  return answer(vertex(progress.snapshots, progress.snapshots - 1));
}

// The later of equals.
Step best(const Progress& progress) {
  constexpr auto kScore = Objective::selection_score;
  if (!has_all_snapshots(progress)) return ask_snapshot(progress, kScore);
  int chosen = progress.snapshots - 1;
  for (int k = chosen - 1; k >= 0; --k) {
    const bool better =
        value_of_snapshot(progress, k, kScore) < value_of_snapshot(progress, chosen, kScore);
    if (better) chosen = k;
  }
  return answer(vertex(progress.snapshots, chosen));
}

Step swa(const Progress& progress) {
  return answer(mean_of_last(progress.snapshots, progress.snapshots));
}

Step lawa(const Progress& progress) {
  return answer(
      mean_of_last(progress.snapshots, std::clamp(progress.options.last_k, 1, progress.snapshots)));
}

Step ema(const Progress&) {
  Step step;
  step.kind = Step::Kind::average;
  return step;
}

// alpha_k ~ exp(-(loss_k - mean) / standard deviation): of no unit, and what is a standard
// deviation worse weighs e times less. A snapshot whose loss is not finite weighs nothing.
Step weighted(const Progress& progress) {
  constexpr auto kLoss = Objective::training_loss;
  if (!has_all_snapshots(progress)) return ask_snapshot(progress, kLoss);
  const int snapshots = progress.snapshots;
  double count = 0.0, mean = 0.0, square = 0.0;
  for (int k = 0; k < snapshots; ++k) {
    const double loss = value_of_snapshot(progress, k, kLoss);
    if (!std::isfinite(loss)) continue;
    count += 1.0;
    const double before = loss - mean;
    mean += before / count;
    square += before * (loss - mean);
  }
  if (count == 0.0) throw NothingFinite("no snapshot has a finite loss");
  const double deviation = std::sqrt(square / count);
  std::vector<double> weights(static_cast<std::size_t>(snapshots));
  for (int k = 0; k < snapshots; ++k) {
    const double above = value_of_snapshot(progress, k, kLoss) - mean;
    if (!std::isfinite(above)) continue;
    weights[static_cast<std::size_t>(k)] = deviation > 0.0 ? std::exp(-above / deviation) : 1.0;
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return answer(std::move(weights));
}

// Wortsman et al. 2022, "Model soups", recipe 1: from the best snapshot on, each that does not make
// the mean's selection score worse comes in.
Step greedy(const Progress& progress) {
  constexpr auto kScore = Objective::selection_score;
  if (!has_all_snapshots(progress)) return ask_snapshot(progress, kScore);
  const int snapshots = progress.snapshots;
  std::vector<int> order(static_cast<std::size_t>(snapshots));
  std::iota(order.rbegin(), order.rend(), 0);  // the last first, also among equals
  std::ranges::stable_sort(order, {},
                           [&](int k) { return value_of_snapshot(progress, k, kScore); });
  std::vector<int> soup = {order.front()};
  double lowest = value_of_snapshot(progress, order.front(), kScore);
  const auto mean_with = [&](std::vector<int> members, int more) {
    if (more >= 0) members.push_back(more);
    std::vector<double> weights(static_cast<std::size_t>(snapshots));
    for (const int k : members) {
      weights[static_cast<std::size_t>(k)] = 1.0 / static_cast<double>(members.size());
    }
    return weights;
  };
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::size_t asked = order.size() + i - 1;
    if (asked == progress.measured.size()) {
      return ask(mean_with(soup, order[i]), kScore, "soup");
    }
    const double value = value_of(progress.measured[asked], kScore);
    if (!(value <= lowest)) continue;
    lowest = value;
    soup.push_back(order[i]);
  }
  return answer(mean_with(soup, -1));
}

constexpr std::array kRules = {
    Rule{"last", "the weights after the last step", last},
    Rule{"best", "the single snapshot with the best selection score", best},
    Rule{"swa", "the mean of all snapshots (stochastic weight averaging)", swa},
    Rule{"lawa", "the mean of the last_k last snapshots (latest weight averaging)", lawa},
    Rule{"ema", "the run's exponential moving average (needs ema_decay > 0)", ema},
    Rule{"weighted", "the mean of all snapshots, weighted by their loss on the fusion subset",
         weighted},
    Rule{"greedy", "a soup: snapshots from the best on, as long as selection does not suffer",
         greedy},
    Rule{"learned", "weights by gradient descent on the loss on the fusion subset", descend},
    Rule{"bo", "weights that Bayesian optimisation finds on the fusion subset", search_one},
    Rule{"ehvi", "BOMF's inner loop: loss and metric at once, the best by the metric kept",
         search_two},
};

}  // namespace

double value_of(const Measured& measured, Objective objective) {
  switch (objective) {
    case Objective::training_loss:
      return measured.loss;
    case Objective::selection_loss:
      return measured.selection_loss;
    case Objective::selection_score:
      break;
  }
  return -measured.selection_score;
}

std::span<const Rule> rules() { return kRules; }

const Rule* find_rule(std::string_view name) {
  const auto found = std::ranges::find(kRules, name, &Rule::name);
  return found == kRules.end() ? nullptr : &*found;
}

std::vector<std::vector<double>> inner_starts(int snapshots, Precision precision) {
  std::vector<std::vector<double>> starts;
  for (int k = snapshots - 1; k >= 0; --k) starts.push_back(vertex(snapshots, k));
  if (snapshots > 1) starts.push_back(mean_of_last(snapshots, snapshots));
  for (int count = 2; count < snapshots; count *= 2) {
    starts.push_back(mean_of_last(snapshots, count));
  }
  for (int part = 1; precision == Precision::bf16 && snapshots > 1 && part < kParts; ++part) {
    const double along = part / double{kParts};
    std::vector<double>& mix = starts.emplace_back(mean_of_last(snapshots, snapshots));
    for (double& weight : mix) weight *= along;
    mix.back() += 1.0 - along;
  }
  return starts;
}

double wiggle_variance(std::span<const double> values) {
  double sum = 0.0;
  for (std::size_t i = 3; i < values.size(); ++i) {
    const double third = values[i] - 3.0 * values[i - 1] + 3.0 * values[i - 2] - values[i - 3];
    sum += third * third / 20.0;
  }
  const double mean = sum / (static_cast<double>(values.size()) - 3.0);
  return values.size() > 3 && std::isfinite(mean) ? mean : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace runner::fusion
