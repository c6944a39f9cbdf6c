// Random spaces and histories, the odd ones above all.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Variable random_variable(random::Stream& stream) {
  const std::vector<double> bounds = {-1e308, -1e6, -1.0, 0.0, 1e-300, 1e-6, 1.0, 1e6, 1e308};
  Variable v;
  v.name = "v";
  v.type = static_cast<Type>(stream.below(4));
  if (v.type == Type::simplex) {
    v.size = 1 + static_cast<int>(stream.below(6));
  } else if (v.type == Type::choice) {
    v.values.assign(1 + stream.below(5), "value");
    v.retired = static_cast<int>(stream.below(v.values.size()));
  } else if (v.type == Type::integer) {
    v.low = std::floor(-5.0 + 10.0 * stream.uniform());
    v.high =
        v.low + static_cast<double>(stream.below(3) == 0 ? stream.below(100000) : stream.below(6));
    v.log = v.low > 0.0 && stream.below(2) == 0;
  } else {
    const std::size_t low = stream.below(bounds.size()), high = stream.below(bounds.size());
    v.low = bounds[std::min(low, high)];
    v.high = bounds[std::max(low, high)];
    v.log = v.low > 0.0 && stream.below(2) == 0;
  }
  return v;
}

double random_outcome(random::Stream& stream, std::uint64_t kind) {
  const std::vector<double> odd = {kNaN,   kInfinity, -kInfinity, 1e300, -1e300,
                                   1e-300, 0.0,       1.7e308,    5e-324};
  switch (kind) {
    case 0:
      return 1.0;
    case 1:
      return odd[stream.below(odd.size())];
    case 2:
      return std::exp(60.0 * stream.normal());
    default:
      return stream.below(12) == 0 ? odd[stream.below(odd.size())] : stream.normal();
  }
}

// Whether a random space and history give sound points, the same ones twice.
bool case_holds(std::uint64_t seed) {
  constexpr std::array names = {"ei", "logei", "pi", "ucb", "hedge", "ei+ucb+pi", "ehvi"};
  random::Stream stream(seed);
  Space space;
  const std::uint64_t variables = 1 + stream.below(4);
  for (std::uint64_t i = 0; i < variables; ++i) {
    Variable& v = space.variables.emplace_back(random_variable(stream));
    const std::size_t parent = stream.below(i + 1);
    const Variable& other = space.variables[parent];
    const bool fits = other.type == Type::choice || other.type == Type::integer;
    if (parent == i || !fits || stream.below(2) == 0) continue;
    v.when.push_back({parent, {other.type == Type::choice ? 0.0 : other.low}});
  }
  const Encoding encoding(space);

  std::vector<Observation> history;
  const std::uint64_t kind = stream.below(6), count = stream.below(24);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::vector<double> u(encoding.cube());
    const std::uint64_t coarse = stream.below(3);  // of 0: many equal and extreme points
    for (double& x : u)
      x = coarse == 0 ? static_cast<double>(stream.below(2)) * 0.999 : stream.uniform();
    Observation o = observed(encoding.from_cube(u), random_outcome(stream, kind));
    o.y2 = random_outcome(stream, kind);
    const std::uint64_t status = stream.below(10);
    o.status = status == 0 ? Status::failed : status == 1 ? Status::pending : Status::ok;
    if (stream.below(8) == 0) o.noise_variance = std::abs(random_outcome(stream, 3));
    if (std::isinf(o.noise_variance)) o.noise_variance = 1.0;
    if (stream.below(8) == 0) o.noise_variance2 = stream.uniform();
    for (std::size_t k = 0; stream.below(3) == 0 && k < 4; ++k) {  // four acquisitions
      o.nominees.insert(o.nominees.end(), o.x.begin(), o.x.end());
    }
    for (std::uint64_t k = stream.below(12); k > 0 && stream.below(4) == 0; --k) {
      o.warm_start.push_back(random_outcome(stream, 2));
    }
    history.push_back(std::move(o));
  }
  Options options;
  options.acquisition = names[stream.below(names.size())];
  options.noise = stream.below(2) == 0 ? Noise::learned : Noise::deterministic;
  options.initial = static_cast<int>(stream.below(8));
  options.stop_expected_improvement = stream.below(2) == 0 ? 0.0 : 1e-6;
  options.beta = 10.0 * stream.uniform();

  const auto first = suggest(space, history, options, seed, 2);
  const auto second = suggest(space, history, options, seed, 2);
  bool holds = true;
  for (std::size_t k = 0; k < 2; ++k) {
    holds = holds && sound(space, first[k]) && same(first[k], second[k]);
  }
  return holds;
}

TEST_CASE(
    "property: random spaces and histories give a finite point of the space, twice the same") {
  // rapidcheck makes 100 seeds; each stands for 30 cases.
  const bool holds = rc::check([](std::uint64_t seed) {
    for (std::uint64_t k = 0; k < 30; ++k) RC_ASSERT(case_holds(random::derive(seed, "case", k)));
  });
  CHECK(holds);
}

}  // namespace
}  // namespace runner::bo
