#include "cli/options.hpp"

#include <fmt/format.h>

#include <boost/program_options/parsers.hpp>
#include <filesystem>
#include <sstream>

#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "io/error.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

CommandLine parse(const std::vector<std::string>& arguments, std::string_view usage,
                  const po::options_description& flags, bool& helped) {
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

}  // namespace runner::cli
