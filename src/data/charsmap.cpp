#include "data/charsmap.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "data/unicode.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

// A unit of the trie: bits 0-7 the label, bit 8 whether a value hangs below, bits 10-30 the offset
// to the children, in steps of 256 where bit 9 is set; a value's unit has bit 31.
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) == 1; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFFu; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FFu; }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }

}  // namespace

Charsmap::Charsmap(std::string_view bytes, std::string_view place) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
  if (bytes.size() < sizeof size || size == 0 || size % 4 != 0 ||
      size > bytes.size() - sizeof size ||
      (size < bytes.size() - sizeof size && bytes.back() != 0)) {
    throw InputError(fmt::format("{}: not a precompiled character map", place));
  }
  units_.resize(size / 4);
  std::memcpy(units_.data(), bytes.data() + sizeof size, size);
  strings_ = bytes.substr(sizeof size + size);
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  std::size_t node = offset_of(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte == 0) return std::nullopt;
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) return std::nullopt;
    const bool leaf = has_leaf(units_[node]);
    node ^= offset_of(units_[node]);
    if (!leaf) continue;
    if (node >= units_.size()) return std::nullopt;
    const std::uint32_t at = value_of(units_[node]);
    if (at >= strings_.size()) return std::nullopt;
    return std::string_view(strings_.data() + at);
  }
  return std::nullopt;
}

std::string Charsmap::normalize(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  const auto put = [&](std::string_view part) { out += find(part).value_or(part); };
  const auto ascii = [](char c) { return static_cast<std::uint8_t>(c) < 128; };
  for (std::size_t at = 0; at < text.size();) {
    // Two characters of ASCII are two clusters, but for a line break of two.
    const bool alone =
        ascii(text[at]) && text[at] != '\r' && (at + 1 == text.size() || ascii(text[at + 1]));
    const std::size_t end = alone ? at + 1 : unicode::grapheme_end(text, at);
    const std::string_view cluster = text.substr(at, end - at);
    at = end;
    if (cluster.size() < 6) {
      if (const auto found = find(cluster)) {
        out += *found;
        continue;
      }
    }
    for (std::size_t begin = 0; begin < cluster.size();) {
      std::size_t next = begin;
      unicode::decode(cluster, next);
      put(cluster.substr(begin, next - begin));
      begin = next;
    }
  }
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=') && text.size() % 4 != 2) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return bytes;
}

}  // namespace runner::data
