#pragma once

#include <span>
#include <string_view>

#include "spec/spec.hpp"

namespace runner::spec {

// One row of the table of published recipes: `recipe: {preset: NAME}`.
struct Preset {
  std::string_view name;
  std::string_view summary;
  // Sets every field that the recipe fixes; `task` is the task's name where the recipe differs by
  // task.
  void (*apply)(Trial& trial, std::string_view task);
};

std::span<const Preset> presets();

}  // namespace runner::spec
