#include "cli/version.hpp"

namespace runner::cli {

const Version& version() {
  static constexpr Version kVersion{RUNNER_VERSION, RUNNER_COMMIT, RUNNER_COMPILER};
  return kVersion;
}

}  // namespace runner::cli
