#include "experiment/pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace runner::experiment {

Pool choose_pool(int cores, int cells, int groups, int most) {
  Pool best;
  double least = std::numeric_limits<double>::infinity();
  for (int workers = 1; workers <= std::min({cores, groups, most}); ++workers) {
    const Pool pool{workers, cores / workers};
    const int rounds = (cells + workers - 1) / workers;
    const double time = rounds * std::pow(pool.threads, -0.85);
    if (time >= least) continue;
    least = time;
    best = pool;
  }
  return best;
}

}  // namespace runner::experiment
