#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace runner::io {

struct ZipEntry {
  std::string name;  // in the archive
  std::string bytes;
};

// Replaces `path` by a zip archive of these files in this order, atomically as write_file_atomic.
// The same entries give the same bytes: the files have no time. Throws InputError (path, reason).
void write_zip_atomic(const std::filesystem::path& path, std::span<const ZipEntry> entries);

}  // namespace runner::io
