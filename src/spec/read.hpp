#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/problems.hpp"
#include "spec/yaml.hpp"

namespace runner::spec {

// Allowed numbers: low to high, both included unless open.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  bool contains(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }
};
std::string describe(const Range& range);  // "above 0", "from 0 to 1", "at least 1"

// Readers of one value. Each adds a problem that starts with `what` and returns nothing when the
// value is not what it must be.
std::optional<double> read_number(const Node& node, std::string_view what, const Range& range,
                                  Problems& problems);
std::optional<std::int64_t> read_integer(const Node& node, std::string_view what,
                                         const Range& range, Problems& problems);
std::optional<std::uint64_t> read_seed(const Node& node, std::string_view what, Problems& problems);
// Bytes: a number with its unit, kB, MB, GB or TB (1000 each), as in `16 GB`.
std::optional<std::uint64_t> read_bytes(const Node& node, std::string_view what,
                                        Problems& problems);
std::optional<bool> read_boolean(const Node& node, std::string_view what, Problems& problems);
std::optional<std::string> read_text(const Node& node, std::string_view what, Problems& problems);
// The name of a run or of a task, which is also a folder's.
std::optional<std::string> read_folder_name(const Node& node, std::string_view what,
                                            Problems& problems);
// The index of a text in `names`.
std::optional<std::size_t> read_name(const Node& node, std::string_view what,
                                     std::span<const std::string_view> names, Problems& problems);
// The items of a list that is not empty; a single scalar counts as a list of one. Empty after a
// problem.
std::vector<const Node*> read_list(const Node& node, std::string_view what, Problems& problems);

// Reads one map key by key; what nobody asked for is unknown.
class Section {
 public:
  // `what` names the map in problems ("recipe", "tasks.1"). Reports a node that is not a map
  // (it then reads as empty) and duplicate keys.
  Section(const Node& node, std::string what, Problems& problems);
  // The key's value, or null when the key is absent or has no value (a problem).
  const Node* get(std::string_view key);
  // The same, and a problem when the key is absent.
  const Node* require(std::string_view key);
  // Reports the keys that were never asked for.
  void finish();
  const Place& place() const { return node_.place; }
  std::string path(std::string_view key) const;  // "recipe.lr"

 private:
  const Node& node_;
  std::string what_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

}  // namespace runner::spec
