#include "io/zip.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::io {
namespace {

constexpr zip_uint16_t kMidnight = 0, kFirstDay = (1 << 5) | 1;  // 1980-01-01, where DOS begins

}  // namespace

void write_zip_atomic(const std::filesystem::path& path, std::span<const ZipEntry> entries) {
  zip_error_t error;
  zip_error_init(&error);
  const auto fail = [&](zip_error_t* why) {
    const std::string reason = zip_error_strerror(why);
    zip_error_fini(&error);
    throw InputError(fmt::format("{}: {}", path.string(), reason));
  };
  // The archive is made in memory, so that the file is written as every other.
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> made(
      zip_source_buffer_create(nullptr, 0, 0, &error), zip_source_free);
  if (made == nullptr) fail(&error);
  zip_source_keep(made.get());  // zip_close gives one reference back
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive(
      zip_open_from_source(made.get(), ZIP_TRUNCATE, &error), zip_discard);
  if (archive == nullptr) fail(&error);
  for (const ZipEntry& entry : entries) {
    zip_source_t* const source =
        zip_source_buffer(archive.get(), entry.bytes.data(), entry.bytes.size(), 0);
    const zip_int64_t index = source == nullptr ? -1
                                                : zip_file_add(archive.get(), entry.name.c_str(),
                                                               source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(zip_get_error(archive.get()));
    }
    zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), kMidnight, kFirstDay, 0);
  }
  if (zip_close(archive.get()) != 0) fail(zip_get_error(archive.get()));
  (void)archive.release();  // zip_close has freed it

  zip_stat_t stat;
  if (zip_source_stat(made.get(), &stat) != 0 || zip_source_open(made.get()) != 0) {
    fail(zip_source_error(made.get()));
  }
  std::string bytes(stat.size, '\0');
  const zip_int64_t got = zip_source_read(made.get(), bytes.data(), bytes.size());
  zip_source_close(made.get());
  if (got != static_cast<zip_int64_t>(bytes.size())) fail(zip_source_error(made.get()));
  zip_error_fini(&error);
  write_file_atomic(path, bytes);
}

}  // namespace runner::io
