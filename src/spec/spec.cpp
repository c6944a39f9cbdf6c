#include "spec/spec.hpp"

#include <algorithm>

namespace runner::spec {

int start_trials(const Spec& spec) {
  const int known = 1 + static_cast<int>(spec.outer.starts.size());
  const int automatic = bo::start_design(static_cast<int>(spec.search.size()));
  return std::max(known, spec.outer.initial > 0 ? spec.outer.initial : automatic);
}

}  // namespace runner::spec
