#include "data/tokenizer.hpp"

#include <doctest/doctest.h>

#include <climits>
#include <fstream>
#include <sstream>
#include <utility>

#include "data/tokenize.hpp"
#include "folder.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "places.hpp"

using namespace runner;
using namespace runner::data;

namespace {

using Ids = std::vector<std::int32_t>;

// Two small models. The expected ids below are transformers 5.23's on the same files.
void write_roberta(const Folder& folder) {
  const std::vector<std::string> tokens = {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "a",
                                           "b",   "c",     "Ġ",    "'",     "s",      "ab",
                                           "abc", "bc",    "Ġab",  "'s",    "Ã",      "©"};
  io::Json vocab;
  for (std::size_t id = 0; id < tokens.size(); ++id) vocab[tokens[id]] = id;
  folder.write("vocab.json", vocab.dump());
  folder.write("merges.txt", "#version: 0.2\nb c\na b\nab c\nĠ ab\n' s\n");
  folder.write("config.json",
               R"({"model_type": "roberta", "vocab_size": 18, "max_position_embeddings": 18,
                   "pad_token_id": 1})");
}

void write_bert(const Folder& folder) {
  folder.write("vocab.txt",
               "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\ne\n##e\n.\n中\n'\ns\né\ni\n"
               "##s\n");
  folder.write("config.json",
               R"({"model_type": "bert", "vocab_size": 17, "max_position_embeddings": 16})");
}

Ids ids_of(const Tokenizer& tokenizer, std::string_view a,
           std::optional<std::string_view> b = std::nullopt, int max_length = 12) {
  return tokenizer.encode(a, b, max_length).ids;
}

}  // namespace

TEST_CASE("byte-level BPE merges by rank, and leaves out bytes that the vocabulary lacks") {
  const Folder folder;
  write_roberta(folder);
  const Tokenizer tokenizer = Tokenizer::load(folder.path);
  CHECK(ids_of(tokenizer, "abc") == Ids{0, 5, 13, 2});
  CHECK(ids_of(tokenizer, "ab abc") == Ids{0, 11, 8, 5, 13, 2});
  CHECK(ids_of(tokenizer, "abab") == Ids{0, 11, 11, 2});
  CHECK(ids_of(tokenizer, "bcabc") == Ids{0, 13, 5, 13, 2});
  CHECK(ids_of(tokenizer, "axb") == Ids{0, 11, 2});
  CHECK(ids_of(tokenizer, "a's") == Ids{0, 5, 15, 2});
  CHECK(ids_of(tokenizer, "  ab") == Ids{0, 8, 14, 2});
  CHECK(ids_of(tokenizer, "a\n b") == Ids{0, 5, 8, 6, 2});
  CHECK(ids_of(tokenizer, "é") == Ids{0, 16, 17, 2});
  CHECK(ids_of(tokenizer, "") == Ids{0, 2});
}

TEST_CASE("special tokens written out in a text are read as such") {
  const Folder roberta, bert;
  write_roberta(roberta);
  write_bert(bert);
  const Tokenizer bpe = Tokenizer::load(roberta.path);
  CHECK(ids_of(bpe, "a<mask>b</s>") == Ids{0, 5, 4, 6, 2, 2});
  CHECK(ids_of(bpe, "<s>") == Ids{0, 0, 2});
  CHECK(ids_of(bpe, "<maskc>") == Ids{0, 5, 10, 7, 2});
  CHECK(ids_of(Tokenizer::load(bert.path), "[MASK]un[SEP]") == Ids{2, 4, 5, 3, 3});
}

TEST_CASE("WordPiece takes the longest piece, and gives up on the whole word") {
  const Folder folder;
  write_bert(folder);
  const Tokenizer tokenizer = Tokenizer::load(folder.path);
  CHECK(ids_of(tokenizer, "unaffable") == Ids{2, 5, 6, 7, 3});
  CHECK(ids_of(tokenizer, "Unaffable.") == Ids{2, 5, 6, 7, 10, 3});
  CHECK(ids_of(tokenizer, "unaffablex") == Ids{2, 1, 3});
  CHECK(ids_of(tokenizer, "É e\u0301 I\u0307s") == Ids{2, 8, 8, 15, 16, 3});
  CHECK(ids_of(tokenizer, "中中") == Ids{2, 11, 11, 3});
  CHECK(ids_of(tokenizer, "un\u00adaff able") == Ids{2, 5, 6, 1, 3});
  CHECK(ids_of(tokenizer, "e'e's") == Ids{2, 8, 12, 8, 12, 13, 3});
  CHECK(ids_of(tokenizer, std::string(101, 'e')) == Ids{2, 1, 3});
  CHECK(ids_of(tokenizer, std::string(100, 'e')) == Ids{2, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3});
}

TEST_CASE("tokenizer_config.json makes BERT cased") {
  const Folder folder;
  write_bert(folder);
  folder.write("tokenizer_config.json", R"({"do_lower_case": false, "strip_accents": null})");
  const Tokenizer tokenizer = Tokenizer::load(folder.path);
  CHECK(ids_of(tokenizer, "é É e") == Ids{2, 14, 1, 8, 3});
  folder.write("tokenizer_config.json", R"({"do_lower_case": "no"})");
  CHECK(error_of([&] { Tokenizer::load(folder.path); }, folder.path) ==
        "tokenizer_config.json: do_lower_case: \"no\" is not true or false");
}

TEST_CASE("a pair is joined as the model's family does it; an empty second text is none") {
  const Folder roberta, bert;
  write_roberta(roberta);
  write_bert(bert);
  const Tokenizer bpe = Tokenizer::load(roberta.path);
  CHECK(ids_of(bpe, "abc", "ab") == Ids{0, 5, 13, 2, 2, 11, 2});
  CHECK(bpe.encode("abc", "ab", 12).types == std::vector<std::uint8_t>(7, 0));
  const Tokenizer wordpiece = Tokenizer::load(bert.path);
  const Encoding pair = wordpiece.encode("e", "e.", 12);
  CHECK(pair.ids == Ids{2, 8, 3, 8, 10, 3});
  CHECK(pair.types == std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1});
  CHECK(ids_of(wordpiece, "", "e") == Ids{2, 3, 8, 3});
  CHECK(ids_of(wordpiece, "e", "") == Ids{2, 8, 3});
}

TEST_CASE("a text too long is cut at its end, of a pair the longer one first") {
  const Folder folder;
  write_roberta(folder);
  const Tokenizer tokenizer = Tokenizer::load(folder.path);
  CHECK(ids_of(tokenizer, "ab", "abc abc abc abc abc abc") ==
        Ids{0, 11, 2, 2, 5, 13, 8, 5, 13, 8, 5, 2});
  const auto lengths = [&](int a, int b, int max_length) {
    const Ids ids = ids_of(tokenizer, std::string(static_cast<std::size_t>(a), 'c'),
                           std::string(static_cast<std::size_t>(b), 's'), max_length);
    return std::pair(std::ranges::count(ids, 7), std::ranges::count(ids, 10));
  };
  CHECK(lengths(10, 10, 13) == std::pair<long, long>(4, 5));
  CHECK(lengths(10, 2, 13) == std::pair<long, long>(7, 2));
  CHECK(lengths(2, 10, 13) == std::pair<long, long>(2, 7));
  CHECK(lengths(9, 8, 13) == std::pair<long, long>(5, 4));
  CHECK(lengths(3, 3, 13) == std::pair<long, long>(3, 3));
  CHECK(tokenizer.encode("cccc", std::nullopt, 5).truncated);
  CHECK_FALSE(tokenizer.encode("ccc", std::nullopt, 5).truncated);
  CHECK(error_of([&] { tokenizer.encode("c", "c", 3); }) ==
        "max_length 3 has no room for the 4 special tokens");
}

TEST_CASE("max_length is clamped to the positions that the model has") {
  const Folder roberta, bert;
  write_roberta(roberta);
  write_bert(bert);
  const std::string text(40, 'c');
  const Tokenizer bpe = Tokenizer::load(roberta.path);
  CHECK(bpe.max_length() == 16);  // 18 less the two that RoBERTa leaves unused
  CHECK(ids_of(bpe, text, std::nullopt, 100).size() == 16);
  CHECK(Tokenizer::load(bert.path).max_length() == 16);
  std::filesystem::remove(bert.path / "config.json");
  CHECK(Tokenizer::load(bert.path).max_length() == INT_MAX);
}

TEST_CASE("bytes that are no UTF-8 read as the replacement character") {
  const Folder roberta, bert;
  write_roberta(roberta);
  write_bert(bert);
  for (const Folder* folder : {&roberta, &bert}) {
    const Tokenizer tokenizer = Tokenizer::load(folder->path);
    for (const auto& [broken, parts] : std::vector<std::pair<std::string, int>>{
             {"\xFF", 1}, {"\xC3", 1}, {"\xE4\xB8", 1}, {"\xED\xA0\x80", 3}, {"\xC0\xAF", 2}}) {
      std::string repaired;
      for (int i = 0; i < parts; ++i) repaired += "\uFFFD";
      CHECK(ids_of(tokenizer, "a" + broken + "e") == ids_of(tokenizer, "a" + repaired + "e"));
    }
  }
}

TEST_CASE("a broken tokenizer is named by file and place") {
  const Folder folder;
  const auto error = [&] { return error_of([&] { Tokenizer::load(folder.path); }, folder.path); };
  CHECK(error().find(": no tokenizer: neither tokenizer.json, nor vocab.json and merges.txt, nor "
                     "vocab.txt, nor sentencepiece.bpe.model with its model_type in config.json "
                     "(roberta, bert, ") != std::string::npos);
  write_roberta(folder);
  const std::string vocab = io::read_file(folder.path / "vocab.json");

  std::filesystem::remove(folder.path / "merges.txt");
  CHECK(error() == "merges.txt: cannot read: No such file or directory");
  folder.write("merges.txt", "#version: 0.2\na b\nab\n");
  CHECK(error() == "merges.txt:3: 'ab' is not a pair of tokens with a blank between");
  folder.write("merges.txt", "a b\nb a\n");
  CHECK(error() == "merges.txt:2: the vocabulary has no token 'ba'");
  folder.write("merges.txt", "#version: 0.2\n");
  CHECK(error() == "merges.txt: no merges");
  folder.write("merges.txt", "a b\n");

  folder.write("vocab.json", "");
  CHECK(error() == "vocab.json: is empty, not JSON");
  folder.write("vocab.json", vocab.substr(0, 20));
  CHECK(error().starts_with("vocab.json: malformed JSON at byte 2"));
  folder.write("vocab.json", "[1, 2]");
  CHECK(error() == "vocab.json: not a JSON object of tokens and their ids");
  folder.write("vocab.json", R"({"a": 1, "b": 1})");
  CHECK(error() == "vocab.json: the tokens 'a' and 'b' have the same id 1");
  folder.write("vocab.json", R"({"a": -1})");
  CHECK(error() == "vocab.json: token 'a': -1 is not an id");
  folder.write("vocab.json", R"({"a": 1, "b": 2, "ab": 3})");
  CHECK(error() == "vocab.json: no token '<s>'");
  folder.write("vocab.json", vocab);
  folder.write("config.json", R"({"model_type": "roberta", "vocab_size": 5})");
  CHECK(error() == "vocab.json: ids up to 17, but config.json has vocab_size 5");

  write_bert(folder);
  folder.write("vocab.txt", "[UNK]\nun\nun\n");
  CHECK(error() == "vocab.txt:3: the token 'un' stands on line 2 already");
  folder.write("vocab.txt", "un\n");
  CHECK(error() == "vocab.txt: no token '[UNK]'");
  folder.write("vocab.txt", "");
  CHECK(error() == "vocab.txt: the file is empty");
  std::filesystem::remove(folder.path / "vocab.txt");
  CHECK(error() == "vocab.txt: cannot read: No such file or directory");
}

TEST_CASE("a tokenizer's hash changes with every file and option that its ids depend on") {
  const Folder folder;
  write_roberta(folder);
  const std::string first = Tokenizer::load(folder.path).content_hash();
  CHECK(Tokenizer::load(folder.path).content_hash() == first);
  folder.write("merges.txt", "b c\n");
  const std::string second = Tokenizer::load(folder.path).content_hash();
  CHECK(second != first);
  folder.write("tokenizer_config.json", R"({"add_prefix_space": true})");
  const Tokenizer prefixed = Tokenizer::load(folder.path);
  CHECK(prefixed.content_hash() != second);
  CHECK(ids_of(prefixed, "a") == Ids{0, 8, 5, 2});
}

TEST_CASE("lines of JSON become lines of ids, and a bad line is named") {
  const Folder folder;
  write_roberta(folder);
  const Tokenizer tokenizer = Tokenizer::load(folder.path);
  const auto run = [&](const std::string& text) {
    std::istringstream in(text);
    std::ostringstream out;
    tokenize_lines(tokenizer, 12, in, out);
    return out.str();
  };
  CHECK(run("{\"text\": [\"abc\"]}\n{\"text\": [\"abc\", \"ab\"]}") ==
        "{\"input_ids\":[0,5,13,2]}\n{\"input_ids\":[0,5,13,2,2,11,2]}\n");
  const std::string good = "{\"text\": [\"a\"]}\n";
  for (const char* bad : {"{\"text\": []}", "{\"text\": [\"a\", \"b\", \"c\"]}", "{\"text\": [1]}",
                          "{\"text\": \"a\"}", "[]", "{}"}) {
    CHECK(error_of([&] { run(good + bad); }) ==
          "line 2: expected {\"text\": [a]} or {\"text\": [a, b]} with strings");
  }
  CHECK(error_of([&] { run(good + "{\"text\": [\"\xFF\"]}"); }).starts_with("line 2: malformed"));
}

TEST_CASE("reference: both tokenizers give Hugging Face's ids") {
  const auto reference = shared_folder("RUNNER_REFERENCE", "reference");
  const auto models = shared_folder("RUNNER_MODELS", "models");
  if (!reference || !models) return;
  for (const auto& [file, model] : {std::pair("tokens_roberta.jsonl", "roberta-base"),
                                    std::pair("tokens_bert.jsonl", "minilm-bert")}) {
    const Tokenizer tokenizer = Tokenizer::load(*models / model);
    std::ifstream lines(*reference / file);
    int cases = 0;
    for (std::string line; std::getline(lines, line); ++cases) {
      const auto row = io::Json::parse(line);
      const auto text = row["text"].get<std::vector<std::string>>();
      CAPTURE(line);
      CHECK(ids_of(tokenizer, text[0],
                   text.size() > 1 ? std::optional<std::string_view>(text[1]) : std::nullopt,
                   row["max_length"]) == row["input_ids"].get<Ids>());
    }
    CHECK(cases > 0);
  }
}
