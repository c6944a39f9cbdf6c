#pragma once

#include <string_view>

namespace runner::cli {

// Which program this is: its version, the commit it was configured at ("-dirty" where files had
// changed; empty outside of a repository) and the compiler.
struct Version {
  std::string_view number, commit, compiler;
};
const Version& version();

}  // namespace runner::cli
