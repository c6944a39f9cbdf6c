#include "data/pre_tokenizers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "data/bpe.hpp"
#include "data/pattern.hpp"
#include "data/unicode.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

// A stretch of a text that a pattern matches, or one between two matches.
struct Stretch {
  std::size_t begin, end;
  bool match;
};

// What becomes of the matches: the tokenizers package's SplitDelimiterBehavior.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
constexpr std::array<std::string_view, 5> kBehaviors = {"Removed", "Isolated", "MergedWithPrevious",
                                                        "MergedWithNext", "Contiguous"};

// Joins each match to its neighbour `before` it in the order of the list, unless that is a match
// itself.
template <typename Join>
void merge_matches(std::vector<Stretch>& stretches, Join join) {
  std::vector<Stretch> out;
  bool before = false;
  for (const Stretch& stretch : stretches) {
    if (!out.empty() && join(stretch.match, before)) {
      out.back().begin = std::min(out.back().begin, stretch.begin);
      out.back().end = std::max(out.back().end, stretch.end);
    } else {
      out.push_back({stretch.begin, stretch.end, false});
    }
    before = stretch.match;
  }
  stretches = std::move(out);
}

void apply(Behavior behavior, std::vector<Stretch>& stretches) {
  const auto lone_match = [](bool match, bool before) { return match && !before; };
  switch (behavior) {
    case Behavior::removed:
      std::erase_if(stretches, [](const Stretch& s) { return s.match; });
      return;
    case Behavior::isolated:
      return;
    case Behavior::contiguous:
      merge_matches(stretches, [](bool match, bool before) { return match == before; });
      return;
    case Behavior::merged_with_previous:
      merge_matches(stretches, lone_match);
      return;
    case Behavior::merged_with_next:
      std::ranges::reverse(stretches);
      merge_matches(stretches, lone_match);
      std::ranges::reverse(stretches);
      return;
  }
}

// Cuts a piece at the matches of find_matches(text, found), which calls found(begin, end) for each.
template <typename Find>
void cut(Piece&& piece, Behavior behavior, bool invert, Find find_matches,
         std::vector<Piece>& out) {
  std::vector<Stretch> stretches;
  std::size_t done = 0;
  const auto put = [&](std::size_t begin, std::size_t end, bool match) {
    if (begin < end || match) stretches.push_back({begin, end, match != invert});
  };
  find_matches(piece.text, [&](std::size_t begin, std::size_t end) {
    put(done, begin, false);
    put(begin, end, true);
    done = end;
  });
  put(done, piece.text.size(), false);
  apply(behavior, stretches);
  for (const Stretch& s : stretches) {
    if (s.begin == s.end) continue;
    out.push_back({piece.text.substr(s.begin, s.end - s.begin), piece.first && s.begin == 0});
  }
}

// Cuts at characters, each a match of its own.
template <typename Test>
PreTokenizer at_characters(Test test, Behavior behavior) {
  return [=](Piece&& piece, std::vector<Piece>& out) {
    const auto find = [&](std::string_view text, auto found) {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        if (test(unicode::decode(text, at))) found(begin, at);
      }
    };
    cut(std::move(piece), behavior, false, find, out);
  };
}

Behavior read_behavior(Component& component, std::string_view absent) {
  const std::string name = component.text("behavior", absent);
  const auto found = std::ranges::find(kBehaviors, name);
  if (found == kBehaviors.end()) {
    component.refuse("behavior", fmt::format("one of {}", fmt::join(kBehaviors, ", ")));
  }
  return static_cast<Behavior>(found - kBehaviors.begin());
}

using Steps = std::vector<PreTokenizer>;

void add_bert(Component&, Steps& steps) {
  steps.push_back(at_characters(unicode::is_space, Behavior::removed));
  steps.push_back(at_characters(unicode::is_punctuation, Behavior::isolated));
}

void add_byte_level(Component& component, Steps& steps) {
  component.ignore("trim_offsets");
  const bool prefix = component.flag("add_prefix_space", true);
  const bool words = component.flag("use_regex", true);
  steps.push_back([=](Piece&& piece, std::vector<Piece>& out) {
    if (prefix && piece.text[0] != ' ') piece.text.insert(0, 1, ' ');
    if (!words) return out.push_back(std::move(piece));
    const std::string_view text = piece.text;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = byte_level_word_end(text, begin);
      out.push_back({std::string(text.substr(begin, end - begin)), piece.first && begin == 0});
      begin = end;
    }
  });
}

void add_metaspace(Component& component, Steps& steps) {
  const std::string mark = component.text("replacement", "\u2581");
  component.ignore("str_rep");  // the mark again, in files of older versions
  std::size_t end = 0;
  if (!mark.empty()) unicode::decode(mark, end);
  if (mark.empty() || end != mark.size()) component.refuse("replacement", "one character");
  // Older versions say add_prefix_space.
  const std::string legacy = component.flag("add_prefix_space", true) ? "always" : "never";
  const std::string scheme = component.text("prepend_scheme", legacy);
  if (scheme != "always" && scheme != "never" && scheme != "first") {
    component.refuse("prepend_scheme", "one of always, never, first");
  }
  const bool split = component.flag("split", true);
  steps.push_back([=](Piece&& piece, std::vector<Piece>& out) {
    std::string text;
    text.reserve(piece.text.size() + 2 * mark.size());
    for (const char c : piece.text) c == ' ' ? text += mark : text += c;
    const bool prepended = scheme == "always" || (scheme == "first" && piece.first);
    if (prepended && !text.starts_with(mark)) text.insert(0, mark);
    piece.text = std::move(text);
    if (!split) return out.push_back(std::move(piece));
    const auto find = [&](std::string_view in, auto found) {
      for (std::size_t at = in.find(mark); at != std::string_view::npos;
           at = in.find(mark, at + mark.size())) {
        found(at, at + mark.size());
      }
    };
    cut(std::move(piece), Behavior::merged_with_next, false, find, out);
  });
}

// \w+|[^\w\s]+
void add_whitespace(Component&, Steps& steps) {
  steps.push_back([](Piece&& piece, std::vector<Piece>& out) {
    const auto kind = [](char32_t c) {
      return unicode::is_word(c) ? 2 : unicode::is_space(c) ? 0 : 1;
    };
    const std::string_view text = piece.text;
    std::size_t begin = 0;
    int now = 0;
    for (std::size_t at = 0; at <= text.size();) {
      std::size_t next = at + 1;
      int then = 0;
      if (at < text.size()) then = kind(unicode::decode(text, next = at));
      if (then != now || at == text.size()) {
        if (now != 0) {
          out.push_back({std::string(text.substr(begin, at - begin)), piece.first && begin == 0});
        }
        begin = at;
        now = then;
      }
      at = next;
    }
  });
}

void add_whitespace_split(Component&, Steps& steps) {
  steps.push_back(at_characters(unicode::is_space, Behavior::removed));
}

void add_punctuation(Component& component, Steps& steps) {
  steps.push_back(at_characters(unicode::is_punctuation, read_behavior(component, "Isolated")));
}

void add_digits(Component& component, Steps& steps) {
  const bool single = component.flag("individual_digits", false);
  steps.push_back(
      at_characters(unicode::is_numeric, single ? Behavior::isolated : Behavior::contiguous));
}

void add_char_delimiter(Component& component, Steps& steps) {
  const std::string delimiter = component.text("delimiter", "");
  std::size_t end = 0;
  const char32_t wanted = delimiter.empty() ? 0 : unicode::decode(delimiter, end);
  if (delimiter.empty() || end != delimiter.size()) component.refuse("delimiter", "one character");
  steps.push_back(at_characters([=](char32_t c) { return c == wanted; }, Behavior::removed));
}

void add_split(Component& component, Steps& steps) {
  const Pattern pattern(component, "pattern");
  const Behavior behavior = read_behavior(component, "");
  const bool invert = component.flag("invert", false);
  steps.push_back([=](Piece&& piece, std::vector<Piece>& out) {
    const auto find = [&](std::string_view text, auto found) { pattern.find_all(text, found); };
    cut(std::move(piece), behavior, invert, find, out);
  });
}

struct Row {
  std::string_view type;
  void (*add)(Component&, Steps&);
};

constexpr std::array kPreTokenizers = {
    Row{"BertPreTokenizer", add_bert},
    Row{"ByteLevel", add_byte_level},
    Row{"Metaspace", add_metaspace},
    Row{"Whitespace", add_whitespace},
    Row{"WhitespaceSplit", add_whitespace_split},
    Row{"Punctuation", add_punctuation},
    Row{"Digits", add_digits},
    Row{"CharDelimiterSplit", add_char_delimiter},
    Row{"Split", add_split},
};

}  // namespace

PreTokenizers make_pre_tokenizers(const io::Json& json, const std::string& place) {
  PreTokenizers out;
  for_each_component(json, "pretokenizers", place, [&](Component& component) {
    const Row& row = find_row(kPreTokenizers, component);
    if (out.bytes) {
      throw InputError(
          fmt::format("{}: '{}' after ByteLevel is not supported", component.place(), row.type));
    }
    out.bytes = row.type == "ByteLevel";
    row.add(component, out.steps);
  });
  return out;
}

}  // namespace runner::data
