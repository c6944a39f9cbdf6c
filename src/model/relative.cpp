#include "model/relative.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace runner::model {

int relative_bucket(std::int64_t distance) {
  constexpr int kSide = kRelativeBuckets / 2, kExact = kSide / 2, kFarthest = 128;
  const int after = distance > 0 ? kSide : 0;
  const auto apart = std::abs(distance);
  if (apart < kExact) return after + static_cast<int>(apart);
  // In fp32, as transformers reckons it.
  const float share = std::log(static_cast<float>(apart) / float{kExact}) /
                      static_cast<float>(std::log(double{kFarthest} / kExact));
  return after + std::min(kSide - 1, kExact + static_cast<int>(share * float{kSide - kExact}));
}

}  // namespace runner::model
