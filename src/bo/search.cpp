#include "bo/search.hpp"

#include <algorithm>
#include <cmath>

#include "bo/sobol.hpp"
#include "random/philox.hpp"

namespace runner::bo {
namespace {

constexpr std::uint32_t kGlobal = 256;  // Sobol candidates
constexpr std::size_t kPerAnchor = 32;  // candidates around each anchor
constexpr std::size_t kFaces = 64;      // candidates on faces of the simplices
constexpr std::size_t kClimbs = 5;      // best candidates that climb
constexpr int kRounds = 3;              // of a continuous climb and a step of an integer or choice
constexpr int kEvaluations = 40;        // of one continuous climb
constexpr std::size_t kEnumerated = 1024;  // finite spaces up to this are compared whole
constexpr double kApart = 0.02;            // climbs start at least this far from each other

std::vector<Point> candidates(const Encoding& encoding, std::span<const Point> anchors,
                              std::uint64_t seed) {
  std::vector<Point> out;
  if (encoding.count() > 0 && encoding.count() <= kEnumerated) {
    for (std::size_t i = 0; i < encoding.count(); ++i) out.push_back(encoding.enumerate(i));
    return out;
  }
  const Sobol sobol(encoding.cube(), random::derive(seed, "candidates"));
  std::vector<double> u(encoding.cube());
  for (std::uint32_t i = 0; i < kGlobal; ++i) {
    sobol.point(i, u);
    out.push_back(encoding.from_cube(u));
  }
  random::Stream stream(random::derive(seed, "around"));
  for (const Point& anchor : anchors) {
    for (std::size_t k = 0; k < kPerAnchor; ++k) {
      const double radius = 0.3 * std::pow(10.0, -3.0 * stream.uniform());
      out.push_back(encoding.near(anchor, radius, stream));
    }
  }
  if (!encoding.domain(arma::zeros(encoding.features())).simplices.empty()) {
    for (std::size_t k = 0; k < kFaces; ++k) out.push_back(encoding.on_face(out[k], stream));
  }
  return out;
}

// One row of features per point.
arma::mat rows_of(const Encoding& encoding, std::span<const Point> points) {
  arma::mat x(points.size(), encoding.features());
  for (std::size_t i = 0; i < points.size(); ++i) x.row(i) = encoding.encode(points[i]).t();
  return x;
}

Found climb(const Encoding& encoding, AcquisitionSurface& surface, Found found) {
  const Objective objective{[&](const arma::vec& x) { return -surface.at(x); },
                            [&] { return arma::vec(-surface.gradient()); }};
  for (int round = 0; round < kRounds; ++round) {
    const Domain domain = encoding.domain(found.features);
    const arma::vec top = minimise(objective, domain, found.features, {kEvaluations, 1e-7});
    Point x = encoding.decode(top);
    arma::vec features = encoding.encode(x);
    const double value = surface.at(features);
    if (value > found.value) found = {std::move(x), std::move(features), value};
    const std::vector<Point> steps = encoding.neighbours(found.x);
    if (steps.empty()) break;
    const arma::vec values = surface.over(rows_of(encoding, steps));
    const arma::uword best = values.index_max();
    if (!(values(best) > found.value)) break;
    found = {steps[best], encoding.encode(steps[best]), values(best)};
  }
  return found;
}

}  // namespace

bool contains(std::span<const arma::vec> points, const arma::vec& x, double distance) {
  return std::any_of(points.begin(), points.end(),
                     [&](const auto& p) { return arma::norm(p - x, "inf") <= distance; });
}

std::optional<Found> maximise(const Encoding& encoding, AcquisitionSurface& surface,
                              std::span<const Point> anchors, std::span<const arma::vec> avoid,
                              std::uint64_t seed) {
  const std::vector<Point> points = candidates(encoding, anchors, seed);
  arma::vec values = surface.over(rows_of(encoding, points));
  values.replace(arma::datum::nan, -arma::datum::inf);

  std::optional<Found> best;
  std::vector<arma::vec> begun;
  for (const arma::uword i : arma::uvec(arma::stable_sort_index(values, "descend"))) {
    if (begun.size() == kClimbs) break;
    Found start{points[i], encoding.encode(points[i]), values(i)};
    if (encoding.count() == 0 && contains(begun, start.features, kApart)) continue;
    if (contains(avoid, start.features)) continue;
    begun.push_back(start.features);
    if (!best || start.value > best->value) best = start;
    Found top = climb(encoding, surface, std::move(start));
    if (top.value > best->value && !contains(avoid, top.features)) best = std::move(top);
  }
  return best;
}

}  // namespace runner::bo
