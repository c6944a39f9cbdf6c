#include "inputs.hpp"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace runner::fuzz {
namespace fs = std::filesystem;
namespace {

class Scratch {
 public:
  Scratch() {
    std::error_code ignored;
    const bool memory = fs::is_directory("/dev/shm", ignored);
    const fs::path parent = memory ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string name = (parent / "runner_fuzz_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  fs::path path;
};

constexpr std::string_view kMark = "=== ";

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

const fs::path& scratch() {
  static const Scratch folder;
  return folder.path;
}

fs::path put(std::string_view name, std::string_view bytes) {
  fs::path path = scratch() / name;
  write(path, bytes);
  return path;
}

fs::path unpack(std::string_view bytes, std::span<const std::string_view> names) {
  fs::path folder = scratch() / "folder";
  fs::remove_all(folder);
  fs::create_directories(folder);
  while (bytes.starts_with(kMark)) {
    const std::size_t line = std::min(bytes.find('\n'), bytes.size());
    const std::string_view name = bytes.substr(kMark.size(), line - kMark.size());
    bytes.remove_prefix(std::min(line + 1, bytes.size()));
    const std::size_t next = bytes.starts_with(kMark) ? 0 : bytes.find("\n=== ");
    const std::string_view content = bytes.substr(0, next);
    if (std::ranges::find(names, name) != names.end()) write(folder / name, content);
    bytes.remove_prefix(next == bytes.npos ? bytes.size() : next + (next > 0 ? 1 : 0));
  }
  return folder;
}

void require(bool holds, std::string_view what) {
  if (!holds) throw std::logic_error("does not hold: " + std::string(what));
}

}  // namespace runner::fuzz
