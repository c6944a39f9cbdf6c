#include "places.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

std::filesystem::path source_dir() { return RUNNER_SOURCE_DIR; }

std::optional<std::filesystem::path> shared_folder(const char* variable, const char* name) {
  const char* named = std::getenv(variable);
  const std::filesystem::path folder =
      named != nullptr ? named : source_dir() / ".." / "shared" / name;
  if (std::filesystem::is_directory(folder)) return folder;
  MESSAGE("skipped: no folder " << folder.string() << "; set " << variable);
  return std::nullopt;
}
