#include "spec/problems.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "io/error.hpp"

namespace runner::spec {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

void Problems::add(const Place& place, std::string message) {
  add(problems_, place, std::move(message));
}

void Problems::warn(const Place& place, std::string message) {
  add(warnings_, place, std::move(message));
}

void Problems::add(std::vector<Problem>& to, const Place& place, std::string message) {
  const bool known = std::ranges::any_of(to, [&](const Problem& problem) {
    return problem.place.source == place.source && problem.place.line == place.line &&
           problem.place.column == place.column && problem.message == message;
  });
  if (!known) to.push_back({place, std::move(message)});
}

void Problems::throw_if_any() const {
  if (!problems_.empty()) throw InputError(fmt::format("{}", fmt::join(shown(problems_), "\n")));
}

std::vector<std::string> Problems::warnings() const { return shown(warnings_); }

std::vector<std::string> Problems::shown(std::vector<Problem> problems) {
  // The file first, then the command line in its order: stable within equal places.
  std::ranges::stable_sort(problems, {}, [](const Problem& problem) {
    const bool excerpt = !problem.place.source->lines.empty();
    return excerpt ? std::tuple(0, problem.place.line, problem.place.column) : std::tuple(1, 0, 0);
  });
  std::vector<std::string> texts;
  for (const Problem& problem : problems) {
    const Source& source = *problem.place.source;
    if (source.lines.empty()) {
      texts.push_back(fmt::format("{}: {}", source.name, problem.message));
      continue;
    }
    const auto line = std::min(static_cast<std::size_t>(std::max(problem.place.line, 0)),
                               source.lines.size() - 1);
    const std::string& text = source.lines[line];
    const auto column =
        std::min(static_cast<std::size_t>(std::max(problem.place.column, 0)), text.size());
    std::string margin;  // one column for each character before the place, tabs kept
    for (const char c : std::string_view(text).substr(0, column)) {
      if (!continues_character(c)) margin += c == '\t' ? '\t' : ' ';
    }
    texts.push_back(fmt::format("{}:{}:{}: {}\n  {}\n  {}^", source.name, line + 1,
                                margin.size() + 1, problem.message, text, margin));
  }
  return texts;
}

std::string_view find_nearest(std::string_view name, std::span<const std::string_view> candidates) {
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= least || distance >= candidate.size()) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string unknown(std::string_view what, std::string_view name,
                    std::span<const std::string_view> candidates) {
  const std::string_view nearest = find_nearest(name, candidates);
  return fmt::format("unknown {} '{}'{} (known: {})", what, name,
                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest),
                     fmt::join(candidates, ", "));
}

}  // namespace runner::spec
