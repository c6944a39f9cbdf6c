// What of a run can go: runs of the store that no cell asks for again, and what killed processes
// left.
#include <fmt/format.h>

#include <boost/program_options/value_semantic.hpp>

#include "cli/engine.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/cells.hpp"
#include "experiment/run_folder.hpp"
#include "experiment/store.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

int clean_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner clean FILE.yaml [key.path=value ...] [--remove]";
  po::options_description flags("flags");
  flags.add_options()("remove", "remove what is listed")("dry-run",
                                                         "list it only, as without a flag");
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_spec(line, kUsage);
  const fs::path folder = experiment::run_folder(spec);
  experiment::require_run_folder(folder);
  if (!experiment::is_run(folder)) {
    throw InputError(fmt::format("{}: there is no run here", folder.string()));
  }
  experiment::refuse_other_spec(spec);
  const bool remove = line.has("remove") && !line.has("dry-run");

  std::vector<std::string> wanted;
  if (const auto requests = experiment::foreseen_requests(spec); !requests.empty()) {
    wanted = engine().make_laboratory(spec, folder / "store", 1, {})->keys(requests);
  }
  const experiment::Store store(folder / "store", spec.store_limit, {});
  std::uintmax_t bytes = 0;
  const auto show = [&](const fs::path& path, std::uintmax_t size, std::string_view what) {
    print_out("{}: {}, {}\n", path.string(), io::size_text(static_cast<double>(size)), what);
    bytes += size;
  };
  for (const experiment::Store::Leftover& leftover : store.leftovers(wanted)) {
    show(leftover.path, leftover.bytes, leftover.what);
    if (remove) store.remove(leftover);
  }
  for (const fs::path& path : experiment::abandoned_files(folder)) {
    show(path, io::size_of(path), "of a process that is gone");
    if (remove) experiment::remove_abandoned(path);
  }
  print_out("{} {}\n", io::size_text(static_cast<double>(bytes)),
            remove ? "removed" : "can go: the same with --remove removes it");
  return kDone;
}

}  // namespace runner::cli
