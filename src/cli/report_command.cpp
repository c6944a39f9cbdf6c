#include <fmt/format.h>

#include <boost/program_options/value_semantic.hpp>
#include <deque>
#include <filesystem>

#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/run.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "report/page.hpp"
#include "report/study.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

int report_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner report FILE.yaml [FILE.yaml ...] [--out FILE.html]";
  po::options_description flags("flags");
  flags.add_options()("out", po::value<std::string>()->value_name("FILE"),
                      "where to write it; else report.html in the first spec's run folder");
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  if (line.words.empty()) throw InputError(fmt::format("no spec is named\nusage: {}", kUsage));
  std::deque<spec::Spec> specs;  // studies point at them
  std::deque<report::Study> studies;
  std::vector<report::Comparing> experiments;
  for (const std::string& word : line.words) {
    studies.emplace_back(specs.emplace_back(spec::load(word, {})));
    experiments.push_back(studies.back().all());
  }
  const fs::path page = line.has("out") ? fs::path(line.get<std::string>("out"))
                                        : experiment::run_folder(specs.front()) / "report.html";
  io::write_file_atomic(page, report::page_html(experiments));
  print_out("{}\n", page.string());
  return kDone;
}

}  // namespace runner::cli
