#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runner::cli {

// Exit codes of every verb.
enum Exit : int {
  kDone = 0,
  kSomeFailed = 1,    // some runs failed; the rest is complete
  kUsage = 2,         // the command line, the spec or a file is wrong
  kExhausted = 3,     // suggest: every point of the space was evaluated or is pending
  kInterrupted = 75,  // stopped by TERM or USR1; the same command resumes
  kKeyboard = 130,    // stopped by INT; the same command resumes
};

// The same in words, for --help and the man page.
struct ExitRow {
  int code;
  std::string_view meaning;
};
std::span<const ExitRow> exit_codes();

// One row of the table of verbs: `runner NAME arguments...`.
struct Verb {
  std::string_view name;
  std::string_view arguments;  // as the usage line shows them
  std::string_view summary;
  int (*run)(const std::vector<std::string>& arguments);
};

// In the order that `runner --help` prints them. The first is what a bare spec file runs.
std::span<const Verb> verbs();

int run_command(const std::vector<std::string>& arguments);
int check_command(const std::vector<std::string>& arguments);
int plan_command(const std::vector<std::string>& arguments);
int status_command(const std::vector<std::string>& arguments);
int slurm_command(const std::vector<std::string>& arguments);
int report_command(const std::vector<std::string>& arguments);
int merge_command(const std::vector<std::string>& arguments);
int export_command(const std::vector<std::string>& arguments);
int predict_command(const std::vector<std::string>& arguments);
int evaluate_command(const std::vector<std::string>& arguments);
int clean_command(const std::vector<std::string>& arguments);
int submit_command(const std::vector<std::string>& arguments);
int fuse_command(const std::vector<std::string>& arguments);
int list_command(const std::vector<std::string>& arguments);
int schema_command(const std::vector<std::string>& arguments);
int doctor_command(const std::vector<std::string>& arguments);
int completion_command(const std::vector<std::string>& arguments);
int man_command(const std::vector<std::string>& arguments);
int tokenize_command(const std::vector<std::string>& arguments);
int suggest_command(const std::vector<std::string>& arguments);
int bench_command(const std::vector<std::string>& arguments);
int generate_command(const std::vector<std::string>& arguments);

}  // namespace runner::cli
