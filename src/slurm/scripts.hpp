#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "slurm/shares.hpp"

namespace runner::slurm {

// What all scripts of an experiment have in common.
struct Setting {
  std::string program;                                         // in the shell's words
  std::vector<std::string> words;                              // spec and key.path=value
  std::vector<std::pair<std::string, std::string>> variables;  // of the environment, to be exported
  std::string name;                                            // of the run
  std::filesystem::path folder;                                // of the scripts and their logs
  std::filesystem::path from;                                  // where relative paths begin
  int at_once = 0;                                             // tasks of an array; 0: no limit
};

// A batch script: an array with a task for each share, or one job without shares.
struct Script {
  std::string file;        // its name in the folder
  std::string about;       // what it does, as comment lines without '# '
  std::string verb, flag;  // `runner VERB SPEC FLAG "NAMES of the share"`
  std::vector<Item> shares{};
  double hours = 0.0;  // that its longest task takes; 0: not known
};

// The script; `own` are its user's lines, as own_lines gives them. Throws InputError when a share
// has more names than a program can be given.
std::string script_text(const Script& script, const Setting& setting, const std::string& own);

// What the user of a script has put between its marks; empty where there is nothing.
std::string own_lines(const std::string& script);

// Own lines with the options of sbatch in them, each in place of the one that was there. Throws
// InputError for those that the script itself decides.
std::string with_options(const std::string& own, const std::vector<std::string>& options);

// Those of the options that say where and for whom, not with what, a job runs.
std::vector<std::string> options_of_place(const std::vector<std::string>& options);

// submit.sh: submits the scripts in their order, each after the one before has ended.
std::string submission_text(const std::vector<Script>& scripts, const Setting& setting);

// As one word of a shell's command line.
std::string shell_word(const std::string& text);

}  // namespace runner::slurm
