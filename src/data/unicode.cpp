#include "data/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "data/unicode_tables.hpp"

namespace runner::data::unicode {
namespace {

// The row of a sorted table that holds the code point; null when none does.
template <typename Row>
const Row* find_row(std::span<const Row> table, char32_t code_point) {
  const auto row = std::ranges::lower_bound(table, code_point, {}, &Row::last);
  return row != table.end() && row->first <= code_point ? &*row : nullptr;
}

bool holds(std::span<const Range> table, char32_t code_point) {
  return find_row(table, code_point) != nullptr;
}

}  // namespace

char32_t decode(std::string_view text, std::size_t& at) {
  constexpr char32_t kReplacement = 0xFFFD;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(at++);
  if (lead < 0x80) return lead;
  if (lead < 0xC2 || lead > 0xF4) return kReplacement;
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t code_point = lead & (0x3Fu >> more);
  // The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF.
  std::uint8_t low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (int i = 0; i < more; ++i) {
    if (at == text.size() || byte(at) < low || byte(at) > high) return kReplacement;
    code_point = (code_point << 6) | (byte(at++) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return code_point;
}

void append(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool is_letter(char32_t code_point) { return holds(kLetters, code_point); }
bool is_number(char32_t code_point) { return holds(kNumbers, code_point); }
bool is_space(char32_t code_point) { return holds(kSpaces, code_point); }
bool is_removed(char32_t code_point) { return holds(kRemoved, code_point); }
bool is_punctuation(char32_t code_point) { return holds(kPunctuation, code_point); }
bool is_chinese(char32_t code_point) { return holds(kChinese, code_point); }
bool is_nonspacing(char32_t code_point) { return holds(kNonspacing, code_point); }

bool is_mark(char32_t code_point) { return holds(kMarks, code_point); }
bool is_word(char32_t code_point) { return holds(kWords, code_point); }
bool is_numeric(char32_t code_point) { return holds(kNumeric, code_point); }

int combining_class(char32_t code_point) {
  const int found =
      utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point))->combining_class;
  return found != 0 && holds(kNewer, code_point) ? 0 : found;
}

std::u32string_view decompose(char32_t code_point, char32_t (&buffer)[4]) {
  utf8proc_int32_t out[4];
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const utf8proc_ssize_t length = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point),
                                                          out, 4, UTF8PROC_DECOMPOSE, &boundary);
  if (length < 1 || length > 4 || (length > 1 && holds(kNewer, code_point))) {
    buffer[0] = code_point;
    return {buffer, 1};
  }
  std::copy_n(out, length, buffer);
  return {buffer, static_cast<std::size_t>(length)};
}

std::u32string_view lower(char32_t code_point, char32_t (&buffer)[2]) {
  buffer[0] = code_point;
  if (code_point == 0x130) {  // I with a dot: i and the dot
    buffer[0] = 'i';
    buffer[1] = 0x307;
    return {buffer, 2};
  }
  const LowerRange* row = find_row(kLower, code_point);
  if (row != nullptr && (code_point - row->first) % static_cast<char32_t>(row->step) == 0) {
    buffer[0] = static_cast<char32_t>(static_cast<std::int32_t>(code_point) + row->difference);
  }
  return {buffer, 1};
}

namespace {

void append_normalized(std::string& out, std::string_view text, utf8proc_option_t options) {
  if (text.empty()) return;
  utf8proc_uint8_t* found = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &found, options);
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(found, std::free);
  if (length < 0) throw std::runtime_error(utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char*>(found), static_cast<std::size_t>(length));
}

}  // namespace

std::string normalize(std::string_view text, Form form) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<std::uint8_t>(c) < 128; })) {
    return std::string(text);
  }
  int options = UTF8PROC_STABLE;
  options |= form == Form::nfc || form == Form::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == Form::nfkc || form == Form::nfkd) options |= UTF8PROC_COMPAT;
  // A character that the package does not know is a starter that neither decomposes nor composes,
  // so the text on its two sides is normalised apart.
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (!holds(kNewer, decode(text, at))) continue;
    append_normalized(out, text.substr(begin, start - begin),
                      static_cast<utf8proc_option_t>(options));
    out += text.substr(start, at - start);
    begin = at;
  }
  append_normalized(out, text.substr(begin), static_cast<utf8proc_option_t>(options));
  return out;
}

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  auto before = static_cast<utf8proc_int32_t>(decode(text, at));
  utf8proc_int32_t state = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const auto after = static_cast<utf8proc_int32_t>(decode(text, next));
    if (utf8proc_grapheme_break_stateful(before, after, &state)) return at;
    before = after;
    at = next;
  }
  return at;
}

}  // namespace runner::data::unicode
