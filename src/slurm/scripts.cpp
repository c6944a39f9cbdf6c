#include "slurm/scripts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "io/error.hpp"

namespace runner::slurm {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kOpen =
    "# Yours from here: options and commands such as `module load`.\n";
constexpr std::string_view kClose = "# Yours to here.\n";
constexpr std::string_view kDirective = "#SBATCH ";

// Of a share's names, which are one argument: Linux takes 128 KiB (MAX_ARG_STRLEN).
constexpr std::size_t kMostBytes = 120'000;

// Options that the scripts cannot do without, and what to say instead.
struct Decided {
  std::string_view option, instead;
};
constexpr std::array kDecided = {
    Decided{"--array", "the shares number the tasks (--jobs N; --at-once N limits how many run)"},
    Decided{"-a", "the shares number the tasks (--jobs N; --at-once N limits how many run)"},
    Decided{"--dependency", "each script waits for the one before"},
    Decided{"-d", "each script waits for the one before"},
    Decided{"--wrap", "the scripts say what runs"},
    Decided{"--parsable", "submit.sh says it"},
};

// Of where and for whom a job runs.
constexpr std::array<std::string_view, 17> kPlace = {
    "--partition",   "-p", "--account",   "-A",          "--qos",     "-q",
    "--reservation", "-M", "--clusters",  "--mail-user", "--comment", "--wckey",
    "--chdir",       "-D", "--mail-type", "--nice",      "--export"};

// "--partition=gpu", "-pgpu" and "--requeue" have the names "--partition", "-p" and "--requeue".
std::string_view name_of(std::string_view option) {
  if (option.starts_with("--")) return option.substr(0, option.find('='));
  return option.substr(0, 2);
}

// D-HH:MM:SS, in whole five minutes.
std::string time_limit(double hours) {
  constexpr long kDay = 24L * 60;
  const auto minutes = static_cast<long>(std::ceil(hours * 60.0 / 5.0)) * 5;
  return fmt::format("{}-{:02}:{:02}:00", minutes / kDay, minutes / 60 % 24, minutes % 60);
}

// A path in an option of sbatch, whose patterns begin with '%'.
std::string pattern_free(const std::string& path) {
  std::string text;
  for (const char c : path) text += c == '%' ? std::string("%%") : std::string(1, c);
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,+@").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string script_text(const Script& script, const Setting& setting, const std::string& own) {
  const std::string stem = script.file.substr(0, script.file.rfind('.'));
  const bool is_array = !script.shares.empty();
  std::string text = "#!/usr/bin/env bash\n";
  for (std::size_t at = 0; at < script.about.size();) {
    const std::size_t end = std::min(script.about.find('\n', at), script.about.size());
    text += "# " + script.about.substr(at, end - at) + "\n";
    at = end + 1;
  }
  const auto option = [&](const std::string& line) {
    text += std::string(kDirective) + line + "\n";
  };
  option(fmt::format("--job-name=\"{}-{}\"", setting.name, stem));
  if (is_array) {
    option(fmt::format("--array=0-{}{}", script.shares.size() - 1,
                       setting.at_once > 0 ? fmt::format("%{}", setting.at_once) : ""));
  }
  option(fmt::format("--output=\"{}/{}_{}.log\"", pattern_free(setting.folder.string()), stem,
                     is_array ? "%A_%a" : "%j"));
  option("--open-mode=append");
  if (is_array) {
    option("--requeue");
    option("--signal=B:USR1@90");
    constexpr double kMargin = 1.5, kStart = 0.25;  // of the rate; hours, to start and to save
    if (script.hours > 0.0) {
      option("--time=" + time_limit(kMargin * script.hours + kStart));
    }
  }
  text += std::string(kOpen) + own + std::string(kClose) + "set -euo pipefail\n";
  text += fmt::format("cd {}\n", shell_word(setting.from.string()));
  for (const auto& [name, value] : setting.variables) {
    text += fmt::format("export {}={}\n", name, shell_word(value));
  }
  std::string command = fmt::format("exec {} {}", setting.program, script.verb);
  for (const std::string& word : setting.words) command += " " + shell_word(word);
  if (!is_array) return text + command + "\n";
  text += "share=(\n";
  for (const Item& share : script.shares) {
    const std::string names = joined(share.names);
    if (names.size() > kMostBytes) {
      throw InputError(
          fmt::format("command line: --jobs {} leaves {} names to one task, more than Linux takes "
                      "in one argument; give more jobs",
                      script.shares.size(), share.names.size()));
    }
    text += fmt::format("  {}\n", shell_word(names));
  }
  // The batch shell becomes the program, which gets Slurm's warning.
  return text + fmt::format(
                    ")\nnames=${{share[${{SLURM_ARRAY_TASK_ID?submit this script with sbatch}}]?"
                    "this array has tasks 0 to {}}}\n{} {} \"$names\"\n",
                    script.shares.size() - 1, command, script.flag);
}

std::string own_lines(const std::string& script) {
  const std::size_t open = script.find(kOpen);
  if (open == std::string::npos) return "";
  const std::size_t begin = open + kOpen.size();
  const std::size_t close = script.find(kClose, begin);
  return close == std::string::npos ? "" : script.substr(begin, close - begin);
}

std::string with_options(const std::string& own, const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    for (const auto& [name, instead] : kDecided) {
      if (name_of(option) != name) continue;
      throw InputError(
          fmt::format("command line: {} is not for `runner slurm`: {}", option, instead));
    }
  }
  std::string text;
  for (const std::string& option : options) text += std::string(kDirective) + option + "\n";
  for (std::size_t at = 0; at < own.size();) {
    const std::size_t end = std::min(own.find('\n', at), own.size() - 1);
    const std::string line = own.substr(at, end + 1 - at);
    at = end + 1;
    const bool replaced =
        line.starts_with(kDirective) &&
        std::ranges::any_of(options, [&](const std::string& option) {
          const std::string_view rest = std::string_view(line).substr(
              kDirective.size(), line.find_last_not_of('\n') + 1 - kDirective.size());
          return name_of(rest) == name_of(option);
        });
    if (!replaced) text += line;
  }
  return text;
}

std::vector<std::string> options_of_place(const std::vector<std::string>& options) {
  std::vector<std::string> chosen;
  for (const std::string& option : options) {
    if (std::ranges::find(kPlace, name_of(option)) != kPlace.end()) chosen.push_back(option);
  }
  return chosen;
}

std::string submission_text(const std::vector<Script>& scripts, const Setting& setting) {
  std::string files;
  for (const Script& script : scripts) files += " " + shell_word(script.file);
  return fmt::format(R"(#!/usr/bin/env bash
# Submits the scripts of {0}, each to begin when the one before has ended, however it ended: what that
# left undone is done or said by those after it. A second time it goes on where the first stopped.
set -euo pipefail
cd {1}
if [[ -s submitted ]]; then
  read -ra earlier <submitted
  left=$(squeue --noheader --format=%i "${{earlier[@]}}" 2>/dev/null || true)
  if [[ -n $left ]]; then
    earlier[0]=${{earlier[0]#--jobs=}}
    echo "$PWD: jobs of an earlier time are still in the queue; to take them back:" \
      "scancel ${{earlier[*]//,/ }}" >&2
    exit 1
  fi
fi
after= cluster= jobs=()
trap '((!${{#jobs[@]}})) || scancel $cluster "${{jobs[@]}}"' ERR  # all of them or none
for script in{2}; do
  job=$(sbatch --parsable $cluster ${{after:+--dependency=afterany:$after}} "$script")
  [[ $job != *";"* ]] || cluster=--clusters=${{job#*;}}  # JOB;CLUSTER where there are several
  after=${{job%%;*}}
  jobs+=("$after")
  echo "$script: job $after"
done
(IFS=,; echo "--jobs=${{jobs[*]}} $cluster") >submitted
)",
                     setting.name, shell_word(setting.folder.string()), files);
}

}  // namespace runner::slurm
