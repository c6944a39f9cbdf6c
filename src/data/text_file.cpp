#include "data/text_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "data/unicode.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

// What is sometimes found in the place of data, by how it begins.
struct Stranger {
  std::string_view begin, what;
};
constexpr std::array kStrangers = {
    Stranger{"version https://git-lfs",
             "is a Git LFS pointer, not the data: fetch it by git lfs pull"},
    Stranger{"<!DOCTYPE html", "is an HTML page, not the data: download it again"},
    Stranger{"<!doctype html", "is an HTML page, not the data: download it again"},
    Stranger{"<html", "is an HTML page, not the data: download it again"},
    Stranger{"PK\x03\x04", "is a zip archive: unpack it"},
    Stranger{"BZh", "is packed by bzip2: unpack it"},
    Stranger{"\xFD\x37zXZ", "is packed by xz: unpack it"},
    Stranger{"\x28\xB5\x2F\xFD", "is packed by zstd: unpack it"},
    Stranger{"PAR1", "is a Parquet file: write it as CSV or JSON lines"},
    Stranger{"\xFF\xFE", "is UTF-16, not UTF-8"},
    Stranger{"\xFE\xFF", "is UTF-16, not UTF-8"},
};

std::string unpack(std::string_view bytes, std::string_view name) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) throw InputError("zlib cannot start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  std::string text;
  std::array<char, 1 << 16> part;
  const auto refuse = [&](std::string_view why) {
    throw InputError(fmt::format("{}: damaged gzip: {}", name, why));
  };
  // A file may be several packed ones after another.
  while (!bytes.empty()) {
    const auto given = static_cast<uInt>(std::min<std::size_t>(bytes.size(), 1u << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = given;
    int status = Z_OK;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(part.data());
      stream.avail_out = static_cast<uInt>(part.size());
      status = inflate(&stream, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        refuse(stream.msg != nullptr ? stream.msg : "malformed");
      }
      text.append(part.data(), part.size() - stream.avail_out);
    } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
    bytes.remove_prefix(given - stream.avail_in);
    if (status == Z_STREAM_END) {
      inflateReset(&stream);
    } else if (bytes.empty()) {
      refuse("it ends too soon");
    }
  }
  return text;
}

void check_utf8(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<std::uint8_t>(text[at]) < 128) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    if (unicode::decode(text, at) != 0xFFFD || text.substr(begin, at - begin) == "\xEF\xBF\xBD") {
      continue;
    }
    const std::size_t line_begin = text.substr(0, begin).rfind('\n') + 1;  // npos + 1 is 0
    throw InputError(fmt::format("{}:{}: byte {} of the line, 0x{:02X}, is not UTF-8", name,
                                 1 + std::ranges::count(text.substr(0, begin), '\n'),
                                 begin - line_begin + 1, static_cast<std::uint8_t>(text[begin])));
  }
}

}  // namespace

std::string_view read_text(std::string_view bytes, std::string& unpacked, std::string_view name) {
  if (bytes.starts_with("\x1F\x8B")) bytes = unpacked = unpack(bytes, name);
  for (const Stranger& stranger : kStrangers) {
    if (bytes.starts_with(stranger.begin)) {
      throw InputError(fmt::format("{}: {}", name, stranger.what));
    }
  }
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  check_utf8(bytes, name);
  return bytes;
}

Lines::Lines(std::string_view text) : rest_(text) {
  while (rest_.ends_with('\n') || rest_.ends_with('\r')) rest_.remove_suffix(1);
}

bool Lines::next(std::string_view& line) {
  if (done_) return false;
  const std::size_t end = rest_.find('\n');
  line = rest_.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  done_ = end == std::string_view::npos;
  if (!done_) rest_.remove_prefix(end + 1);
  ++number_;
  return true;
}

}  // namespace runner::data
