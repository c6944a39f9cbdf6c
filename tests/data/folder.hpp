#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "io/error.hpp"

namespace runner::data {

// A fresh folder that goes away with the test.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "runner_data_XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const std::string& file, std::string_view bytes) const {
    std::filesystem::create_directories((path / file).parent_path());
    std::ofstream(path / file, std::ios::binary) << bytes;
  }
};

// What an InputError says, without the folder's path; empty when there is none.
template <typename Call>
std::string error_of(Call call, const std::filesystem::path& folder = {}) {
  try {
    call();
  } catch (const InputError& error) {
    std::string message = error.what();
    const std::string prefix = folder.string() + "/";
    for (std::size_t at = message.find(prefix); !folder.empty() && at != std::string::npos;
         at = message.find(prefix)) {
      message.erase(at, prefix.size());
    }
    return message;
  }
  return "";
}

}  // namespace runner::data
