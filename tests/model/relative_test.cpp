#include "model/relative.hpp"

#include <cstdint>
#include <fstream>

#include "doctest/doctest.h"
#include "io/json.hpp"
#include "places.hpp"

using namespace runner;

TEST_CASE("relative positions have transformers' buckets") {
  const auto json =
      io::Json::parse(std::ifstream(source_dir() / "tests/families/mpnet/reference.json"));
  const auto& buckets = json["relative buckets"];
  const auto farthest = static_cast<std::int64_t>(buckets.size() / 2);
  REQUIRE(farthest == 300);
  for (std::int64_t distance = -farthest; distance <= farthest; ++distance) {
    CAPTURE(distance);
    CHECK(model::relative_bucket(distance) ==
          buckets[static_cast<std::size_t>(distance + farthest)]);
  }
}
