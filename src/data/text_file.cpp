#include "data/text_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "data/unicode.hpp"
#include "io/error.hpp"
#include "io/foreign.hpp"

namespace runner::data {

struct Gunzip::State {
  std::string name;
  z_stream stream{};
  bool open = true;  // more bytes must come
  std::array<char, 1 << 16> part;

  [[noreturn]] void refuse(std::string_view why) const {
    throw InputError(fmt::format("{}: damaged gzip: {}", name, why));
  }
  ~State() { inflateEnd(&stream); }
};

Gunzip::Gunzip(std::string_view name) : state_(std::make_unique<State>()) {
  state_->name = name;
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&state_->stream, kGzipOnly) != Z_OK) throw InputError("zlib cannot start");
}

Gunzip::~Gunzip() = default;

void Gunzip::add(std::string_view bytes, std::string& text) {
  State& state = *state_;
  z_stream& stream = state.stream;
  // A file may be several packed ones after another.
  while (!bytes.empty()) {
    const auto given = static_cast<uInt>(std::min<std::size_t>(bytes.size(), 1u << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = given;
    int status = Z_OK;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(state.part.data());
      stream.avail_out = static_cast<uInt>(state.part.size());
      status = inflate(&stream, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        state.refuse(stream.msg != nullptr ? stream.msg : "malformed");
      }
      text.append(state.part.data(), state.part.size() - stream.avail_out);
    } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
    bytes.remove_prefix(given - stream.avail_in);
    state.open = status != Z_STREAM_END;
    if (!state.open) inflateReset(&stream);
  }
}

void Gunzip::finish() const {
  if (state_->open) state_->refuse("it ends too soon");
}

void check_utf8(std::string_view text, std::string_view name, int first_line) {
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
                                 first_line + std::ranges::count(text.substr(0, begin), '\n'),
                                 begin - line_begin + 1, static_cast<std::uint8_t>(text[begin])));
  }
}

std::string_view take_mark(std::string_view begin, std::string_view name) {
  const std::string_view foreign = io::foreign_kind(begin);
  if (!foreign.empty()) throw InputError(fmt::format("{} is {}", name, foreign));
  if (begin.starts_with("\xEF\xBB\xBF")) begin.remove_prefix(3);
  return begin;
}

std::string_view read_text(std::string_view bytes, std::string& unpacked, std::string_view name) {
  if (is_gzip(bytes)) {
    Gunzip gunzip(name);
    gunzip.add(bytes, unpacked);
    gunzip.finish();
    bytes = unpacked;
  }
  const std::string_view text = take_mark(bytes, name);
  check_utf8(text, name);
  return text;
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
