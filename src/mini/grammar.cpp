#include "mini/grammar.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace runner::mini {

namespace {

// A line is one concept: sort, then synonyms; '/' parts the forms of a word, '|' two opposites.
constexpr std::string_view kLexicon = R"(
person doctor/doctors physician/physicians
person teacher/teachers instructor/instructors
person student/students pupil/pupils
person lawyer/lawyers attorney/attorneys
person writer/writers author/authors
person child/children kid/kids
person farmer/farmers grower/growers
person sailor/sailors seaman/seamen
person painter/painters artist/artists
person cook/cooks chef/chefs
person soldier/soldiers
person nurse/nurses
animal dog/dogs hound/hounds
animal rabbit/rabbits bunny/bunnies
animal pig/pigs hog/hogs
animal donkey/donkeys mule/mules
animal cat/cats
animal horse/horses
animal goat/goats
animal bird/birds
thing car/cars automobile/automobiles
thing boat/boats ship/ships
thing box/boxes crate/crates
thing picture/pictures photo/photos
thing bag/bags sack/sacks
thing stone/stones rock/rocks
thing rug/rugs carpet/carpets
thing coat/coats jacket/jackets
thing bike/bikes bicycle/bicycles
thing chair/chairs seat/seats
thing cup/cups mug/mugs
thing lamp/lamps
thing book/books
thing clock/clocks
place garden yard
place market bazaar
place river stream
place road street
place forest woods
place shore beach
place castle fortress
place hill
place school
place bridge
day Monday
day Tuesday
day Wednesday
day Thursday
day Friday
day Saturday
day Sunday
count two
count three
count four
count five
count six
verb found/find/finds discovered/discover/discovers | lost/lose/loses misplaced/misplace/misplaces
verb bought/buy/buys purchased/purchase/purchases | sold/sell/sells
verb fixed/fix/fixes repaired/repair/repairs | damaged/damage/damages broke/break/breaks
verb liked/like/likes enjoyed/enjoy/enjoys | hated/hate/hates disliked/dislike/dislikes
verb pushed/push/pushes shoved/shove/shoves | pulled/pull/pulls dragged/drag/drags
verb chased/chase/chases pursued/pursue/pursues
verb saw/see/sees spotted/spot/spots
verb cleaned/clean/cleans washed/wash/washes
verb carried/carry/carries hauled/haul/hauls
verb watched/watch/watches observed/observe/observes
verb hid/hide/hides concealed/conceal/conceals
verb followed/follow/follows
verb painted/paint/paints
adjective big large | small little
adjective old ancient | new modern
adjective happy glad | sad unhappy
adjective rich wealthy | poor
adjective strong | weak
adjective clean | dirty
adjective fast quick | slow
adjective red
adjective blue
adjective green
adjective white
adjective black
show film movie
show story tale
show comedy
show drama
show plot
show script
show cast
show performance
praise charming delightful | tedious tiresome
praise brilliant dazzling | awful dreadful
praise funny hilarious | dull boring
praise clever smart | silly foolish
praise touching moving | shallow empty
praise fresh original | bland stale
praise graceful | clumsy
praise lively | lifeless
merit charm grace | noise clutter
merit wit humor | boredom tedium
merit heart warmth | cliches
merit energy | nonsense
determiner the
determiner some
singular_determiner a an
singular_determiner every
singular_determiner this
plural_determiner these
plural_determiner several
plural_determiner all
negation not
negation never
negation hardly
negation lacks
negation without
asks_where where place
asks_when when
asks_count many
manner how way
reason why makes
joiner is was
joiner did
joiner and
joiner but
joiner because
joiner near
joiner on
joiner in
joiner of
joiner for
joiner to
joiner with
joiner has
joiner it
joiner he
joiner she
joiner what
joiner can
joiner should
joiner best
joiner quite
joiner really
joiner person
joiner animal
joiner .
joiner ?
joiner ,
joiner '
joiner "
)";

constexpr std::array<std::pair<std::string_view, Sort>, 23> kSortNames = {{
    {"person", Sort::person},
    {"animal", Sort::animal},
    {"thing", Sort::thing},
    {"place", Sort::place},
    {"day", Sort::day},
    {"count", Sort::count},
    {"verb", Sort::verb},
    {"adjective", Sort::adjective},
    {"show", Sort::show},
    {"praise", Sort::praise},
    {"blame", Sort::blame},
    {"merit", Sort::merit},
    {"flaw", Sort::flaw},
    {"determiner", Sort::determiner},
    {"singular_determiner", Sort::singular_determiner},
    {"plural_determiner", Sort::plural_determiner},
    {"negation", Sort::negation},
    {"asks_where", Sort::asks_where},
    {"asks_when", Sort::asks_when},
    {"asks_count", Sort::asks_count},
    {"manner", Sort::manner},
    {"reason", Sort::reason},
    {"joiner", Sort::joiner},
}};

Sort sort_named(std::string_view name) {
  return std::find_if(kSortNames.begin(), kSortNames.end(),
                      [&](const auto& row) { return row.first == name; })
      ->second;
}

// The contrary of praise is blame, of a merit a flaw; elsewhere opposites are of one sort.
Sort contrary(Sort sort) {
  if (sort == Sort::praise) return Sort::blame;
  if (sort == Sort::merit) return Sort::flaw;
  return sort;
}

std::vector<std::string> split_forms(const std::string& text) {
  std::vector<std::string> forms;
  std::istringstream stream(text);
  for (std::string form; std::getline(stream, form, '/');) forms.push_back(form);
  return forms;
}

std::vector<Concept> parse_lexicon() {
  std::vector<Concept> concepts;
  std::istringstream table{std::string(kLexicon)};
  for (std::string line; std::getline(table, line);) {
    std::istringstream row(line);
    std::string item;
    if (!(row >> item)) continue;
    const Sort sort = sort_named(item);
    concepts.push_back({sort, kNone, {}});
    while (row >> item) {
      if (item == "|") {
        const int first = static_cast<int>(concepts.size()) - 1;
        concepts.back().opposite = first + 1;
        concepts.push_back({contrary(sort), first, {}});
      } else {
        concepts.back().words.push_back(split_forms(item));
      }
    }
  }
  return concepts;
}

}  // namespace

const std::vector<Concept>& lexicon() {
  static const std::vector<Concept> concepts = parse_lexicon();
  return concepts;
}

const std::vector<int>& concepts_of(Sort sort) {
  static const auto by_sort = [] {
    std::array<std::vector<int>, kSortNames.size()> table;
    for (std::size_t i = 0; i < lexicon().size(); ++i) {
      table[static_cast<std::size_t>(lexicon()[i].sort)].push_back(static_cast<int>(i));
    }
    return table;
  }();
  return by_sort[static_cast<std::size_t>(sort)];
}

bool chance(Stream& draw, int percent) { return static_cast<int>(draw.below(100)) < percent; }

int pick(Stream& draw, Sort sort) {
  const std::vector<int>& all = concepts_of(sort);
  return all[static_cast<std::size_t>(draw.below(all.size()))];
}

int pick_other(Stream& draw, int present) {
  for (;;) {
    const int other = pick(draw, lexicon()[static_cast<std::size_t>(present)].sort);
    if (other != present) return other;
  }
}

std::string word(Stream& draw, int meaning, std::size_t form) {
  const auto& words = lexicon()[static_cast<std::size_t>(meaning)].words;
  return words[static_cast<std::size_t>(draw.below(words.size()))][form];
}

void append(Words& to, const Words& more) { to.insert(to.end(), more.begin(), more.end()); }

void set_article(Words& words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const bool vowel = std::string_view("aeiou").find(words[i + 1][0]) != std::string_view::npos;
    if (words[i] == "a" && vowel) words[i] = "an";
  }
}

Clause draw_clause(Stream& draw, int modifiers) {
  Clause clause;
  clause.subject.noun = pick(draw, chance(draw, 70) ? Sort::person : Sort::animal);
  clause.verb = pick(draw, Sort::verb);
  do {
    clause.object.noun = pick(draw, chance(draw, 75) ? Sort::thing : Sort::animal);
  } while (clause.object.noun == clause.subject.noun);
  if (chance(draw, modifiers)) clause.object.adjective = pick(draw, Sort::adjective);
  if (chance(draw, modifiers)) clause.place = pick(draw, Sort::place);
  if (chance(draw, modifiers)) clause.day = pick(draw, Sort::day);
  return clause;
}

int& meaning(Clause& clause, Slot slot) {
  switch (slot) {
    case Slot::subject:
      return clause.subject.noun;
    case Slot::verb:
      return clause.verb;
    case Slot::object:
      return clause.object.noun;
    case Slot::adjective:
      return clause.object.adjective;
    case Slot::place:
      return clause.place;
    case Slot::day:
      break;
  }
  return clause.day;
}

void change(Clause& clause, Slot slot, Stream& draw) {
  int& present = meaning(clause, slot);
  if (present != kNone) {
    present = pick_other(draw, present);
  } else {
    present = pick(draw, slot == Slot::place ? Sort::place
                         : slot == Slot::day ? Sort::day
                                             : Sort::adjective);
  }
}

Words say(const NounPhrase& phrase, Stream& draw) {
  Words words = {phrase.count == kNone ? "the" : word(draw, phrase.count)};
  if (phrase.adjective != kNone) words.push_back(word(draw, phrase.adjective));
  words.push_back(word(draw, phrase.noun, phrase.count == kNone ? 0 : 1));
  return words;
}

Words say(const Clause& clause, Stream& draw) {
  Words words;
  Words day;
  if (clause.day != kNone) day = {"on", word(draw, clause.day)};
  const bool day_first = chance(draw, 30);
  if (day_first) append(words, day);
  append(words, say(clause.subject, draw));
  if (clause.negated) append(words, {"did", "not"});
  words.push_back(word(draw, clause.verb, clause.negated ? kBase : kPast));
  append(words, say(clause.object, draw));
  if (clause.place != kNone) append(words, {"near", "the", word(draw, clause.place)});
  if (!day_first) append(words, day);
  return words;
}

std::string sentence(const Words& words, std::string_view end) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text.append(end);
}

}  // namespace runner::mini
