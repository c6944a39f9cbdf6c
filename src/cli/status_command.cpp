// Where an experiment stands, by its files alone: while it runs, anywhere, and after.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <chrono>
#include <thread>

#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/status.hpp"
#include "io/error.hpp"

namespace runner::cli {
namespace po = boost::program_options;

int status_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner status FILE.yaml [key.path=value ...] [--watch]";
  po::options_description flags("flags");
  flags.add_options()("watch", po::value<double>()->value_name("SECONDS")->implicit_value(10.0),
                      "again and again until all is done, every 10 seconds or so many");
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_run(line, kUsage);
  const double seconds = line.has("watch") ? line.get<double>("watch") : 0.0;
  if (line.has("watch") && !(seconds >= 0.1)) {
    throw InputError("command line: --watch takes at least 0.1 seconds");
  }
  for (;;) {
    const experiment::Status status = experiment::status_of(spec);
    if (seconds > 0.0 && ::isatty(STDOUT_FILENO) == 1) print_out("\033[H\033[2J");
    print_out("{}", status.text);
    if (!flush_out() || seconds <= 0.0 || status.done) return kDone;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
}

}  // namespace runner::cli
