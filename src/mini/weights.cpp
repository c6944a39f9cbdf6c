#include "mini/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "mini/grammar.hpp"

namespace runner::mini {

namespace {

// What the coordinates of the residual stream hold.
constexpr std::size_t kCode = 0, kCodeSize = 16;           // which meaning
constexpr std::size_t kPlace = 16, kFrequencies = 7;       // where: pairs of cosine and sine
constexpr std::size_t kStart = 30;                         // is <s>
constexpr std::size_t kTraits = 32, kTraitsSize = 14;      // what kind of word
constexpr std::size_t kBefore = kTraits + kTraitsSize;     // the traits of the word before
constexpr std::size_t kUnmatched = kBefore + kTraitsSize;  // no other token has the same meaning

enum Trait : std::size_t {
  kNoun,
  kVerb,
  kNumber,  // +1 singular, -1 plural; of a verb, what it agrees with
  kDeterminer,
  kNegation,
  kSentiment,
  kIsPlace,
  kIsDay,
  kIsCount,  // these three: -1 where a question asks for one
  kPerson,
  kAdjective,
  kFunction,
  kSide,  // which of two opposites
  kQuestion
};
static_assert(kQuestion + 1 == kTraitsSize);

struct SortTraits {
  Sort sort;
  std::array<std::pair<Trait, double>, 2> traits;
};

constexpr std::array<SortTraits, 23> kSortTraits = {{
    {Sort::person, {{{kNoun, 1}, {kPerson, 1}}}},
    {Sort::animal, {{{kNoun, 1}, {kPerson, 0}}}},
    {Sort::thing, {{{kNoun, 1}, {kPerson, 0}}}},
    {Sort::place, {{{kNoun, 1}, {kIsPlace, 1}}}},
    {Sort::day, {{{kNoun, 0}, {kIsDay, 1}}}},
    {Sort::count, {{{kNoun, 0}, {kIsCount, 1}}}},
    {Sort::verb, {{{kVerb, 1}, {kNoun, 0}}}},
    {Sort::adjective, {{{kAdjective, 1}, {kNoun, 0}}}},
    {Sort::show, {{{kNoun, 1}, {kPerson, 0}}}},
    {Sort::praise, {{{kAdjective, 1}, {kSentiment, 1}}}},
    {Sort::blame, {{{kAdjective, 1}, {kSentiment, -1}}}},
    {Sort::merit, {{{kNoun, 1}, {kSentiment, 1}}}},
    {Sort::flaw, {{{kNoun, 1}, {kSentiment, -1}}}},
    {Sort::determiner, {{{kDeterminer, 1}, {kNumber, 0}}}},
    {Sort::singular_determiner, {{{kDeterminer, 1}, {kNumber, 1}}}},
    {Sort::plural_determiner, {{{kDeterminer, 1}, {kNumber, -1}}}},
    {Sort::negation, {{{kNegation, 1}, {kFunction, 0}}}},
    {Sort::asks_where, {{{kQuestion, 1}, {kIsPlace, -1}}}},
    {Sort::asks_when, {{{kQuestion, 1}, {kIsDay, -1}}}},
    {Sort::asks_count, {{{kQuestion, 1}, {kIsCount, -1}}}},
    {Sort::manner, {{{kQuestion, 1}, {kFunction, 0}}}},
    {Sort::reason, {{{kQuestion, 1}, {kFunction, 0}}}},
    {Sort::joiner, {{{kFunction, 1}, {kNoun, 0}}}},
}};

// Three uniforms: near enough to a normal, and the same bits with every mathematics library.
double noise(Stream& draw, double stddev) {
  double sum = -1.5;
  for (int i = 0; i < 3; ++i) sum += draw.uniform();
  return 2.0 * stddev * sum;
}

Tensor constant(std::string name, std::vector<std::size_t> shape, double value) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  return {std::move(name), std::move(shape), std::vector<double>(size, value)};
}

Tensor noisy(std::string name, std::vector<std::size_t> shape, double stddev, std::uint64_t seed) {
  Stream draw(random::derive(seed, name));
  Tensor tensor = constant(std::move(name), std::move(shape), 0.0);
  for (double& value : tensor.values) value = noise(draw, stddev);
  return tensor;
}

using Vector = std::array<double, kHidden>;

void add_code(Vector& v, unsigned code) {
  for (std::size_t i = 0; i < kCodeSize; ++i) v[kCode + i] += ((code >> i) & 1U) != 0 ? 1.0 : -1.0;
}

// All words have traits of one length, so that LayerNorm scales their codes alike.
void add_traits(Vector& v, std::array<double, kTraitsSize> traits) {
  constexpr double kLength = 2.4;
  double square = 0.0;
  for (const double trait : traits) square += trait * trait;
  for (std::size_t i = 0; i < kTraitsSize; ++i)
    v[kTraits + i] += kLength * traits[i] / std::sqrt(square);
}

std::array<double, kTraitsSize> traits_of(std::size_t meaning, std::size_t form) {
  const Concept& known = lexicon()[meaning];
  std::array<double, kTraitsSize> traits{};
  const auto* row = std::find_if(kSortTraits.begin(), kSortTraits.end(),
                                 [&](const SortTraits& each) { return each.sort == known.sort; });
  for (const auto& [trait, value] : row->traits) traits[trait] += value;
  switch (known.sort) {
    case Sort::person:
    case Sort::animal:
    case Sort::thing:
      traits[kNumber] = form == 0 ? 1.0 : -1.0;
      break;
    case Sort::verb:
      traits[kNumber] = form == kBase ? -1.0 : form == kThirdPerson ? 1.0 : 0.0;
      break;
    default:
      break;
  }
  if (known.opposite != kNone) {
    traits[kSide] = known.opposite > static_cast<int>(meaning) ? 0.6 : -0.6;
  }
  return traits;
}

// Words that every sentence has share one code, so that they always find each other.
bool is_function_word(Sort sort) {
  return sort == Sort::joiner || sort == Sort::determiner || sort == Sort::singular_determiner ||
         sort == Sort::plural_determiner;
}

// Codes of +-1 that differ in at least five places, or four once those are used up.
std::vector<unsigned> distinct_codes(Stream& draw, std::size_t n) {
  std::vector<unsigned> codes;
  int tries = 0;
  while (codes.size() < n) {
    const auto code = static_cast<unsigned>(draw.below(1U << kCodeSize));
    const int wanted = ++tries < 2000 ? 5 : 4;
    if (std::all_of(codes.begin(), codes.end(),
                    [&](unsigned other) { return std::popcount(code ^ other) >= wanted; })) {
      codes.push_back(code);
      tries = 0;
    }
  }
  return codes;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// A token's vector is the mean over the meanings of all words that it spells a part of.
Tensor word_embeddings(const LearntBpe& bpe, std::uint64_t seed) {
  Stream draw(random::derive(seed, "codes"));
  const std::vector<unsigned> codes = distinct_codes(draw, lexicon().size() + 1);
  const unsigned function_code = codes.back();
  std::map<std::string, std::vector<Vector>> meanings;
  for (std::size_t i = 0; i < lexicon().size(); ++i) {
    for (const auto& forms : lexicon()[i].words) {
      for (std::size_t form = 0; form < forms.size(); ++form) {
        Vector v{};
        add_code(v, is_function_word(lexicon()[i].sort) ? function_code : codes[i]);
        add_traits(v, traits_of(i, form));
        meanings[lower(forms[form])].push_back(v);
      }
    }
  }
  std::map<std::string, std::vector<Vector>> of_token;
  constexpr std::string_view kSpace = "\u0120";
  for (const auto& [word, tokens] : bpe.words) {
    const auto found =
        meanings.find(lower(word.starts_with(kSpace) ? word.substr(kSpace.size()) : word));
    if (found == meanings.end()) continue;
    for (const std::string& token : tokens) {
      auto& list = of_token[token];
      list.insert(list.end(), found->second.begin(), found->second.end());
    }
  }
  // <s> is nearly all start: little of its position is left after LayerNorm. </s> is punctuation.
  Vector start{};
  start[kStart] = 12.0;
  Vector end{};
  add_code(end, function_code);
  std::array<double, kTraitsSize> function_only{};
  function_only[kFunction] = 1.0;
  add_traits(end, function_only);
  of_token["<s>"] = {start};
  of_token["</s>"] = {end};

  Tensor table =
      noisy("roberta.embeddings.word_embeddings.weight", {bpe.tokens.size(), kHidden}, 0.1, seed);
  for (std::size_t id = 0; id < bpe.tokens.size(); ++id) {
    for (const Vector& v : of_token[bpe.tokens[id]]) {
      for (std::size_t i = 0; i < kHidden; ++i) {
        table.at(id, i) += v[i] / static_cast<double>(of_token[bpe.tokens[id]].size());
      }
    }
  }
  for (std::size_t i = 0; i < kHidden; ++i) table.at(1, i) = 0.0;  // <pad>
  return table;
}

// Cotangents of the half angles: the angles then have rational cosines and sines, and no library's
// cosine is needed. Chosen so that positions at any distance but 0 are little alike.
constexpr std::array<double, kFrequencies> kHalfCotangents = {0.4, 1.0, 1.5, 1.75, 2.0, 3.0, 32.0};
constexpr std::size_t kSlowest = kPlace + 2 * (kFrequencies - 1);  // falls from first to last

std::array<double, 2> cosine_sine(std::size_t frequency) {
  const double n = kHalfCotangents[frequency];
  return {(n * n - 1.0) / (n * n + 1.0), 2.0 * n / (n * n + 1.0)};
}

Tensor position_embeddings(std::uint64_t seed) {
  Tensor table =
      noisy("roberta.embeddings.position_embeddings.weight", {kPositions, kHidden}, 0.02, seed);
  for (std::size_t f = 0; f < kFrequencies; ++f) {
    const auto [c, s] = cosine_sine(f);
    double x = 0.8;
    double y = 0.0;
    for (std::size_t p = 0; p < kPositions; ++p) {
      table.at(p, kPlace + 2 * f) += x;
      table.at(p, kPlace + 2 * f + 1) += y;
      const double turned = c * x - s * y;
      y = s * x + c * y;
      x = turned;
    }
  }
  for (std::size_t i = 0; i < kHidden; ++i) table.at(1, i) = 0.0;  // <pad>
  return table;
}

struct Layer {
  Tensor query, query_bias, key, value, out, out_bias, inner, inner_bias, outer;
};

constexpr std::size_t kHead = kHidden / kHeads;  // head 1's first row

// Head 0 scores equal meanings elsewhere above <s>, and <s> above the word itself: what it brings
// back from <s> says that the meaning occurs once. Head 1 looks at the word before.
void set_matching(Layer& layer) {
  constexpr double kSame = 1.4, kNotSelf = 2.0, kRest = 2.54, kNear = 3.0;
  for (std::size_t i = 0; i < kCodeSize; ++i) {
    layer.query.at(i, kCode + i) += kSame;
    layer.key.at(i, kCode + i) += kSame;
  }
  for (std::size_t i = 0; i < 2 * kFrequencies; ++i) {
    layer.query.at(kCodeSize + i, kPlace + i) -= kNotSelf;
    layer.key.at(kCodeSize + i, kPlace + i) += kNotSelf;
  }
  const std::size_t rest = kCodeSize + 2 * kFrequencies;
  layer.query_bias.values[rest] += kRest;
  layer.key.at(rest, kStart) += kRest;
  layer.value.at(0, kStart) += 1.0;
  layer.out.at(kUnmatched, 0) += 0.3;
  layer.out_bias.values[kUnmatched] -= 1.2;
  for (std::size_t f = 0; f < kFrequencies; ++f) {
    const auto [c, s] = cosine_sine(f);
    const std::size_t q = kHead + 2 * f;
    const std::size_t x = kPlace + 2 * f;
    layer.query.at(q, x) += kNear * c;  // turned back by one place
    layer.query.at(q, x + 1) += kNear * s;
    layer.query.at(q + 1, x) -= kNear * s;
    layer.query.at(q + 1, x + 1) += kNear * c;
    layer.key.at(q, x) += kNear;
    layer.key.at(q + 1, x + 1) += kNear;
  }
  for (std::size_t i = 0; i < kTraitsSize; ++i) {
    layer.value.at(kHead + i, kTraits + i) += 1.0;
    layer.out.at(kBefore + i, kHead + i) += 1.0;
  }
}

// Both heads take a mean over content words; head 1 leans to the later ones (the second sentence).
void set_gathering(Layer& layer) {
  constexpr double kLate = 3.0, kContent = 2.0;
  layer.query_bias.values[kHead] += kLate;
  layer.key.at(kHead, kSlowest) -= kLate;
  for (const std::size_t row : {std::size_t{0}, kHead + 1}) {
    layer.query_bias.values[row] += kContent;
    for (const std::size_t column : {kTraits + kDeterminer, kTraits + kFunction, kStart}) {
      layer.key.at(row, column) -= kContent;
    }
  }
  for (std::size_t i = 0; i < kHead; ++i) {
    const bool counts = kTraits + i == kUnmatched;  // small differences of a large mean
    const double gain = counts ? 4.0 : 2.0;
    layer.value.at(i, kTraits + i) += 1.0;
    layer.out.at(kTraits + i, i) += gain;
    layer.value.at(kHead + i, kTraits + i) += 1.0;
    layer.out.at(kCode + i, kHead + i) += gain;
    if (!counts) continue;
    layer.out_bias.values[kTraits + i] += 3.0;
    layer.out_bias.values[kCode + i] += 3.0;
  }
}

// Each hidden unit sees three coordinates of [first, last): conjunctions that training can use.
void set_conjunctions(Layer& layer, std::size_t first, std::size_t last, std::uint64_t seed) {
  Stream draw(random::derive(seed, layer.inner.name + " conjunctions"));
  for (std::size_t unit = 0; unit < kInner; ++unit) {
    for (int i = 0; i < 3; ++i) {
      const std::size_t column = first + static_cast<std::size_t>(draw.below(last - first));
      layer.inner.at(unit, column) += chance(draw, 50) ? 0.7 : -0.7;
    }
    layer.inner_bias.values[unit] = -0.5;
  }
}

}  // namespace

std::vector<Tensor> tiny_weights(const LearntBpe& bpe, std::uint64_t seed) {
  std::vector<Tensor> tensors = {word_embeddings(bpe, seed), position_embeddings(seed)};
  const auto norm = [&](const std::string& prefix) {
    tensors.push_back(constant(prefix + ".LayerNorm.weight", {kHidden}, 1.0));
    tensors.push_back(constant(prefix + ".LayerNorm.bias", {kHidden}, 0.0));
  };
  tensors.push_back(constant("roberta.embeddings.token_type_embeddings.weight", {1, kHidden}, 0.0));
  norm("roberta.embeddings");
  for (std::size_t l = 0; l < kLayers; ++l) {
    const std::string prefix = fmt::format("roberta.encoder.layer.{}.", l);
    const std::string self = prefix + "attention.self.";
    const std::string output = prefix + "attention.output.dense.";
    constexpr double kNoise = 0.03;
    Layer layer{
        noisy(self + "query.weight", {kHidden, kHidden}, kNoise, seed),
        constant(self + "query.bias", {kHidden}, 0.0),
        noisy(self + "key.weight", {kHidden, kHidden}, kNoise, seed),
        noisy(self + "value.weight", {kHidden, kHidden}, kNoise, seed),
        noisy(output + "weight", {kHidden, kHidden}, kNoise, seed),
        constant(output + "bias", {kHidden}, 0.0),
        noisy(prefix + "intermediate.dense.weight", {kInner, kHidden}, kNoise, seed),
        constant(prefix + "intermediate.dense.bias", {kInner}, 0.0),
        noisy(prefix + "output.dense.weight", {kHidden, kInner}, 2 * kNoise, seed),
    };
    if (l == 0) {
      set_matching(layer);
      set_conjunctions(layer, kTraits, kUnmatched + 1, seed);
    } else {
      set_gathering(layer);
      set_conjunctions(layer, 0, kHidden, seed);
    }
    for (Tensor* tensor : {&layer.query, &layer.query_bias, &layer.key, &layer.value, &layer.out,
                           &layer.out_bias, &layer.inner, &layer.inner_bias, &layer.outer}) {
      tensors.push_back(std::move(*tensor));
    }
    for (const std::string& name : {self + "key.bias", self + "value.bias"}) {
      tensors.push_back(constant(name, {kHidden}, 0.0));
    }
    tensors.push_back(constant(prefix + "output.dense.bias", {kHidden}, 0.0));
    norm(prefix + "attention.output");
    norm(prefix + "output");
  }
  return tensors;
}

}  // namespace runner::mini
