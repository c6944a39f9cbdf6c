#pragma once

#include <stdexcept>
#include <string>

namespace runner {

// The one error type for what a user can mend: a bad spec, a broken file, a missing folder, a full
// disk. The message is complete as it stands ("rte.tsv:14: column 4 ..."): it names the file, the
// place, the value and what is allowed. `main` alone catches it and exits with 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A write that failed: what is computed after it could not be kept either.
class WriteError : public InputError {
 public:
  using InputError::InputError;
};

}  // namespace runner
