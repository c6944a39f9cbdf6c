#include "data/unicode.hpp"

#include <algorithm>
#include <cstdint>

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

int combining_class(char32_t code_point) {
  const CombiningRange* row = find_row(kCombining, code_point);
  return row != nullptr ? row->combining_class : 0;
}

std::u32string_view decompose(char32_t code_point, char32_t (&buffer)[4]) {
  if (code_point >= 0xAC00 && code_point <= 0xD7A3) {  // Hangul: Unicode 15, section 3.12
    const char32_t index = code_point - 0xAC00;
    buffer[0] = 0x1100 + index / 588;
    buffer[1] = 0x1161 + index % 588 / 28;
    buffer[2] = 0x11A7 + index % 28;
    return {buffer, index % 28 == 0 ? 2u : 3u};
  }
  const auto row =
      std::ranges::lower_bound(kDecompositions, code_point, {}, &Decomposition::code_point);
  if (row == kDecompositions.end() || row->code_point != code_point) {
    buffer[0] = code_point;
    return {buffer, 1};
  }
  std::ranges::copy(row->to, buffer);
  return {buffer, static_cast<std::size_t>(std::ranges::find(buffer, U'\0') - buffer)};
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

}  // namespace runner::data::unicode
