#include "bench/study.hpp"

#include <algorithm>
#include <armadillo>
#include <cmath>
#include <ctime>
#include <limits>

#include "bo/encoding.hpp"
#include "random/philox.hpp"

namespace runner::bench {
namespace {

// Processor time of this thread.
double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

constexpr double kNear = 1e-3;

// Distance of the last point to the nearest earlier one.
double nearest(const std::vector<arma::vec>& points) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k + 1 < points.size(); ++k) {
    least = std::min(least, arma::norm(points[k] - points.back()));
  }
  return least;
}

}  // namespace

StudyResult run_study(const Problem& problem, const std::vector<std::vector<double>>& starts,
                      const StudyOptions& options) {
  const bo::Space space = problem.space();
  const bo::Encoding encoding(space);
  const int budget = options.budget > 0 ? options.budget : problem.budget;
  random::Stream noise(random::derive(options.seed, "observation noise"));
  StudyResult result;
  std::vector<bo::Observation> history;
  std::vector<arma::vec> features;
  double best = std::numeric_limits<double>::infinity();
  int modelled = 0;
  for (int i = 0; i < budget; ++i) {
    bo::Observation observation;
    const bool given = static_cast<std::size_t>(i) < starts.size();
    if (given) {
      observation.x = problem.from_unit(starts[static_cast<std::size_t>(i)]);
    } else {
      const double begin = cpu_now();
      bo::Suggestion suggestion = bo::suggest(space, history, options.suggest, options.seed);
      if (!suggestion.warm_start.empty()) {
        result.cpu_seconds += cpu_now() - begin;
        ++modelled;
      }
      observation.x = std::move(suggestion.x);
      observation.warm_start = std::move(suggestion.warm_start);
    }
    features.push_back(encoding.encode(observation.x));
    if (!given && nearest(features) < kNear) ++result.near_duplicates;
    const double value = problem(observation.x);
    observation.y = value + options.noise_stddev * noise.normal();
    best = std::min(best, value);
    result.regret.push_back(best - problem.minimum);
    history.push_back(std::move(observation));
  }
  if (modelled > 0) result.cpu_seconds /= modelled;
  const std::size_t index = bo::recommend(space, history, options.suggest).front().index;
  result.recommended = problem(history[index].x) - problem.minimum;
  return result;
}

}  // namespace runner::bench
