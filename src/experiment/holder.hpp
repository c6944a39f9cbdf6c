#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace runner::experiment {

// Who holds a lease (lease.hpp), as its file says it.
struct Holder {
  std::string host;
  std::int64_t pid = 0;
  std::string job;                    // Slurm's, an array's task as JOB_TASK; else empty
  std::int64_t since = 0, alive = 0;  // of the lease, of the last sign of life: Unix seconds
};
// Nothing when nobody lives who holds it, or the file does not say.
std::optional<Holder> holder_of_lease(const std::filesystem::path& file);

// This host's, as the files of its processes say it.
std::string host_name();

}  // namespace runner::experiment
