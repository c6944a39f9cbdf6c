#include "mini/glue.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "data/glue.hpp"
#include "data/tasks.hpp"
#include "data/tokenizer.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "mini/grammar.hpp"
#include "places.hpp"

namespace fs = std::filesystem;
using namespace runner;

namespace {

const fs::path kData = source_dir() / "data";

std::map<std::string, std::string> files_below(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), root).string()] = io::read_file(entry.path());
  }
  return files;
}

std::string mini_file(const std::string& path) { return io::read_file(kData / "mini_glue" / path); }

std::vector<data::Example> rows_of(const data::Task& task, const data::SplitFile& split) {
  return data::read_split(task, split, kData / "mini_glue");
}

}  // namespace

TEST_CASE("the embedded data are what the generator makes, byte for byte") {
  const fs::path out = fs::temp_directory_path() / ("runner_mini_" + std::to_string(::getpid()));
  mini::write_glue(out / "mini_glue", mini::kSeed);
  mini::write_tiny_roberta(out / "tiny_roberta", mini::kSeed);
  const auto made = files_below(out);
  fs::remove_all(out);
  std::map<std::string, std::string> committed;
  for (const char* folder : {"mini_glue", "tiny_roberta"}) {
    for (const auto& [path, bytes] : files_below(kData / folder)) {
      committed[std::string(folder) + "/" + path] = bytes;
    }
  }
  CHECK(made.size() == committed.size());
  for (const auto& [path, bytes] : committed) {
    INFO(path);
    REQUIRE(made.contains(path));
    CHECK((made.at(path) == bytes));  // in parentheses: a failure does not print the bytes
  }
}

TEST_CASE("another seed makes other rows and other weights") {
  CHECK((mini::glue(2).at("RTE/train.tsv") != mini_file("RTE/train.tsv")));
  CHECK((mini::tiny_roberta(2).at("model.safetensors") !=
         io::read_file(kData / "tiny_roberta" / "model.safetensors")));
}

TEST_CASE("every split of the mini-GLUE reads as its task, with every class in train and dev") {
  const data::Tokenizer tokenizer = data::Tokenizer::load(kData / "tiny_roberta");
  for (const data::Task& task : data::glue_tasks()) {
    INFO(task.name);
    CHECK(data::missing_files(task, kData / "mini_glue").empty());
    std::vector<data::SplitFile> labelled = task.dev;
    if (!task.train.path.empty()) labelled.push_back(task.train);
    for (const data::SplitFile& split : labelled) {
      const auto rows = rows_of(task, split);
      CHECK(rows.size() >= 96);
      std::map<float, int> classes;
      for (const auto& row : rows) {
        ++classes[row.label];
        const auto encoding = tokenizer.encode(row.text_a, row.text_b, 64);
        CHECK_FALSE(encoding.truncated);
      }
      if (task.regression) {
        CHECK(classes.begin()->first == 0.0f);
        CHECK(classes.rbegin()->first == 5.0f);
      } else {
        CHECK(static_cast<int>(classes.size()) == task.classes());
      }
    }
    for (const data::SplitFile& split : task.test) {
      const auto rows = rows_of(task, split);
      CHECK(rows.size() >= 48);
      for (const auto& row : rows) CHECK(std::isnan(row.label));
    }
  }
}

TEST_CASE("the mini-GLUE has the faults of the real files") {
  CHECK(mini_file("MRPC/train.tsv").starts_with("\xEF\xBB\xBFQuality\t"));
  CHECK(mini_file("MRPC/dev.tsv").starts_with("\xEF\xBB\xBFQuality\t"));
  CHECK(mini_file("MRPC/test.tsv").starts_with("index\t"));
  CHECK(mini_file("SST-2/train.tsv").find(" \t1\n") != std::string::npos);
  CHECK_FALSE(mini_file("CoLA/dev.tsv").ends_with("\n"));
  CHECK_FALSE(mini_file("AX/diagnostic.tsv").ends_with("\n"));
  CHECK(mini_file("RTE/train.tsv").ends_with("\n"));
  CHECK(mini_file("QQP/train.tsv").find("\n999\t9991\tWhere can a person\n") != std::string::npos);
  CHECK(mini_file("RTE/train.tsv").find("\u00A0") != std::string::npos);
  CHECK(mini_file("CoLA/train.tsv").find('\b') != std::string::npos);
  CHECK(mini_file("STS-B/train.tsv").find('\x12') != std::string::npos);
  CHECK(mini_file("STS-B/train.tsv").find("\t\"") != std::string::npos);  // never closed
  const data::Task& qqp = *data::find_task("QQP");
  CHECK(rows_of(qqp, qqp.train).size() == 400);  // the cut row is left out
}

TEST_CASE("WNLI's dev set is train's premises with the contrary answer") {
  const data::Task& task = *data::find_task("WNLI");
  std::map<std::string, data::Example> train;
  for (const auto& row : rows_of(task, task.train)) train[row.text_a] = row;
  int zeros = 0;
  for (const auto& row : rows_of(task, task.dev[0])) {
    REQUIRE(train.contains(row.text_a));
    CHECK(train[row.text_a].label != row.label);
    CHECK(train[row.text_a].text_b != row.text_b);
    if (row.label == 0.0f) ++zeros;
  }
  CHECK(zeros == 54);  // of 96: .5625, the real set's .563
}

TEST_CASE("the tiny vocabulary spells each word of the grammar in one or two tokens") {
  const data::Tokenizer tokenizer = data::Tokenizer::load(kData / "tiny_roberta");
  int words = 0;
  int single = 0;
  for (const auto& meaning : mini::lexicon()) {
    for (const auto& synonym : meaning.words) {
      for (const std::string& form : synonym) {
        INFO(form);
        const auto inside = tokenizer.encode(" " + form, std::nullopt, 64).ids.size() - 2;
        const std::string capital = mini::sentence({form}, "");  // question words
        const auto first = tokenizer.encode(capital, std::nullopt, 64).ids.size() - 2;
        const auto tokens = std::min(inside, first);
        CHECK(tokens <= 2);
        ++words;
        if (tokens == 1) ++single;
      }
    }
  }
  MESSAGE(single << " of " << words << " words are one token");
  CHECK(single * 10 >= words * 9);
}

TEST_CASE("the tiny checkpoint is whole: offsets without holes, every half finite") {
  const std::string bytes = io::read_file(kData / "tiny_roberta" / "model.safetensors");
  std::size_t size = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    size |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  const auto header = nlohmann::ordered_json::parse(bytes.substr(8, size));
  const auto config = io::Json::parse(io::read_file(kData / "tiny_roberta" / "config.json"));
  std::size_t end = 0;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    INFO(name);
    CHECK(tensor["dtype"] == "F16");
    CHECK(tensor["data_offsets"][0] == end);
    std::size_t elements = 1;
    for (const std::size_t extent : tensor["shape"]) elements *= extent;
    end += 2 * elements;
    CHECK(tensor["data_offsets"][1] == end);
  }
  CHECK(bytes.size() == 8 + size + end);
  CHECK(header["roberta.embeddings.word_embeddings.weight"]["shape"][0] == config["vocab_size"]);
  for (std::size_t i = 8 + size; i < bytes.size(); i += 2) {
    const int exponent = (static_cast<unsigned char>(bytes[i + 1]) >> 2) & 0x1F;
    REQUIRE(exponent != 0x1F);
  }
}
