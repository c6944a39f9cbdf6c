#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace runner::io {

// The whole file as bytes. Throws InputError naming the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

// Replaces `path` so that a reader, or a machine that dies, sees the old bytes or the new ones and
// nothing between: temporary file beside it, write, fsync, rename, fsync of the folder. Creates
// missing parent folders. Throws InputError (path, reason) and leaves the old file as it was.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

// The same for bytes that come in parts: nothing is at `path` until commit(). Without a commit the
// destructor removes the temporary file. Throws InputError (path, reason).
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);
  void commit();
  // For what can be made again and is checked when it is read: no fsync, so a machine that dies may
  // leave `path` damaged.
  void commit_cached();

 private:
  void rename_into_place();

  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
};

// 128-bit XXH3 of the bytes as 32 lower-case hex digits: the name of a thing by its content.
std::string content_hash(std::string_view bytes);

// Read-only memory map of a file; the view lives as long as the object.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);  // throws InputError
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace runner::io
