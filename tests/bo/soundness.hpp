#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "bo/encoding.hpp"
#include "bo/suggest.hpp"

namespace runner::bo {

inline Observation observed(Point x, double y, Status status = Status::ok) {
  Observation o;
  o.x = std::move(x);
  o.y = y;
  o.status = status;
  return o;
}

inline bool same(const Suggestion& a, const Suggestion& b) {
  return a.x == b.x && a.source == b.source && a.acquisition_value == b.acquisition_value &&
         a.mean == b.mean && a.stddev == b.stddev && a.exhausted == b.exhausted &&
         a.repeated == b.repeated && a.warm_start == b.warm_start && a.nominees == b.nominees;
}

// Inside the space exactly, and nothing in it that is not a number.
inline bool sound(const Space& space, const Suggestion& s) {
  const Encoding encoding(space);
  const arma::vec there = encoding.encode(encoding.checked(s.x, "suggestion"));
  bool finite = std::isfinite(s.acquisition_value) && std::isfinite(s.mean) &&
                std::isfinite(s.stddev) && s.stddev >= 0.0;
  for (const double v : s.warm_start) finite = finite && std::isfinite(v);
  finite = finite && encoding.is_inside(encoding.checked(s.x, "suggestion"));
  return finite && arma::norm(there - encoding.encode(s.x), "inf") < 1e-12;
}

}  // namespace runner::bo
