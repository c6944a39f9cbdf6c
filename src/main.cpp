#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "io/error.hpp"

namespace {

using runner::cli::Verb;

void print_help() {
  fmt::print(
      "runner fine-tunes encoders and searches hyperparameters and fusion weights at once.\n\n"
      "usage: runner FILE.yaml [key.path=value ...]   run an experiment, or go on with it\n"
      "       runner VERB ...                         one of:\n\n");
  for (const Verb& verb : runner::cli::verbs()) {
    fmt::print("  {:<9} {:<34} {}\n", verb.name, verb.arguments, verb.summary);
  }
  fmt::print(
      "\n'runner VERB --help' tells more.\n"
      "exit codes: 0 done; 1 some runs failed; 2 wrong usage, spec or file;\n"
      "            75 interrupted, run again to go on; 130 interrupted from the keyboard\n");
}

int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    print_help();
    return arguments.empty() ? runner::cli::kUsage : runner::cli::kDone;
  }
  if (arguments[0] == "--version") {
    fmt::print("runner {}\n", RUNNER_VERSION);
    return runner::cli::kDone;
  }
  for (const Verb& verb : runner::cli::verbs()) {
    if (arguments[0] == verb.name) {
      arguments.erase(arguments.begin());
      return verb.run(arguments);
    }
  }
  return runner::cli::verbs().front().run(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch({argv + 1, argv + argc});
  } catch (const runner::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return runner::cli::kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "runner: {}\n", error.what());
    return runner::cli::kSomeFailed;
  }
}
