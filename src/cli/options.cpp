#include "cli/options.hpp"

#include <fmt/format.h>

#include <boost/program_options/parsers.hpp>
#include <filesystem>
#include <sstream>

#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/cells.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// An argument that no shell can pass: the verb is asked what it would take.
constexpr std::string_view kDescribe("\0describe", 9);

Description described(std::string_view usage, const po::options_description& flags) {
  Description description{std::string(usage), {}};
  for (const auto& option : flags.options()) {
    Description::Flag& flag = description.flags.emplace_back();
    flag.name = option->long_name();
    const bool has_value = option->semantic()->max_tokens() > 0;
    // Boost writes a default behind the name: "N (=1)".
    if (has_value) flag.value = option->format_parameter();
    flag.description = option->description();
    const std::size_t equals = flag.value.find(" (=");
    if (equals == std::string::npos) continue;
    const std::string standard = flag.value.substr(equals + 3, flag.value.size() - equals - 4);
    if (!standard.empty()) {
      flag.description +=
          fmt::format("{}default: {}", flag.description.empty() ? "" : "; ", standard);
    }
    flag.value.resize(equals);
  }
  return description;
}

}  // namespace

CommandLine parse(const std::vector<std::string>& arguments, std::string_view usage,
                  const po::options_description& flags, bool& helped) {
  if (arguments.size() == 1 && arguments[0] == kDescribe) throw described(usage, flags);
  po::options_description all;
  all.add(flags).add_options()("help,h", "show this text")(
      "words", po::value<std::vector<std::string>>(), "");
  po::positional_options_description words;
  words.add("words", -1);
  CommandLine line;
  try {
    using namespace po::command_line_style;
    // No guessing: `--only` must not be read as `--onl`.
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(words)
                  .style(unix_style & ~allow_guessing)
                  .run(),
              line.flags);
  } catch (const po::error& error) {
    throw InputError(fmt::format("command line: {}\nusage: {}", error.what(), usage));
  }
  if (line.has("words")) line.words = line.get<std::vector<std::string>>("words");
  helped = line.has("help");
  if (helped) {
    std::ostringstream text;
    text << flags;
    print_out("usage: {}\n{}", usage, text.str());
  }
  return line;
}

Description describe(const Verb& verb) {
  try {
    verb.run({std::string(kDescribe)});
  } catch (const Description& description) {
    return description;
  } catch (const InputError&) {  // a verb of verbs has no flags of its own
  }
  return {fmt::format("runner {} {}", verb.name, verb.arguments), {}};
}

spec::Spec load_spec(const CommandLine& line, std::string_view usage) {
  if (line.words.empty()) throw InputError(fmt::format("no spec is named\nusage: {}", usage));
  if (!fs::exists(line.words[0]) && line.words[0].find_first_of("./=") == std::string::npos) {
    std::string names;
    for (const Verb& verb : verbs())
      names += fmt::format("{}{}", names.empty() ? "" : ", ", verb.name);
    throw InputError(
        fmt::format("'{}' is neither a file nor a verb (verbs: {})", line.words[0], names));
  }
  spec::Spec spec = spec::load(line.words[0], {line.words.begin() + 1, line.words.end()});
  for (const std::string& warning : spec.warnings) print_error("warning: {}\n", warning);
  return spec;
}

spec::Spec load_run(const CommandLine& line, std::string_view usage) {
  spec::Spec spec = load_spec(line, usage);
  experiment::require_run_folder(experiment::run_folder(spec));
  if (const std::string damaged = experiment::refuse_other_spec(spec); !damaged.empty()) {
    print_error("{}\n", damaged);
  }
  return spec;
}

}  // namespace runner::cli
