#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runner::spec {

// A text that a spec is made of: the file, or one `key.path=value` of the command line.
struct Source {
  std::string name;                // as problems print it
  std::filesystem::path folder;    // what relative paths in it are relative to
  std::vector<std::string> lines;  // of a file; empty for the command line: no excerpt is shown
};

// A place in a source, 0-based, the column in bytes. The source outlives it.
struct Place {
  const Source* source = nullptr;
  int line = 0;
  int column = 0;
};

// Every problem of a spec, so that a user mends them in one go.
class Problems {
 public:
  void add(const Place& place, std::string message);  // ignored when it is there already
  // What is allowed, but hardly meant; no problem.
  void warn(const Place& place, std::string message);
  // The warnings as throw_if_any shows problems, one text each, in the order of their places.
  std::vector<std::string> warnings() const;
  bool empty() const { return problems_.empty(); }
  std::size_t size() const { return problems_.size(); }
  // Throws one InputError with all problems in the order of their places, if there are any:
  //   rte.yaml:14:9: unknown acquisition 'eii'; did you mean 'ei'? (known: ei, ucb)
  //     inner: eii
  //            ^
  void throw_if_any() const;

 private:
  struct Problem {
    Place place;
    std::string message;
  };
  static void add(std::vector<Problem>& to, const Place& place, std::string message);
  static std::vector<std::string> shown(std::vector<Problem> problems);
  std::vector<Problem> problems_, warnings_;
};

// The candidate nearest to a misspelt `name` (edit distance, case ignored), or an empty view when
// none is near enough to be meant: at most one edit in three letters.
std::string_view find_nearest(std::string_view name, std::span<const std::string_view> candidates);

// "unknown task 'MPRC'; did you mean 'MRPC'? (known: CoLA, SST-2, ...)"
std::string unknown(std::string_view what, std::string_view name,
                    std::span<const std::string_view> candidates);

}  // namespace runner::spec
