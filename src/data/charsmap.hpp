#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runner::data {

// SentencePiece's precompiled_charsmap: which strings its normaliser writes as which. The bytes are
// a little-endian size, a double-array trie of that many bytes in Darts-clone's layout, whose
// values are offsets into the rest, zero-terminated strings.
class Charsmap {
 public:
  // Throws InputError "PLACE: ..." on bytes that are no such map.
  Charsmap(std::string_view bytes, std::string_view place);

  // A text as the tokenizers package normalises it: each grapheme cluster of up to 5 bytes, else
  // each of its characters, becomes what the shortest entry at its start says.
  std::string normalize(std::string_view text) const;

 private:
  // What the shortest entry that begins the text stands for.
  std::optional<std::string_view> find(std::string_view text) const;

  std::vector<std::uint32_t> units_;
  std::string strings_;
};

// The bytes that a text in base 64 stands for (RFC 4648); nothing where it is none.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace runner::data
