#include "data/example_stream.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "data/folder.hpp"
#include "io/error.hpp"
#include "random/philox.hpp"

namespace runner::data {
namespace {

const Task kTask = [] {
  Task task;
  task.name = "mine";
  task.labels = {"a", "b"};
  return task;
}();

std::string gzip(std::string_view text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

// The rows as a text, and what ended them: an error, or nothing.
std::string shown(const Example& row) {
  return fmt::format("<{}|{}|{}>", row.text_a, row.text_b.value_or("-"), row.label);
}

std::string whole(const SplitFile& split, const std::string& bytes, const std::string& name) {
  try {
    std::string rows;
    for (const Example& row : parse_split(kTask, split, bytes, name)) rows += shown(row);
    return rows;
  } catch (const InputError& error) {
    return error.what();
  }
}

std::string streamed(const SplitFile& split, const std::filesystem::path& path) {
  std::string rows;
  try {
    ExampleStream stream(kTask, split, path);
    for (Example row; stream.next(row);) rows += shown(row);
    return rows;
  } catch (const InputError& error) {
    return error.what();
  }
}

SplitFile columns(SplitFile::Format format, bool quoting) {
  return {.path = "",
          .text_columns = {0, -1},
          .text_fields = {},
          .label_field = {},
          .expected = {},
          .format = format,
          .quoting = quoting};
}

}  // namespace

TEST_CASE("rows that come one by one are those of the whole file, and so are the errors") {
  const Folder folder;
  const std::array<SplitFile, 3> splits = {columns(SplitFile::Format::tsv, false),
                                           columns(SplitFile::Format::csv, true),
                                           columns(SplitFile::Format::csv, false)};
  random::Stream random(7);
  const std::array<std::string, 12> pieces = {"a", "1", ",",    "\t", "\n", "\r\n",
                                              "a", "a", "\"\"", "\"", "é",  "\xff"};
  int with_rows = 0, with_error = 0;
  for (int round = 0; round < 4000; ++round) {
    const SplitFile& split = splits[static_cast<std::size_t>(round) % splits.size()];
    const std::string delimiter = split.format == SplitFile::Format::csv ? "," : "\t";
    std::string text = "x" + delimiter + "y" + (round % 2 == 0 ? "\n" : "\r\n");
    // One row at most is spoilt: of several errors the whole file's reader may see a later one.
    const auto spoilt = static_cast<int>(random.below(8));
    for (int row = 0; row < 4; ++row) {
      for (int piece = 0; piece < 2; ++piece) {
        if (split.quoting && random.below(2) == 0) {
          text += fmt::format("\"{}\n\"\"{}\"", random.below(3), delimiter);
        } else {
          text += piece == 1 ? "a" : "é\"x";
        }
        if (piece == 0) text += delimiter;
      }
      if (row == spoilt) text += pieces[random.below(pieces.size())];
      if (row < 3 || random.below(2) == 0) text += round % 2 == 0 ? "\n" : "\r\n";
    }
    const bool packed = random.below(4) == 0;
    const std::string bytes = packed ? gzip(text) : text;
    folder.write("rows", bytes);
    const std::string path = (folder.path / "rows").string();
    const std::string expected = whole(split, bytes, path);
    const std::string got = streamed(split, path);
    if (expected.starts_with("<")) {
      ++with_rows;
    } else {
      ++with_error;
    }
    CHECK_MESSAGE(got == expected, text);
  }
  CHECK(with_rows > 500);
  CHECK(with_error > 200);
}

TEST_CASE("a line that has come through a pipe is there before the next one is written") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const int input = ::dup(STDIN_FILENO);
  ::dup2(pipe[0], STDIN_FILENO);
  ::close(pipe[0]);
  const SplitFile split{.path = "",
                        .text_columns = {},
                        .text_fields = {},
                        .label_field = {},
                        .expected = {},
                        .format = SplitFile::Format::jsonl};
  {
    ExampleStream stream(kTask, split, "");
    CHECK_FALSE(stream.ready());
    const std::string first = "{\"text\": [\"a\"]}\n{\"text\": [\"b\", ";
    REQUIRE(::write(pipe[1], first.data(), first.size()) == static_cast<ssize_t>(first.size()));
    CHECK(stream.ready());
    Example example;
    REQUIRE(stream.next(example));
    CHECK(example.text_a == "a");
    CHECK_FALSE(example.text_b.has_value());
    CHECK_FALSE(stream.ready());
    const std::string rest = "\"c\"]}\n\n";
    REQUIRE(::write(pipe[1], rest.data(), rest.size()) == static_cast<ssize_t>(rest.size()));
    ::close(pipe[1]);
    REQUIRE(stream.next(example));
    CHECK(example.text_b == "c");
    CHECK_FALSE(stream.next(example));
  }
  ::dup2(input, STDIN_FILENO);
  ::close(input);
}

TEST_CASE("JSON comes by line or as one array, with named fields or as tokenize takes it") {
  const Folder folder;
  SplitFile split{.path = "",
                  .text_columns = {},
                  .text_fields = {},
                  .label_field = {},
                  .expected = {},
                  .format = SplitFile::Format::jsonl};
  const auto read = [&](std::string_view bytes) {
    folder.write("rows.jsonl", bytes);
    std::string said = streamed(split, folder.path / "rows.jsonl");
    const std::string name = (folder.path / "rows.jsonl").string();
    if (said.starts_with(name)) said.erase(0, name.size());
    return said;
  };
  CHECK(read("{\"text\": [\"x\"]}\n{\"text\": [\"x\", \"y\"]}") == "<x|-|nan><x|y|nan>");
  CHECK(read("[{\"text\": [\"x\"]},\n\n{\"text\": [\"y\"]}]\n") == "<x|-|nan><y|-|nan>");
  CHECK(read("{\"text\": \"x\"}") ==
        ":1: expected {\"text\": [a]} or {\"text\": [a, b]} with strings");
  CHECK(read("{\"text\": [\"x\"]}\n\n{\"text\": [\"x\"]}") == ":2: the line is blank");
  CHECK(read("") == "");
  CHECK(read("version https://git-lfs.github.com/spec/v1\n").starts_with(" is a Git LFS pointer"));
  split.text_fields = {"q", "a"};
  CHECK(read("{\"a\": \"1\", \"q\": \"2\"}") == "<2|1|nan>");
  CHECK(read("{\"a\": \"1\"}") == ":1: no field 'q'");
  CHECK_THROWS_WITH_AS(ExampleStream(kTask, split, folder.path / "none"),
                       (folder.path / "none: No such file or directory").c_str(), InputError);
}

}  // namespace runner::data
