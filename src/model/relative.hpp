#pragma once

#include <cstdint>

namespace runner::model {

// Attention's bias by relative position (Raffel et al. 2020, as MPNet takes it): near distances
// have a bucket each, farther ones share buckets that grow with the logarithm, and those from 128
// on one bucket to each side.
constexpr int kRelativeBuckets = 32;

// The bucket of a key that stands `distance` places after its query.
int relative_bucket(std::int64_t distance);

}  // namespace runner::model
