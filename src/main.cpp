#include <exception>
#include <string>
#include <vector>

#include "cli/engine.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "cli/version.hpp"
#include "io/error.hpp"

namespace {

using runner::cli::print_error;
using runner::cli::print_out;
using runner::cli::Verb;

void print_help() {
  print_out(
      "runner fine-tunes encoders and searches hyperparameters and fusion weights at once.\n\n"
      "usage: runner FILE.yaml [key.path=value ...]   run an experiment, or go on with it\n"
      "       runner VERB ...                         one of:\n\n");
  for (const Verb& verb : runner::cli::verbs()) {
    print_out("  {:<10} {:<34} {}\n", verb.name, verb.arguments, verb.summary);
  }
  print_out("\n'runner VERB --help' tells more.\nexit codes:\n");
  for (const runner::cli::ExitRow& row : runner::cli::exit_codes()) {
    print_out("  {:<10} {}\n", row.code, row.meaning);
  }
}

int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    print_help();
    return arguments.empty() ? runner::cli::kUsage : runner::cli::kDone;
  }
  if (arguments[0] == "--version") {
    print_out(
        "runner {} ({})\n", runner::cli::version().number,
        runner::cli::version().commit.empty() ? "no commit known" : runner::cli::version().commit);
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

int run(std::vector<std::string> arguments) {
  try {
    return dispatch(std::move(arguments));
  } catch (const runner::InputError& error) {
    print_error("{}\n", error.what());
    return runner::cli::kUsage;
  } catch (const std::exception& error) {
    print_error("runner: {}\n", error.what());
    return runner::cli::kSomeFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  runner::cli::prepare_streams();
  runner::cli::limit_spinning();
  return runner::cli::finish_streams(run({argv + 1, argv + argc}));
}
