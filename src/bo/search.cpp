#include "bo/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bo/dense.hpp"
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
constexpr double kSame = 1e-7;             // largest feature difference of equal points
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
  if (!encoding.domain(std::vector<double>(encoding.features())).simplices.empty()) {
    for (std::size_t k = 0; k < kFaces; ++k) out.push_back(encoding.on_face(out[k], stream));
  }
  return out;
}

Matrix columns_of(const Encoding& encoding, std::span<const Point> points) {
  Matrix x(encoding.features(), points.size());
  for (std::size_t j = 0; j < points.size(); ++j) {
    const std::vector<double> features = encoding.encode(points[j]);
    for (std::size_t f = 0; f < features.size(); ++f) x(f, j) = features[f];
  }
  return x;
}

Found climb(const Encoding& encoding, const AcquisitionSurface& surface, Found found) {
  const Objective objective{[&](std::span<const double> x) { return -surface.at(x); },
                            [&](std::span<double> gradient) {
                              surface.gradient(gradient);
                              for (double& g : gradient) g = -g;
                            }};
  for (int round = 0; round < kRounds; ++round) {
    const Domain domain = encoding.domain(found.features);
    const Minimum top = minimise(objective, domain, found.features, {kEvaluations, 1e-7});
    Point x = encoding.decode(top.x);
    std::vector<double> features = encoding.encode(x);
    const double value = surface.at(features);
    if (value > found.value) found = {std::move(x), std::move(features), value};
    const std::vector<Point> steps = encoding.neighbours(found.x);
    if (steps.empty()) break;
    const std::vector<double> values = surface.over(columns_of(encoding, steps));
    const auto best = std::max_element(values.begin(), values.end());
    if (!(*best > found.value)) break;
    found.x = steps[static_cast<std::size_t>(best - values.begin())];
    found.features = encoding.encode(found.x);
    found.value = *best;
  }
  return found;
}

}  // namespace

bool contains(std::span<const std::vector<double>> points, std::span<const double> x) {
  return std::any_of(points.begin(), points.end(),
                     [&](const auto& p) { return Encoding::distance(p, x) <= kSame; });
}

std::optional<Found> maximise(const Encoding& encoding, const AcquisitionSurface& surface,
                              std::span<const Point> anchors,
                              std::span<const std::vector<double>> avoid, std::uint64_t seed) {
  const std::vector<Point> points = candidates(encoding, anchors, seed);
  const std::vector<double> values = surface.over(columns_of(encoding, points));
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::isnan(values[b]) ? !std::isnan(values[a]) : values[a] > values[b];
  });

  std::optional<Found> best;
  std::vector<std::vector<double>> begun;
  for (const std::size_t i : order) {
    if (begun.size() == kClimbs) break;
    Found start{points[i], encoding.encode(points[i]), values[i]};
    const bool near = std::any_of(begun.begin(), begun.end(), [&](const auto& other) {
      return Encoding::distance(other, start.features) < kApart;
    });
    if (near && encoding.count() == 0) continue;
    if (contains(avoid, start.features)) continue;
    begun.push_back(start.features);
    if (!best || start.value > best->value) best = start;
    Found top = climb(encoding, surface, std::move(start));
    if (top.value > best->value && !contains(avoid, top.features)) best = std::move(top);
  }
  return best;
}

}  // namespace runner::bo
