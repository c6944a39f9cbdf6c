// The verbs that tell a shell and man of all verbs: completion, man.
#include <fmt/format.h>

#include <boost/program_options/options_description.hpp>
#include <string>

#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "cli/version.hpp"
#include "io/error.hpp"

namespace runner::cli {
namespace po = boost::program_options;

namespace {

// `text` with a backslash before each of `letters`.
std::string escaped(std::string_view text, std::string_view letters) {
  std::string result;
  for (const char letter : text) {
    if (letters.find(letter) != letters.npos) result += '\\';
    result += letter;
  }
  return result;
}

// In single quotes, for every shell.
std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      result += "'\\''";
    } else {
      result += letter;
    }
  }
  return result + "'";
}

std::string names_of_verbs() {
  std::string names;
  for (const Verb& verb : verbs())
    names += fmt::format("{}{}", names.empty() ? "" : " ", verb.name);
  return names;
}

std::string bash() {
  std::string cases;
  for (const Verb& verb : verbs()) {
    std::string flags = "--help";
    for (const Description::Flag& flag : describe(verb).flags) flags += " --" + flag.name;
    cases += fmt::format("    {}) flags={} ;;\n", verb.name, in_quotes(flags));
  }
  return fmt::format(R"(# bash completion of runner; written by `runner completion bash`
_runner() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} verb=${{COMP_WORDS[1]-}} flags
  COMPREPLY=()
  if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W {} -- "$word"; compgen -f -X '!*.yaml' -- "$word")
    return
  fi
  case $verb in
{}    *) flags={} ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
  fi
}}
complete -o default -o bashdefault -F _runner runner
)",
                     in_quotes(names_of_verbs()), cases, in_quotes("--help --version"));
}

std::string zsh() {
  std::string rows, cases;
  for (const Verb& verb : verbs()) {
    rows += fmt::format("    {}\n", in_quotes(fmt::format("{}:{}", verb.name, verb.summary)));
    cases += fmt::format("    {}) _arguments '--help[show what it takes]'", verb.name);
    for (const Description::Flag& flag : describe(verb).flags) {
      std::string spec = fmt::format("--{}[{}]", flag.name, escaped(flag.description, "[]:\\"));
      if (!flag.value.empty()) spec += fmt::format(":{}:_files", escaped(flag.value, "[]:\\"));
      cases += fmt::format(" \\\n      {}", in_quotes(spec));
    }
    cases += " \\\n      '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef runner
# zsh completion of runner; written by `runner completion zsh`
_runner() {{
  local -a verbs=(
{}  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    _files -g '*.yaml'
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
{}    *) _files ;;
  esac
}}
if [[ $funcstack[1] == _runner ]]; then _runner "$@"; else compdef _runner runner; fi
)",
                     rows, cases);
}

std::string fish() {
  std::string text =
      "# fish completion of runner; written by `runner completion fish`\n"
      "complete -c runner -n __fish_use_subcommand -l help -d 'the verbs'\n"
      "complete -c runner -n __fish_use_subcommand -l version -d 'version and commit'\n";
  for (const Verb& verb : verbs()) {
    text += fmt::format("complete -c runner -n __fish_use_subcommand -a {} -d {}\n", verb.name,
                        in_quotes(verb.summary));
    for (const Description::Flag& flag : describe(verb).flags) {
      text += fmt::format("complete -c runner -n '__fish_seen_subcommand_from {}' -l {} {}-d {}\n",
                          verb.name, flag.name, flag.value.empty() ? "" : "-r ",
                          in_quotes(flag.description));
    }
  }
  return text;
}

// Text as roff takes it.
std::string roff(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\\') {
      result += "\\e";
    } else if (letter == '-') {
      result += "\\-";
    } else if (letter == '\'' || (letter == '.' && (result.empty() || result.back() == '\n'))) {
      result += letter == '.' ? "\\&." : "\\(aq";
    } else {
      result += letter;
    }
  }
  return result;
}

std::string item(std::string_view bold, std::string_view italic, std::string_view text) {
  return fmt::format(".TP\n.B {}{}\n{}\n", roff(bold),
                     italic.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(italic)),
                     text.empty() ? "\\&" : roff(text));
}

std::string man() {
  struct Row {
    std::string_view name, text;
  };
  constexpr Row kVariables[] = {
      {"RUNNER_GLUE", "where GLUE's folders lie; a spec's data.root goes before it"},
      {"RUNNER_MODELS", "where models lie; a spec's models_root goes before it"},
      {"RUNNER_RUNS", "where runs are made; a spec's runs goes before it"},
      {"LIBTORCH",
       "the folder of an unpacked LibTorch to compute with, of the version that the "
       "program was built with"},
      {"TMPDIR", "for the engine, where files in memory cannot be executed"},
  };
  std::string text = fmt::format(
      ".TH RUNNER 1 \"\" \"runner {}\" \"User Commands\"\n"
      ".SH NAME\nrunner \\- fine\\-tune encoders, search hyperparameters and fusion weights at "
      "once\n"
      ".SH SYNOPSIS\n.B runner\n\\fIFILE.yaml\\fR [\\fIkey.path=value\\fR ...]\n.br\n"
      ".B runner\n\\fIVERB\\fR ...\n"
      ".SH DESCRIPTION\n"
      "Runs the experiment that a YAML file describes, or goes on with it: fine\\-tunes encoders "
      "on\n"
      "GLUE or on tasks of your own, searches hyperparameters by Bayesian optimisation and fuses "
      "the\n"
      "snapshots of each run by another one (Bilevel\\-BO\\-SWA, arXiv 2505.17151), next to "
      "baselines at\n"
      "equal budget. The same command goes on after any interruption.\n"
      ".SH VERBS\n",
      version().number);
  for (const Verb& verb : verbs()) {
    const Description description = describe(verb);
    text += fmt::format(".SS {}\n{}.\n.PP\n.B {}\n", roff(verb.name), roff(verb.summary),
                        roff(description.usage));
    for (const Description::Flag& flag : description.flags) {
      text += item("--" + flag.name, flag.value, flag.description);
    }
  }
  text += ".SH EXIT STATUS\n";
  for (const ExitRow& row : exit_codes()) {
    text += item(fmt::format("{}", row.code), "", row.meaning);
  }
  text += ".SH ENVIRONMENT\n";
  for (const Row& row : kVariables) text += item(row.name, "", row.text);
  text +=
      ".SH FILES\n"
      ".TP\n.I runs/NAME/tables/\nthe results\n"
      ".TP\n.I runs/NAME/report.html\nall of it to look at\n"
      ".TP\n.I runs/NAME/cells/\nthe journals, from which both are made\n";
  return text;
}

}  // namespace

int completion_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner completion bash|zsh|fish";
  struct Shell {
    std::string_view name;
    std::string (*script)();
  };
  static constexpr Shell kShells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, po::options_description("flags"), helped);
  if (helped) return kDone;
  for (const Shell& shell : kShells) {
    if (line.words.size() != 1 || line.words[0] != shell.name) continue;
    print_out("{}", shell.script());
    return kDone;
  }
  throw InputError(fmt::format("one shell of bash, zsh and fish is needed\nusage: {}", kUsage));
}

int man_command(const std::vector<std::string>& arguments) {
  bool helped = false;
  const CommandLine line = parse(arguments, "runner man", po::options_description("flags"), helped);
  if (helped) return kDone;
  print_out("{}", man());
  return kDone;
}

}  // namespace runner::cli
