#pragma once

#include <filesystem>
#include <optional>

// Where tests find files. One unit alone knows the checkout's path, so that all others compile to
// the same objects in every clone.

std::filesystem::path source_dir();  // the checkout's root

// The folder that the environment's `variable` names, else ../shared/NAME beside the checkout;
// nothing, said aloud, when it is not there.
std::optional<std::filesystem::path> shared_folder(const char* variable, const char* name);
