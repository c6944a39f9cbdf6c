#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/load.hpp"

namespace runner::spec {

// A spec on disk that goes away with the test. It lies in the current folder of the process, so
// that errors show the bare name.
class SpecFile {
 public:
  explicit SpecFile(const std::string& text, std::string name = "s.yaml")
      : before_(std::filesystem::current_path()), name_(std::move(name)) {
    std::string folder = (std::filesystem::temp_directory_path() / "runner_spec_XXXXXX").string();
    folder_ = std::filesystem::canonical(::mkdtemp(folder.data()));
    io::write_file_atomic(folder_ / name_, text);
    std::filesystem::current_path(folder_);
  }
  ~SpecFile() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  SpecFile(const SpecFile&) = delete;
  SpecFile& operator=(const SpecFile&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  Spec load(const std::vector<std::string>& overrides = {}) const {
    return spec::load(name_, overrides);
  }
  // The text of the error that loading must give.
  std::string error(const std::vector<std::string>& overrides = {}) const {
    try {
      load(overrides);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  std::filesystem::path before_, folder_;
  std::string name_;
};

// The problems of an error, without the lines that show where.
inline std::string messages(const std::string& error) {
  std::string kept;
  std::size_t at = 0;
  while (at < error.size()) {
    const std::size_t end = std::min(error.find('\n', at), error.size());
    const std::string line = error.substr(at, end - at);
    if (!line.starts_with("  ")) kept += (kept.empty() ? "" : "\n") + line;
    at = end + 1;
  }
  return kept;
}

inline std::string messages_of(const std::string& text,
                               const std::vector<std::string>& overrides = {}) {
  return messages(SpecFile(text).error(overrides));
}

// What every spec needs; tests add lines to it.
inline const std::string kLeast = "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\n";

}  // namespace runner::spec
