#include "report/family.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/csv.hpp"
#include "random/philox.hpp"
#include "report/table.hpp"
#include "spec/comparisons.hpp"

namespace runner::report {
namespace {

constexpr double kLevel = 0.95;
constexpr int kFlips = 100000;

std::size_t index_of(const spec::Spec& spec, const spec::Method& method) {
  return static_cast<std::size_t>(&method - spec.methods.data());
}

Comparison measure(const spec::Spec& spec, const spec::Contrast& contrast, const Scores& scores,
                   const Resampled& resampled) {
  Comparison result;
  result.method = spec::find_method(spec, contrast.method);
  result.against = spec::find_method(spec, contrast.against);
  result.differences = scores.differences(scores.tasks(), *result.method, *result.against);
  result.estimate = estimate(result.differences);
  result.p_value = result.estimate.p_value();
  if (!std::isnan(result.estimate.difference)) {
    result.sign_flip = sign_flip_p_value(
        result.differences, kFlips,
        random::derive(0, fmt::format("flip/{}/{}", contrast.method, contrast.against)));
  }
  std::vector<std::size_t> tasks(spec.tasks.size());
  std::iota(tasks.begin(), tasks.end(), std::size_t{0});
  result.rows = resampled.interval(tasks, index_of(spec, *result.method),
                                   index_of(spec, *result.against), kLevel);
  return result;
}

void decide(const spec::Spec& spec, const Corrected& corrected, Comparison& comparison) {
  comparison.corrected = corrected;
  comparison.verdict = judge(comparison.estimate, corrected, spec.equivalence);
  if (comparison.verdict == Verdict::undecided) {
    comparison.seeds_to_decide =
        values_to_decide(comparison.differences, corrected.factor, spec.equivalence);
  }
}

}  // namespace

int Comparison::pairs() const {
  int count = 0;
  for (const auto& stratum : differences) count += static_cast<int>(stratum.size());
  return count;
}

std::vector<Comparison> compare(const spec::Spec& spec, const Scores& scores,
                                const Resampled& resampled) {
  std::vector<Comparison> all;
  if (spec.primary) {
    all.push_back(measure(spec, *spec.primary, scores, resampled));
    all.back().primary = true;
    decide(spec, {all.back().p_value, 1}, all.back());
  }
  const std::size_t begin = all.size();
  std::vector<double> p_values;
  for (const spec::Contrast& contrast : spec.comparisons) {
    all.push_back(measure(spec, contrast, scores, resampled));
    p_values.push_back(all.back().p_value);
  }
  const std::vector<Corrected> corrected = correct_by_holm(p_values);
  for (std::size_t i = 0; i < corrected.size(); ++i) decide(spec, corrected[i], all[begin + i]);
  return all;
}

std::string verdict_text(const Comparison& comparison) {
  if (comparison.verdict == Verdict::undecided) {
    return comparison.seeds_to_decide > 0
               ? fmt::format("undecided ({} seeds)", comparison.seeds_to_decide)
               : "undecided (> 1000 seeds)";
  }
  if (comparison.verdict != Verdict::none) return std::string(verdict_name(comparison.verdict));
  const auto fewest = std::ranges::min_element(comparison.differences, {},
                                               [](const auto& stratum) { return stratum.size(); });
  if (fewest == comparison.differences.end() || fewest->empty()) return "not complete";
  return fewest->size() == 1 ? "one seed" : "no spread";
}

std::string range_text(const Interval& interval) {
  if (std::isnan(interval.low)) return "–";
  return fmt::format("[{}, {}]", rounded(interval.low, 2), rounded(interval.high, 2));
}

std::string family_caption(const spec::Spec& spec) {
  std::string text = "Differences of the average in points";
  if (!spec.baseline.empty())
    text += fmt::format(", where nothing else is said to {}", spec.baseline);
  text += fmt::format(
      ", with Student's t intervals over {} seed{} (a stratum per task, Satterthwaite's degrees of "
      "freedom); p by the same t, Holm's over the {} comparisons of the family; better or worse: "
      "Holm's p below {}; equal: the {:.0f} % interval lies within ±{}; undecided: the seeds that "
      "would decide it at this spread",
      spec.seeds.size(), spec.seeds.size() == 1 ? "" : "s", spec.comparisons.size(), kSignificance,
      100.0 * kEquivalenceLevel, io::number(spec.equivalence));
  if (spec.primary) {
    text += fmt::format("; the primary comparison, {} against {}, stands by itself",
                        spec.primary->method, spec.primary->against);
  }
  return text + ".";
}

const Comparison* find_comparison(const std::vector<Comparison>& comparisons,
                                  const spec::Method& method, const spec::Method& against) {
  const auto found = std::ranges::find_if(comparisons, [&](const Comparison& comparison) {
    return comparison.method == &method && comparison.against == &against;
  });
  return found == comparisons.end() ? nullptr : &*found;
}

}  // namespace runner::report
