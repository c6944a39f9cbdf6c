#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verbs.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// One verb's command line: flags, and what stands without a flag.
struct CommandLine {
  boost::program_options::variables_map flags;
  std::vector<std::string> words;  // in order
  bool has(const char* flag) const { return flags.count(flag) > 0; }
  template <typename T>
  T get(const char* flag) const {
    return flags[flag].as<T>();
  }
};

// Parses `arguments` by `flags` (Boost.Program_options); anything else counts as a word. With
// --help prints `usage`, what the verb does and the flags, and sets `helped`. Throws InputError on
// an unknown flag or a value that does not fit.
CommandLine parse(const std::vector<std::string>& arguments, std::string_view usage,
                  const boost::program_options::options_description& flags, bool& helped);

// What a verb's command line takes, from the table that parses it; for completion and the man page.
struct Description {
  struct Flag {
    std::string name;         // without dashes
    std::string value;        // "FILE"; empty: it takes none
    std::string description;  // with the default
  };
  std::string usage;
  std::vector<Flag> flags;
};
Description describe(const Verb& verb);

// The spec of a verb of an experiment: the first word is its file, the others are key.path=value.
spec::Spec load_spec(const CommandLine& line, std::string_view usage);

// The same, of a run that may be there already: throws InputError where its folder is no run's or
// one of another spec, and says what of it is damaged.
spec::Spec load_run(const CommandLine& line, std::string_view usage);

}  // namespace runner::cli
