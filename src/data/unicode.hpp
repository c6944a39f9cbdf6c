#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Characters as Hugging Face's tokenizers see them (third_party/unicode says where from).
namespace runner::data::unicode {

// The code point at text[at], at < text.size(), and its end in `at`. A broken sequence reads as
// U+FFFD for each maximal part of a valid one (Unicode 15, table 3-8), as Python's "replace" does.
char32_t decode(std::string_view text, std::size_t& at);
void append(std::string& text, char32_t code_point);

bool is_letter(char32_t code_point);  // \p{L} of byte-level BPE's pattern
bool is_number(char32_t code_point);  // \p{N}
bool is_space(char32_t code_point);   // \s; White_Space

bool is_removed(char32_t code_point);      // dropped by BERT's clean_text
bool is_punctuation(char32_t code_point);  // a word of its own in BERT
bool is_chinese(char32_t code_point);      // likewise, with tokenize_chinese_chars
bool is_nonspacing(char32_t code_point);   // dropped by BERT's strip_accents after NFD

bool is_mark(char32_t code_point);     // dropped by the normaliser StripAccents
bool is_word(char32_t code_point);     // \w of the pre-tokeniser Whitespace and of single_word
bool is_numeric(char32_t code_point);  // split off by the pre-tokeniser Digits

int combining_class(char32_t code_point);  // canonical; 0: a starter
// Full canonical decomposition, in 1 to 4 code points.
std::u32string_view decompose(char32_t code_point, char32_t (&buffer)[4]);
// Lower case without context, in 1 or 2 code points.
std::u32string_view lower(char32_t code_point, char32_t (&buffer)[2]);

enum class Form { nfc, nfd, nfkc, nfkd };
// A valid UTF-8 text in a normal form of the Unicode that the tokenizers package knows.
std::string normalize(std::string_view text, Form form);

// End of the extended grapheme cluster (Unicode 15, annex 29) at text[at] of a valid UTF-8 text.
std::size_t grapheme_end(std::string_view text, std::size_t at);

}  // namespace runner::data::unicode
