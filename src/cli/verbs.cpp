#include "cli/verbs.hpp"

namespace runner::cli {

std::span<const ExitRow> exit_codes() {
  static constexpr ExitRow kRows[] = {
      {kDone, "done"},
      {kSomeFailed, "some runs failed, or are still to do"},
      {kUsage, "wrong usage, spec or file"},
      {kExhausted, "suggest has nothing left to suggest"},
      {kInterrupted, "interrupted, run again to go on"},
      {kKeyboard, "interrupted from the keyboard"},
  };
  return kRows;
}

std::span<const Verb> verbs() {
  static constexpr Verb kVerbs[] = {
      {"run", "FILE.yaml [key=value ...]", "run an experiment, or go on with it", run_command},
      {"check", "FILE.yaml [key=value ...]", "validate a spec, naming every problem",
       check_command},
      {"plan", "FILE.yaml [key=value ...]", "the resolved spec and what is done and to do",
       plan_command},
      {"status", "FILE.yaml [--watch]", "who is at which cell, how far, and for how long yet",
       status_command},
      {"merge", "FILE.yaml [key=value ...]", "tables from what all shards have done",
       merge_command},
      {"slurm", "FILE.yaml [--submit]", "batch scripts that run an experiment on a Slurm cluster",
       slurm_command},
      {"report", "FILE.yaml [FILE.yaml ...]", "one page to look at, of one or several experiments",
       report_command},
      {"export", "FILE.yaml [--best TASK] DIR", "a cell's chosen model as a Hugging Face folder",
       export_command},
      {"predict", "MODEL [FILE]", "what a fine-tuned model says of rows", predict_command},
      {"evaluate", "MODEL --task TASK", "a fine-tuned model's metrics on labelled rows",
       evaluate_command},
      {"clean", "FILE.yaml [key=value ...]", "what of a run can go, and what that would free",
       clean_command},
      {"submit", "FILE.yaml --method METHOD", "GLUE's submission zip of a study's models",
       submit_command},
      {"fuse", "FOLDER... OUT", "several models of one architecture into one", fuse_command},
      {"list", "[TABLE]",
       "tasks, metrics, acquisitions, rules, searches, methods, variables, presets", list_command},
      {"schema", "[--markdown]", "every field of a spec, as a JSON schema for editors",
       schema_command},
      {"tokenize", "--model DIR", "token ids of JSON lines on standard input", tokenize_command},
      {"suggest", "--space FILE --history FILE", "next points of any minimisation (ask/tell)",
       suggest_command},
      {"bench", "bo|train|fusion|tokenise|statistics", "this machine's figures", bench_command},
      {"doctor", "[--report]", "what this machine offers, and what would change that",
       doctor_command},
      {"completion", "bash|zsh|fish", "completion of these verbs and their flags",
       completion_command},
      {"man", "", "the manual page, for man -l", man_command},
      {"generate", "DIR", "write the embedded mini-GLUE and tiny RoBERTa", generate_command},
  };
  return kVerbs;
}

}  // namespace runner::cli
