#include "data/cache.hpp"

#include <doctest/doctest.h>

#include "folder.hpp"
#include "io/file.hpp"

using namespace runner;
using namespace runner::data;
namespace fs = std::filesystem;

namespace {

// A task of two rows, a tokenizer for it and an empty cache.
struct Setting {
  Folder folder;
  Task task;
  fs::path cache = folder.path / "cache";

  Setting() {
    folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nb\nc\n");
    folder.write("train.tsv", "text\tlabel\na b\tx\na b c a\ty\n");
    task.name = "mine";
    task.labels = {"x", "y"};
    task.train.path = "train.tsv";
    task.train.text_columns = {0};
    task.train.label_column = 1;
  }
  Tokenizer tokenizer() const { return Tokenizer::load(folder.path); }
  EncodedSplit load(int max_length = 5) const {
    return load_split(task, task.train, folder.path, tokenizer(), max_length, cache);
  }
  std::string hash(int max_length = 5) const {
    return split_hash(task, task.train, folder.path, tokenizer(), max_length);
  }
  fs::path file() const { return cache / (hash() + ".tokens"); }
};

void check_rows(const EncodedSplit& split) {
  CHECK(split.ids == std::vector<std::int32_t>{1, 3, 4, 2, 1, 3, 4, 5, 2});
  CHECK(split.types == std::vector<std::uint8_t>(9, 0));
  CHECK(split.offsets == std::vector<std::int64_t>{0, 4, 9});
  CHECK(split.labels == std::vector<float>{0, 1});
  CHECK(split.truncated_rows == 1);
}

}  // namespace

TEST_CASE("an encoded split comes out of the cache as it went in") {
  const Setting setting;
  check_rows(setting.load());
  REQUIRE(fs::exists(setting.file()));
  check_rows(setting.load());
}

TEST_CASE("the cache is what is read when it is there") {
  const Setting setting;
  setting.load();
  const std::string bytes = io::read_file(setting.file());
  Setting other;
  other.folder.write("train.tsv", "text\tlabel\nb\tx\n");
  other.load();
  // The other file's content under this file's name: intact, so it is believed.
  setting.folder.write("cache/" + setting.hash() + ".tokens", io::read_file(other.file()));
  CHECK(setting.load().rows() == 1);
}

TEST_CASE("a damaged cache is made anew") {
  const Setting setting;
  setting.load();
  const std::string good = io::read_file(setting.file());
  const auto damage = [&](const std::string& bytes) {
    setting.folder.write("cache/" + setting.file().filename().string(), bytes);
    check_rows(setting.load());
    CHECK(io::read_file(setting.file()) == good);
  };
  damage("");
  damage("garbage");
  damage(good + "x");
  for (std::size_t size = 0; size < good.size(); size += 19) damage(good.substr(0, size));
  for (std::size_t i = 0; i < good.size(); i += 11) {
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    damage(flipped);
  }
}

TEST_CASE("the hash changes with the data, the tokenizer, the length and the reading rules") {
  Setting setting;
  const std::string first = setting.hash();
  CHECK(setting.hash() == first);
  CHECK(setting.hash(4) != first);
  setting.task.labels = {"y", "x"};
  CHECK(setting.hash() != first);
  setting.task.labels = {"x", "y"};
  setting.task.train.label_column = -1;
  CHECK(setting.hash() != first);
  setting.task.train.label_column = 1;
  CHECK(setting.hash() == first);
  setting.folder.write("train.tsv", "text\tlabel\na b\tx\na b c b\ty\n");
  CHECK(setting.hash() != first);
  setting.folder.write("train.tsv", "text\tlabel\na b\tx\na b c a\ty\n");
  setting.folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nc\nb\n");
  CHECK(setting.hash() != first);
}

TEST_CASE("a length beyond the model's limit is the limit") {
  Setting setting;
  setting.folder.write("config.json", R"({"model_type": "bert", "max_position_embeddings": 5})");
  CHECK(setting.hash(5) == setting.hash(500));
  check_rows(setting.load(500));
}

TEST_CASE("without a cache folder nothing is written") {
  Setting setting;
  setting.cache.clear();
  check_rows(setting.load());
  CHECK_FALSE(fs::exists(setting.folder.path / "cache"));
}
