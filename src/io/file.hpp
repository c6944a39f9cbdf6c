#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runner::io {

// The whole file as bytes. Throws InputError naming the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

// Throws InputError where `path` is a link: what is written in its place would land elsewhere.
void refuse_link(const std::filesystem::path& path);

// Replaces `path` so that a reader, or a machine that dies, sees the old bytes or the new ones and
// nothing between: temporary file beside it, write, fsync, rename, fsync of the folder. Creates
// missing parent folders. Throws InputError (path, reason) and leaves the old file as it was.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

// The same where other bytes, or none, are at `path`: what is written already can be written again
// on a disk that is full or read-only.
void write_file_if_changed(const std::filesystem::path& path, std::string_view bytes);

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

 private:
  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
};

// What lies in a folder, in no order; nothing when it is not there, or is removed meanwhile. Throws
// InputError when it cannot be listed.
std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder);

// Temporary files in `folder` that killed writers left behind: those that no AtomicFile of a living
// process holds. Where files cannot be locked, those that are a day old.
std::vector<std::filesystem::path> abandoned_files(const std::filesystem::path& folder);

// fsync of a folder: what was created, renamed or removed in it is on disk. Some network file
// systems refuse it; a rename is then as durable as it gets.
void sync_folder(const std::filesystem::path& folder);

// 128-bit XXH3 of the bytes as 32 lower-case hex digits: the name of a thing by its content.
std::string content_hash(std::string_view bytes);

// A file's size in bytes; 0 of what is gone, or is no file.
std::uintmax_t size_of(const std::filesystem::path& file);

// A number of bytes for people: three digits and the unit, "168 kB", "3.8 GB"; units of 1000.
std::string size_text(double bytes);

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
