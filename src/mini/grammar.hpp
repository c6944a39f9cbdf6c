#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "random/philox.hpp"

// The grammar behind the embedded data: a lexicon of concepts and short English clauses about them.
namespace runner::mini {

// Forms of a noun (person, animal, thing): singular, plural; of a verb: kPast, kBase, kThirdPerson.
enum class Sort {
  person,
  animal,
  thing,
  place,
  day,
  count,
  verb,
  adjective,
  show,  // film reviews from here: what is reviewed, adjectives and nouns for and against it
  praise,
  blame,
  merit,
  flaw,
  determiner,  // function words from here
  singular_determiner,
  plural_determiner,
  negation,
  asks_where,
  asks_when,
  asks_count,
  manner,
  reason,
  joiner  // every other, and punctuation
};
inline constexpr std::size_t kPast = 0, kBase = 1, kThirdPerson = 2;

// One meaning: words[synonym][form]. Synonyms are interchangeable everywhere.
struct Concept {
  Sort sort;
  int opposite;  // index of the concept that means the contrary, or kNone
  std::vector<std::vector<std::string>> words;
};
inline constexpr int kNone = -1;

const std::vector<Concept>& lexicon();
const std::vector<int>& concepts_of(Sort sort);  // indices into lexicon()

using Words = std::vector<std::string>;
using random::Stream;

bool chance(Stream& draw, int percent);
int pick(Stream& draw, Sort sort);          // a concept
int pick_other(Stream& draw, int present);  // another concept of the same sort
std::string word(Stream& draw, int meaning, std::size_t form = 0);  // one of its synonyms
void append(Words& to, const Words& more);
void set_article(Words& words);  // "a" before a vowel becomes "an"

struct NounPhrase {
  int noun = kNone;
  int adjective = kNone;
  int count = kNone;  // "two", ...: makes the noun plural
};

// "[on DAY] SUBJECT [did not] VERB OBJECT [near the PLACE] [on DAY]", every part but subject, verb
// and object optional (kNone).
struct Clause {
  NounPhrase subject;
  int verb = kNone;
  NounPhrase object;
  int place = kNone;
  int day = kNone;
  bool negated = false;
};

enum class Slot { subject, verb, object, adjective, place, day };
inline constexpr int kSlots = 6;

// `modifiers`: the chance in percent of each optional part.
Clause draw_clause(Stream& draw, int modifiers);
// Gives the slot another meaning of the same sort; fills it where it is empty.
void change(Clause& clause, Slot slot, Stream& draw);
int& meaning(Clause& clause, Slot slot);  // adjective: the object's

// In words, with a fresh choice of synonyms and word order at each call.
Words say(const NounPhrase& phrase, Stream& draw);
Words say(const Clause& clause, Stream& draw);

// Capital first letter, `end` attached ("The dog slept.") or, as MRPC has it, apart ("... slept
// .").
std::string sentence(const Words& words, std::string_view end);

}  // namespace runner::mini
