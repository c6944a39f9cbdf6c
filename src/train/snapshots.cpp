#include "train/snapshots.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "fusion/trajectory.hpp"
#include "io/error.hpp"

namespace runner::train {
namespace fs = std::filesystem;

namespace {

void save_snapshot(const fs::path& folder, std::int64_t step, const std::vector<float>& weights) {
  fusion::save_trajectory(folder / snapshot_name(step), {&weights, 1});
}

}  // namespace

std::string snapshot_name(std::int64_t step) { return fmt::format("snapshot-{}", step); }

std::optional<std::vector<float>> load_snapshot(const fs::path& folder, std::int64_t step) {
  const fs::path path = folder / snapshot_name(step);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const fusion::Trajectory snapshot(std::vector{path});
    if (snapshot.size() != 1) return std::nullopt;
    return snapshot.mix(std::vector{1.0});  // a vertex: its own bits
  } catch (const InputError&) {
    return std::nullopt;
  }
}

void load_snapshots(const fs::path& folder, Result& result) {
  for (std::size_t k = 0; k < result.snapshots.size(); ++k) {
    if (!result.snapshots[k].empty()) continue;
    auto snapshot = load_snapshot(folder, result.snapshot_steps[k]);
    if (!snapshot) {
      throw InputError(fmt::format("{}: is missing, or was changed after it was written",
                                   (folder / snapshot_name(result.snapshot_steps[k])).string()));
    }
    result.snapshots[k] = *std::move(snapshot);
  }
}

bool Snapshots::due(std::int64_t step) const { return std::ranges::binary_search(steps_, step); }

// What cannot be written now is held, and tried again, and told, by save().
bool Snapshots::write(const std::vector<float>& weights) try {
  if (folder_.empty()) return false;
  save_snapshot(folder_, steps_[held_.size()], weights);
  held_.emplace_back();
  return true;
} catch (const InputError&) {
  return false;
}

void Snapshots::collect() {
  if (!coming_.valid()) return;
  std::vector<float> weights = coming_.get();
  if (!write(weights)) hold(std::move(weights));
}

void Snapshots::save() {
  for (std::size_t k = 0; k < held_.size(); ++k) {
    if (held_[k].empty()) continue;
    save_snapshot(folder_, steps_[k], held_[k]);
    held_[k] = {};
  }
}

bool Snapshots::restore(std::int64_t step, std::int64_t floats) {
  const auto count = std::ranges::upper_bound(steps_, step) - steps_.begin();
  const bool whole = std::all_of(steps_.begin(), steps_.begin() + count, [&](std::int64_t at) {
    const auto weights = load_snapshot(folder_, at);
    return weights && std::ssize(*weights) == floats;
  });
  if (whole) held_.resize(static_cast<std::size_t>(count));
  return whole;
}

}  // namespace runner::train
