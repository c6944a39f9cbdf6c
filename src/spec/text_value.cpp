#include "spec/text_value.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "io/csv.hpp"

namespace runner::spec {
namespace {

constexpr std::string_view kTrue[] = {"true", "True", "TRUE"};
constexpr std::string_view kFalse[] = {"false", "False", "FALSE"};
// As they are written, lower case: by pandas, R, NumPy, SQL, spreadsheets.
constexpr std::array<std::string_view, 8> kMissing = {"",     "nan",  "na",   "n/a",
                                                      "none", "null", "<na>", "#n/a"};

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_missing(std::string_view text) {
  return std::ranges::find(kMissing, lower_case(text)) != kMissing.end();
}

std::optional<double> as_number(std::string_view text) {
  double value = 0.0;
  if (io::parse_number(text, value)) return value;
  if (std::ranges::find(kTrue, text) != std::end(kTrue)) return 1.0;
  if (std::ranges::find(kFalse, text) != std::end(kFalse)) return 0.0;
  return {};
}

std::optional<std::size_t> find_value(const bo::Variable& choice, std::string_view text) {
  const auto same = std::ranges::find(choice.values, text);
  if (same != choice.values.end()) return static_cast<std::size_t>(same - choice.values.begin());
  const std::optional<double> number = as_number(text);
  if (!number) return {};
  std::optional<std::size_t> nearest;
  double least = kFloatRounding;
  for (std::size_t i = 0; i < choice.values.size(); ++i) {
    const std::optional<double> value = as_number(choice.values[i]);
    if (!value) continue;
    const double error = std::abs(*number - *value);
    if (error > least * std::abs(*value)) continue;
    nearest = i;
    least = error == 0.0 ? 0.0 : error / std::abs(*value);
  }
  return nearest;
}

}  // namespace runner::spec
