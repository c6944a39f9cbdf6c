#include "report/page_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "bo/encoding.hpp"
#include "bo/sobol.hpp"
#include "bo/suggest.hpp"
#include "io/json.hpp"
#include "report/page_rows.hpp"
#include "report/statistics.hpp"

namespace runner::report {
namespace {

using json = io::Json;

constexpr double kPercent = 100.0;
constexpr std::size_t kIntervals = 16;   // of an axis
constexpr std::size_t kBackground = 32;  // settings of the other variables behind a main effect
constexpr std::size_t kFewest = 3;       // trials with a result that a belief is worth showing of

// A variable's range in parts, or all of its few values.
struct Axis {
  std::size_t variable = 0;
  std::vector<double> levels, edges;  // of a choice no edges
};

Axis axis_of(const std::vector<bo::Variable>& search, std::size_t index) {
  const bo::Variable& variable = search[index];
  Axis axis{.variable = index, .levels = {}, .edges = {}};
  if (variable.type == bo::Type::choice) {
    axis.levels.resize(variable.values.size());
    std::iota(axis.levels.begin(), axis.levels.end(), 0.0);
    return axis;
  }
  const bool few = variable.type == bo::Type::integer &&
                   variable.high - variable.low < static_cast<double>(kIntervals);
  if (few) {
    for (double value = variable.low; value <= variable.high; ++value) {
      axis.levels.push_back(value);
      axis.edges.push_back(value - 0.5);
    }
    axis.edges.push_back(variable.high + 0.5);
    return axis;
  }
  const auto at = [&](double part) {
    if (!variable.log) return variable.low + part * (variable.high - variable.low);
    return variable.low * std::pow(variable.high / variable.low, part);
  };
  constexpr double kParts = kIntervals;
  for (std::size_t i = 0; i < kIntervals; ++i) {
    axis.edges.push_back(at(static_cast<double>(i) / kParts));
    const double level = std::min(at((static_cast<double>(i) + 0.5) / kParts), variable.high);
    axis.levels.push_back(variable.type == bo::Type::integer ? std::round(level) : level);
  }
  axis.edges.push_back(variable.high);
  return axis;
}

// One cell's history as the search's model sees it.
struct Searched {
  const CellData* data = nullptr;
  std::vector<bo::Observation> history;
  bo::Options options;
};

std::vector<Searched> searched_cells(const spec::Spec& spec, const std::vector<CellData>& cells) {
  std::vector<Searched> searched;
  for (const CellData& data : cells) {
    const spec::Search search = data.cell.method->search;
    if (search != spec::Search::bo && search != spec::Search::random &&
        search != spec::Search::grid) {
      continue;
    }
    Searched cell{
        .data = &data, .history = experiment::observations_of(data.history.trials), .options = {}};
    cell.options.noise = spec.outer.noise;
    const auto ok = std::ranges::count(cell.history, bo::Status::ok, &bo::Observation::status);
    if (static_cast<std::size_t>(ok) >= kFewest) searched.push_back(std::move(cell));
  }
  return searched;
}

// The variance of each variable's main effect on the predicted outcome.
std::vector<double> main_effects(const bo::Space& space, const std::vector<Axis>& axes,
                                 const Searched& cell) {
  const bo::Encoding encoding(space);
  if (encoding.cube() == 0) return std::vector<double>(axes.size());  // nothing can vary
  const bo::Sobol sobol(encoding.cube(), 0);
  std::vector<double> u(encoding.cube());
  std::vector<bo::Point> points;
  for (const Axis& axis : axes) {
    for (const double level : axis.levels) {
      for (std::uint32_t k = 0; k < kBackground; ++k) {
        sobol.point(k, u);
        points.push_back(encoding.from_cube(u));
        points.back()[axis.variable] = level;
      }
    }
  }
  const auto predictions = bo::predict(space, cell.history, cell.options, points);
  std::vector<double> variances;
  std::size_t at = 0;
  for (const Axis& axis : axes) {
    std::vector<double> effects;
    for (std::size_t level = 0; level < axis.levels.size(); ++level) {
      double sum = 0.0;
      for (std::size_t k = 0; k < kBackground; ++k) sum += predictions[at++].mean;
      effects.push_back(sum / static_cast<double>(kBackground));
    }
    const double middle = mean(effects);
    double squares = 0.0;
    for (const double effect : effects) squares += (effect - middle) * (effect - middle);
    variances.push_back(squares / static_cast<double>(effects.size()));
  }
  return variances;
}

json surface_of(const bo::Space& space, const std::vector<Axis>& axes, const Searched& cell) {
  const CellData& data = *cell.data;
  const bo::Point base =
      cell.history[static_cast<std::size_t>(experiment::best_trial(data.history.trials))].x;
  std::vector<bo::Point> points;
  const std::vector<double> rows = axes.size() > 1 ? axes[1].levels : std::vector<double>{0.0};
  for (const double row : rows) {
    for (const double level : axes[0].levels) {
      bo::Point& point = points.emplace_back(base);
      point[axes[0].variable] = level;
      if (axes.size() > 1) point[axes[1].variable] = row;
    }
  }
  json mean = json::array(), stddev = json::array();
  for (const bo::Prediction& there : bo::predict(space, cell.history, cell.options, points)) {
    mean.push_back(shown(-kPercent * there.mean, 4));
    stddev.push_back(shown(kPercent * there.stddev, 3));
  }
  return {{"task", data.cell.task->task.name},
          {"method", data.cell.method->name},
          {"seed", data.cell.seed},
          {"mean", std::move(mean)},
          {"sd", std::move(stddev)}};
}

}  // namespace

json page_search(const spec::Spec& spec, const std::vector<CellData>& cells) {
  json importance = page_table({"variable", "share", "cells"});
  json page = {{"axes", json::array()}, {"surfaces", json::array()}};
  const std::vector<Searched> searched = searched_cells(spec, cells);
  const bo::Space space{.variables = spec.search};
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < spec.search.size(); ++i) axes.push_back(axis_of(spec.search, i));
  std::vector<double> shares(axes.size());
  std::size_t counted = 0;
  for (const Searched& cell : searched) {
    const std::vector<double> effects = main_effects(space, axes, cell);
    const double all = std::accumulate(effects.begin(), effects.end(), 0.0);
    if (!(all > 0.0) || !std::isfinite(all)) continue;  // a belief without a slope
    ++counted;
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] += effects[i] / all;
  }
  if (counted > 0) {
    std::ranges::stable_sort(axes, std::ranges::greater{},
                             [&](const Axis& axis) { return shares[axis.variable]; });
    for (const Axis& axis : axes) {
      add_row(importance, {spec.search[axis.variable].name,
                           shown(shares[axis.variable] / static_cast<double>(counted)), counted});
    }
    axes.resize(std::min<std::size_t>(axes.size(), 2));
    for (const Axis& axis : axes) {
      json edges = json::array();
      for (const double edge : axis.edges) edges.push_back(shown(edge));
      page["axes"].push_back(
          {{"variable", axis.variable}, {"edges", edges.empty() ? json() : std::move(edges)}});
    }
    for (const Searched& cell : searched) page["surfaces"].push_back(surface_of(space, axes, cell));
  }
  page["importance"] = std::move(importance);
  return page;
}

}  // namespace runner::report
