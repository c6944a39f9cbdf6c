#include "spec/spec.hpp"

#include <algorithm>

namespace runner::spec {

int start_trials(const Spec& spec) {
  const int known = 1 + static_cast<int>(spec.outer.starts.size());
  const int automatic = std::min(static_cast<int>(spec.search.size()) + 1, 4);
  return std::max(known, spec.outer.initial > 0 ? spec.outer.initial : automatic);
}

}  // namespace runner::spec
