#include "fusion/rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace runner::fusion {
namespace {

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

std::vector<double> last(int snapshots, const Options&, std::span<const double>) {
  return vertex(snapshots, snapshots - 1);
}

// The later of equals; a loss that is not finite never wins over one that is.
std::vector<double> best(int snapshots, const Options&, std::span<const double> losses) {
  const auto loss = [&](int k) {
    const double value = losses[static_cast<std::size_t>(k)];
    return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
  };
  int chosen = snapshots - 1;
  for (int k = snapshots - 2; k >= 0; --k)
    if (loss(k) < loss(chosen)) chosen = k;
  return vertex(snapshots, chosen);
}

std::vector<double> swa(int snapshots, const Options&, std::span<const double>) {
  return mean_of_last(snapshots, snapshots);
}

std::vector<double> lawa(int snapshots, const Options& options, std::span<const double>) {
  return mean_of_last(snapshots, std::clamp(options.last_k, 1, snapshots));
}

constexpr std::array<Rule, 6> kRules = {{
    {"last", "the weights after the last step", Needs::nothing, last},
    {"best", "the single snapshot with the best selection score", Needs::scores, best},
    {"swa", "the mean of all snapshots (stochastic weight averaging)", Needs::nothing, swa},
    {"lawa", "the mean of the last_k last snapshots (latest weight averaging)", Needs::nothing,
     lawa},
    {"ema", "the run's exponential moving average (needs ema_decay > 0)", Needs::average, nullptr},
    {"bo", "weights that Bayesian optimisation finds on the fusion subset", Needs::search, nullptr},
}};

}  // namespace

std::span<const Rule> rules() { return kRules; }

const Rule* find_rule(std::string_view name) {
  const auto found = std::ranges::find(kRules, name, &Rule::name);
  return found == kRules.end() ? nullptr : &*found;
}

std::vector<std::vector<double>> inner_starts(int snapshots) {
  std::vector<std::vector<double>> starts;
  for (int k = snapshots - 1; k >= 0; --k) starts.push_back(vertex(snapshots, k));
  if (snapshots > 1) starts.push_back(mean_of_last(snapshots, snapshots));
  for (int count = 2; count < snapshots; count *= 2) {
    starts.push_back(mean_of_last(snapshots, count));
  }
  return starts;
}

}  // namespace runner::fusion
