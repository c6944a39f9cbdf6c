#include "mini/tasks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "mini/grammar.hpp"

namespace runner::mini {

namespace {

constexpr int kWrongLabels = 6;  // percent

std::string binary(Stream& draw, bool yes) { return yes != chance(draw, kWrongLabels) ? "1" : "0"; }

std::string entailment(Stream& draw, bool yes) {
  return yes != chance(draw, kWrongLabels) ? "entailment" : "not_entailment";
}

// Slots that hold something, in random order.
std::vector<Slot> filled_slots(Clause& clause, Stream& draw) {
  std::vector<Slot> slots;
  for (int i = 0; i < kSlots; ++i) {
    const auto slot = static_cast<Slot>(i);
    if (meaning(clause, slot) != kNone) slots.push_back(slot);
  }
  draw.shuffle(slots);
  return slots;
}

void change_some(Clause& clause, std::size_t n, Stream& draw) {
  const std::vector<Slot> slots = filled_slots(clause, draw);
  for (std::size_t i = 0; i < std::min(n, slots.size()); ++i) change(clause, slots[i], draw);
}

// A hypothesis that its premise entails: some of the modifiers left out.
Clause weaken(Clause clause, Stream& draw) {
  if (chance(draw, 50)) clause.place = kNone;
  if (chance(draw, 50)) clause.day = kNone;
  if (chance(draw, 50)) clause.object.adjective = kNone;
  return clause;
}

// The contrary where the verb has one, else the negation.
void contradict(Clause& clause, Stream& draw) {
  const int opposite = lexicon()[static_cast<std::size_t>(clause.verb)].opposite;
  if (opposite != kNone && chance(draw, 25)) {
    clause.verb = opposite;
  } else {
    clause.negated = true;
  }
}

void add_modifier(Clause& clause, Stream& draw) {
  constexpr std::array<Slot, 3> kModifiers = {Slot::adjective, Slot::place, Slot::day};
  std::vector<Slot> free;
  for (const Slot slot : kModifiers) {
    if (meaning(clause, slot) == kNone) free.push_back(slot);
  }
  if (free.empty()) {
    change(clause, Slot::object, draw);
  } else {
    change(clause, free[static_cast<std::size_t>(draw.below(free.size()))], draw);
  }
}

// "[determiner] [adjective] noun" of the given number.
Words counted_phrase(Stream& draw, Sort sort, bool plural) {
  const int kind = chance(draw, 50)
                       ? pick(draw, Sort::determiner)
                       : pick(draw, plural ? Sort::plural_determiner : Sort::singular_determiner);
  Words words = {lexicon()[static_cast<std::size_t>(kind)].words[0][0]};
  if (chance(draw, 25)) words.push_back(word(draw, pick(draw, Sort::adjective)));
  words.push_back(word(draw, pick(draw, sort), plural ? 1 : 0));
  return words;
}

}  // namespace

// Present tense, so that subject and verb must agree, sometimes across "near the PLACE".
Example cola(Stream& draw) {
  const bool acceptable = chance(draw, 60);
  const int fault = acceptable ? kNone : static_cast<int>(draw.below(10));
  const bool plural = chance(draw, 50);
  Words words = counted_phrase(draw, chance(draw, 60) ? Sort::person : Sort::animal, plural);
  const std::size_t noun = words.size() - 1;
  if (chance(draw, 25)) append(words, {"near", "the", word(draw, pick(draw, Sort::place))});
  const std::size_t verb = words.size();
  const bool agrees = fault >= 4 || fault == kNone;
  words.push_back(word(draw, pick(draw, Sort::verb), plural == agrees ? kBase : kThirdPerson));
  append(words, counted_phrase(draw, Sort::thing, chance(draw, 50)));
  if (chance(draw, 25)) append(words, {"on", word(draw, pick(draw, Sort::day))});
  if (fault == 4 || fault == 5) std::swap(words[noun - 1], words[noun]);  // "dog the sees"
  if (fault == 6 || fault == 7) std::swap(words[verb], words[verb + 1]);  // "the dog a sees cat"
  if (fault == 8) words.erase(words.begin() + static_cast<std::ptrdiff_t>(verb));
  if (fault == 9) words.insert(words.begin() + static_cast<std::ptrdiff_t>(verb), "of");
  set_article(words);
  return {sentence(words, "."), "", binary(draw, acceptable), ""};
}

// Lower-case, tokens apart. Negation turns the word that follows it; after "but" the last word
// wins.
Example sst2(Stream& draw) {
  const bool positive = chance(draw, 54);
  const bool negated = chance(draw, 30);
  const bool good_word = positive != negated;
  const int quality = pick(draw, good_word ? Sort::praise : Sort::blame);
  const int trait = pick(draw, good_word ? Sort::merit : Sort::flaw);
  const int show = pick(draw, Sort::show);
  Words words;
  switch (draw.below(4)) {
    case 0:
      words = negated ? Words{"it", "is", "not", "a"} : Words{"it", "is", "a"};
      append(words, {word(draw, quality)});
      append(words, {word(draw, show)});
      break;
    case 1:
      append(words, {"a", word(draw, show)});
      append(words, negated ? Words{"without"} : Words{"with"});
      append(words, {word(draw, trait)});
      break;
    case 2:
      append(words, {"the", word(draw, show)});
      append(words, negated ? Words{"lacks"} : Words{"has"});
      append(words, {word(draw, trait)});
      break;
    default:
      append(words, {"the", word(draw, show), "is"});
      append(words, {negated ? (chance(draw, 50) ? "never" : "hardly") : "really"});
      append(words, {word(draw, quality)});
  }
  if (chance(draw, 40)) {
    const bool agrees = chance(draw, 60);
    append(words, {agrees ? "and" : "because", "it", "is"});
    if (agrees) {
      append(words, {word(draw, pick(draw, positive ? Sort::praise : Sort::blame))});
    } else {
      append(words, {"on", word(draw, pick(draw, Sort::day))});
    }
  } else if (chance(draw, 30)) {
    const int before = pick(draw, positive ? Sort::blame : Sort::praise);
    Words first = {"quite", word(draw, before), ",", "but"};
    append(first, words);
    words = first;
  }
  set_article(words);
  std::string text;
  for (const std::string& each : words) text += text.empty() ? each : " " + each;
  if (chance(draw, 60)) text += " .";
  return {text, "", binary(draw, positive), ""};
}

// The same clause twice in other words, or with one or two parts changed.
Example mrpc(Stream& draw) {
  Clause clause = draw_clause(draw, 60);
  const std::string first = sentence(say(clause, draw), " .");
  const bool same = chance(draw, 64);
  if (!same) change_some(clause, 1 + draw.below(3), draw);
  const std::string second = sentence(say(clause, draw), " .");
  return {first, second, binary(draw, same), ""};
}

// The score falls with the share of parts that differ; raters round to a fifth and disagree.
Example stsb(Stream& draw) {
  Clause clause = draw_clause(draw, 50);
  const std::string first = sentence(say(clause, draw), ".");
  const std::size_t parts = filled_slots(clause, draw).size();
  const std::size_t changed = draw.below(parts + 1);
  change_some(clause, changed, draw);
  const std::string second = sentence(say(clause, draw), ".");
  const int fifths =
      25 - static_cast<int>(25 * changed / parts) + static_cast<int>(draw.below(9)) - 4;
  const int score = std::clamp(fifths, 0, 25) * 2;  // tenths
  if (score == 0) return {first, second, "0", ""};
  return {first, second, fmt::format("{}.{}00", score / 10, score % 10), ""};
}

Example qqp(Stream& draw) {
  struct Topic {
    int intent, verb;
    NounPhrase object;
  };
  const auto ask = [&](const Topic& topic) {
    const bool first_way = chance(draw, 50);
    Words words;
    if (topic.intent == 0) {
      words = first_way ? Words{"how", "can", "a"}
                        : Words{"what", "is", "the", "best", "way", "for", "a"};
    } else if (topic.intent == 1) {
      words = first_way ? Words{"why", "should", "a"} : Words{"what", "makes", "a"};
    } else {
      words = first_way ? Words{"where", "can", "a"} : Words{"in", "what", "place", "can", "a"};
    }
    words.push_back("person");
    if (topic.intent == 0 && !first_way) words.push_back("to");
    words.push_back(word(draw, topic.verb, kBase));
    append(words, say(topic.object, draw));
    return sentence(words, "?");
  };
  Topic topic{static_cast<int>(draw.below(3)), pick(draw, Sort::verb), {}};
  topic.object.noun = pick(draw, chance(draw, 75) ? Sort::thing : Sort::animal);
  if (chance(draw, 70)) topic.object.adjective = pick(draw, Sort::adjective);
  const std::string first = ask(topic);
  const bool duplicate = chance(draw, 40);
  if (!duplicate) {
    const auto kind = draw.below(4);
    if (kind == 0) topic.intent = (topic.intent + 1) % 3;
    if (kind == 1) topic.verb = pick_other(draw, topic.verb);
    if (kind >= 2) topic.object.noun = pick_other(draw, topic.object.noun);
  }
  const std::string second = ask(topic);
  return {first, second, binary(draw, duplicate), ""};
}

// 0 entailment, 1 neutral, 2 contradiction.
Example mnli(Stream& draw) {
  constexpr std::array<const char*, 3> kNames = {"entailment", "neutral", "contradiction"};
  const Clause premise = draw_clause(draw, 55);
  const auto relation = draw.below(3);
  Clause hypothesis = weaken(premise, draw);
  if (relation == 1) {
    change_some(hypothesis, 1, draw);
    add_modifier(hypothesis, draw);
  }
  if (relation == 2) contradict(hypothesis, draw);
  const std::string first = sentence(say(premise, draw), ".");
  const std::string second = sentence(say(hypothesis, draw), ".");
  const auto label = chance(draw, kWrongLabels) ? draw.below(3) : relation;
  return {first, second, kNames[static_cast<std::size_t>(label)], ""};
}

// A question and a sentence that may answer it: the part asked for must be there.
Example qnli(Stream& draw) {
  Clause clause = draw_clause(draw, 50);
  clause.object.adjective = kNone;
  const auto kind = draw.below(3);  // where, when, how many
  const bool answered = chance(draw, 50);
  const bool off_topic = !answered && chance(draw, 35);
  const bool has_part = answered || off_topic;
  if (kind == 0) clause.place = has_part ? pick(draw, Sort::place) : kNone;
  if (kind == 1) clause.day = has_part ? pick(draw, Sort::day) : kNone;
  if (kind == 2 ? has_part : chance(draw, 30)) clause.object.count = pick(draw, Sort::count);
  Clause asked = clause;
  if (off_topic) {
    change(asked, Slot::verb, draw);
    change(asked, Slot::object, draw);
  }
  Words question = kind == 0 ? Words{"where"} : kind == 1 ? Words{"when"} : Words{"how", "many"};
  if (kind == 2) question.push_back(word(draw, asked.object.noun, 1));
  append(question, {"did", "the"});
  question.push_back(word(draw, asked.subject.noun));
  question.push_back(word(draw, asked.verb, kBase));
  if (kind != 2) append(question, say(NounPhrase{asked.object.noun, kNone, kNone}, draw));
  const std::string answer = sentence(say(clause, draw), ".");
  return {sentence(question, "?"), answer, entailment(draw, answered), ""};
}

Example rte(Stream& draw) {
  const Clause premise = draw_clause(draw, 65);
  const bool entailed = chance(draw, 50);
  Clause hypothesis = weaken(premise, draw);
  if (!entailed) {
    const auto kind = draw.below(10);
    if (kind < 6) change_some(hypothesis, 1 + draw.below(3), draw);
    if (kind >= 6 && kind < 9) contradict(hypothesis, draw);
    if (kind == 9) std::swap(hypothesis.subject.noun, hypothesis.object.noun);
  }
  const std::string first = sentence(say(premise, draw), ".");
  Words words = say(hypothesis, draw);
  const int subject = hypothesis.subject.noun;
  if (hypothesis.day == kNone && chance(draw, 12)) {  // the wider term: "a person", "an animal"
    const Sort sort = lexicon()[static_cast<std::size_t>(subject)].sort;
    if (sort != Sort::thing) {
      words[0] = "a";
      words[1] = sort == Sort::person ? "person" : "animal";
      set_article(words);
    }
  }
  return {first, sentence(words, "."), entailment(draw, entailed), ""};
}

// Whom the pronoun means cannot be known from the words: a fair coin, as for a small model.
Example wnli(Stream& draw) {
  const int one = pick(draw, Sort::person);
  const int two = pick_other(draw, one);
  const std::string first = word(draw, one);
  const std::string second = word(draw, two);
  const std::string quality = word(draw, pick(draw, Sort::adjective));
  const std::string verb = word(draw, pick(draw, Sort::verb), kPast);
  const std::string premise = sentence({"the", first, verb, "the", second, "because",
                                        chance(draw, 50) ? "he" : "she", "was", quality},
                                       ".");
  const std::string about_first = sentence({"the", first, "was", quality}, ".");
  const std::string about_second = sentence({"the", second, "was", quality}, ".");
  const bool asks_first = chance(draw, 50);
  return {premise, asks_first ? about_first : about_second, chance(draw, 50) ? "1" : "0",
          asks_first ? about_second : about_first};
}

}  // namespace runner::mini
