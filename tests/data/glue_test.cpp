#include "data/glue.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "data/tasks.hpp"
#include "folder.hpp"

using namespace runner;
using namespace std::string_literals;
using namespace runner::data;

namespace {

std::vector<Example> parse(const char* task, std::string_view bytes) {
  return parse_split(*find_task(task), find_task(task)->train, bytes, "train.tsv");
}

std::string parse_error(const char* task, std::string_view bytes) {
  return error_of([&] { parse(task, bytes); });
}

// A user's own task with named columns or fields.
Task own_task(SplitFile::Format format) {
  Task task;
  task.name = "mine";
  task.labels = {"no", "yes"};
  task.metrics = {Metric::accuracy};
  task.train.path = "train.file";
  task.train.format = format;
  task.train.text_fields = {"question", "answer"};
  task.train.label_field = "good";
  return task;
}

std::vector<Example> parse_own(SplitFile::Format format, std::string_view bytes) {
  const Task task = own_task(format);
  return parse_split(task, task.train, bytes, "mine");
}

}  // namespace

TEST_CASE("a TSV is split at tabs alone: quotes and blanks are text") {
  const auto rows = parse("SST-2", "sentence\tlabel\n\"open quote \t1\n say \"hi\"\t0\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text_a == "\"open quote ");
  CHECK(rows[0].label == 1.0f);
  CHECK(rows[1].text_a == " say \"hi\"");
  CHECK_FALSE(rows[1].text_b.has_value());
}

TEST_CASE("a byte-order mark, CRLF and a missing last line break do not change the rows") {
  const auto rows = parse("RTE",
                          "\xEF\xBB\xBFindex\tsentence1\tsentence2\tlabel\r\n"
                          "0\ta\tb\tnot_entailment\r\n1\tc\td\tentailment");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].label == 1.0f);
  CHECK(rows[1].text_b == "d");
  CHECK(rows[1].label == 0.0f);
}

TEST_CASE("CoLA's train has no header and MNLI's label is the last of however many columns") {
  CHECK(parse("CoLA", "gj04\t1\t\tA sentence.\n").front().text_a == "A sentence.");
  for (const int extra : {1, 5}) {
    std::string header = "0\t1\t2\t3\t4\t5\t6\t7\tsentence1\tsentence2",
                row = "0\t1\t2\t3\t4\t5\t6\t7\tA\tB";
    for (int i = 0; i < extra; ++i) {
      header += "\tannotation";
      row += "\tentailment";
    }
    header += "\tgold_label\n";
    row += "\tcontradiction\n";
    const auto rows = parse("MNLI", header + row);
    CHECK(rows.front().text_a == "A");
    CHECK(rows.front().label == 2.0f);
  }
}

TEST_CASE("test splits have no labels") {
  const Task& task = *find_task("STS-B");
  const auto rows =
      parse_split(task, task.test.front(),
                  "0\t1\t2\t3\t4\t5\t6\tsentence1\tsentence2\n0\t\t\t\t\t\t\tA\tB\n", "t");
  CHECK(rows.front().text_b == "B");
  CHECK(std::isnan(rows.front().label));
}

TEST_CASE("QQP's malformed rows are skipped where they are labelled, and nowhere else") {
  const Task& task = *find_task("QQP");
  const std::string header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
  std::int64_t skipped = 0;
  const auto rows = parse_split(task, task.train, header + "1\t2\t3\tbroken\n\n1\t2\t3\tq\tr\t1\n",
                                "t", &skipped);
  CHECK(skipped == 2);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].text_a == "q");
  CHECK(error_of([&] {
          parse_split(task, task.test.front(), "id\tquestion1\tquestion2\n0\tbroken\n", "test.tsv");
        }) == "test.tsv:2: 2 columns, but the first line has 3");
}

TEST_CASE("a broken TSV is named by line and column") {
  CHECK(parse_error("SST-2", "") == "train.tsv: the file is empty");
  CHECK(parse_error("SST-2", "\xEF\xBB\xBF\r\n\n") == "train.tsv: the file is empty");
  CHECK(parse_error("SST-2", "sentence\tlabel\n") == "train.tsv: no rows below the header");
  CHECK(parse_error("SST-2", "sentence\tlabel\na\t1\nb\n") ==
        "train.tsv:3: 1 columns, but the first line has 2");
  CHECK(parse_error("SST-2", "sentence\tlabel\na\t1\n\nb\t0\n") ==
        "train.tsv:3: the line is blank");
  CHECK(parse("SST-2", "sentence\tlabel\na\t1\n\r\n\n").size() == 1);
  CHECK(parse_error("RTE", "index\tpremise\tsentence2\tlabel\n0\ta\tb\tentailment\n") ==
        "train.tsv:1: column 2 is 'premise', not 'sentence1'; the header has: index, premise, "
        "sentence2, label");
  CHECK(parse_error("RTE", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tmaybe\n") ==
        "train.tsv:2: column 4: 'maybe' is not a label of RTE; allowed: entailment, "
        "not_entailment");
  CHECK(parse_error("RTE", "only\ttwo\n") == "train.tsv:1: no column 3; the line has 2");
  const std::string sts = "0\t1\t2\t3\t4\t5\t6\tsentence1\tsentence2\tscore\n0\t\t\t\t\t\t\tA\tB\t";
  CHECK(parse_error("STS-B", sts + "high\n") ==
        "train.tsv:2: column 10: 'high' is not a finite number");
  CHECK(parse_error("STS-B", sts + "nan\n") ==
        "train.tsv:2: column 10: 'nan' is not a finite number");
  CHECK(parse("STS-B", sts + "3.75").front().label == 3.75f);
}

TEST_CASE("a missing file is named, and the preflight names all of them") {
  const Folder folder;
  const Task& task = *find_task("MNLI");
  CHECK(error_of([&] { read_split(task, task.train, folder.path); }, folder.path) ==
        "MNLI/train.tsv: cannot read: No such file or directory");
  folder.write("MNLI/dev_matched.tsv", "x");
  CHECK(missing_files(task, folder.path) ==
        std::vector<std::filesystem::path>{folder.path / "MNLI" / "train.tsv",
                                           folder.path / "MNLI" / "dev_mismatched.tsv"});
  CHECK(missing_files(*find_task("AX"), folder.path) ==
        std::vector<std::filesystem::path>{folder.path / "AX" / "diagnostic.tsv"});
}

TEST_CASE("a user's TSV is read by the names in its header") {
  const auto rows = parse_own(SplitFile::Format::tsv, "good\tid\tanswer\tquestion\nyes\t7\tA\tQ\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].text_a == "Q");
  CHECK(rows[0].text_b == "A");
  CHECK(rows[0].label == 1.0f);
  CHECK(error_of([] { parse_own(SplitFile::Format::tsv, "good\tanswer\nyes\tA\n"); }) ==
        "mine:1: no column 'question'; the header has: good, answer");
}

TEST_CASE("a user's JSONL is read by its fields, and a number stands for the label it spells") {
  const auto rows =
      parse_own(SplitFile::Format::jsonl,
                "{\"question\": \"Q\\t\\u00e9\", \"answer\": \"A\", \"good\": \"yes\"}\n"
                "{\"good\": \"no\", \"answer\": \"\", \"question\": \"R\", \"more\": [1]}");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text_a == "Q\t\xC3\xA9");
  CHECK(rows[0].label == 1.0f);
  CHECK(rows[1].text_b == "");
  CHECK(rows[1].label == 0.0f);

  Task numbered = own_task(SplitFile::Format::jsonl);
  numbered.labels = {"0", "1"};
  const auto numbers = parse_split(numbered, numbered.train,
                                   "{\"question\": \"\", \"answer\": \"\", \"good\": 1}", "mine");
  CHECK(numbers.front().label == 1.0f);
}

TEST_CASE("a CSV with quoting has delimiters, quotes and line breaks in its fields") {
  Task task = own_task(SplitFile::Format::csv);
  const auto parse_csv = [&](bool quoting, std::string_view bytes) {
    task.train.quoting = quoting;
    return parse_split(task, task.train, bytes, "mine.csv");
  };
  const std::string text = "good,question,answer\r\nyes,\"a, \"\"b\"\"\nc\",d\r\nno,e,\"\"\n\n";
  const auto rows = parse_csv(true, text);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text_a == "a, \"b\"\nc");
  CHECK(rows[0].label == 1.0f);
  CHECK(rows[1].text_b == "");
  const auto error = [&](bool quoting, std::string_view bytes) {
    return error_of([&] { parse_csv(quoting, bytes); });
  };
  CHECK(error(false, text) == "mine.csv:3: 2 columns, but the first line has 3");
  CHECK(error(true, "good,question,answer\nyes,a,b\n\nno,c,d\n") ==
        "mine.csv:3: the line is blank");
  CHECK(error(true, "good,question,answer\nyes,\"a,b\n") ==
        "mine.csv:2: a quoted field is never closed");
  task.train.format = SplitFile::Format::tsv;
  CHECK(parse_csv(true, "good\tquestion\tanswer\nyes\t\"a\tb\"\tc\n")[0].text_a == "a\tb");
  CHECK(parse_csv(false, "good\tquestion\tanswer\nyes\t\"a\"\tc\n")[0].text_a == "\"a\"");
}

TEST_CASE("a JSON array is read like JSON lines") {
  const auto rows = parse_own(SplitFile::Format::jsonl,
                              "\n[\n {\"question\": \"Q\", \"answer\": \"A\", \"good\": \"yes\"},\n"
                              " {\"question\": \"R\", \"answer\": \"B\", \"good\": \"no\"}]\n\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].text_a == "R");
  CHECK(error_of([] { parse_own(SplitFile::Format::jsonl, "[{}, 1]"); }) ==
        "mine: element 1: no field 'question'");
  CHECK(error_of([] { parse_own(SplitFile::Format::jsonl, "[1]"); }) ==
        "mine: element 1: not a JSON object");
  CHECK(error_of([] { parse_own(SplitFile::Format::jsonl, "[]"); }) ==
        "mine: no rows below the header");
}

TEST_CASE("bytes that are not UTF-8 are named by line in every format") {
  CHECK(parse_error("SST-2", "sentence\tlabel\na\t1\nb\xE9 c\t0\n") ==
        "train.tsv:3: byte 2 of the line, 0xE9, is not UTF-8");
  CHECK(parse("SST-2", "sentence\tlabel\n\xEF\xBF\xBD\t1\n").size() == 1);
  for (const auto format :
       {SplitFile::Format::tsv, SplitFile::Format::csv, SplitFile::Format::jsonl}) {
    CHECK(error_of([&] { parse_own(format, "x\n\xED\xA0\x80"); }) ==
          "mine:2: byte 1 of the line, 0xED, is not UTF-8");
  }
}

TEST_CASE("what lies in the place of a text is named") {
  for (const auto& [bytes, kind] : std::vector<std::pair<std::string, std::string>>{
           {"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"},
           {"<!DOCTYPE html><html>", "an HTML page"},
           {"PK\x03\x04....", "a zip archive"},
           {"PAR1....", "a Parquet file"},
           {"\xFF\xFEs\x00", "UTF-16"}}) {
    CHECK(parse_error("SST-2", bytes).starts_with("train.tsv is " + kind));
  }
  CHECK(parse("SST-2", "sentence\tlabel\npk\t1\n").size() == 1);
  CHECK(parse_error("SST-2", "gguf\tlabel\n").find("GGUF") == std::string::npos);
}

TEST_CASE("gzip is unpacked, several parts after one another, and damage is named") {
  // "sentence\tlabel\na\t1\n" and "b\t0\n", packed by gzip -n.
  const std::string first =
      "\037\213\010\000\000\000\000\000\002\003\053\116\315\053\111\315\113\116\345\314"s +
      "\111\114\112\315\341\112\344\064\344\002\000\325\202\213\041\023\000\000\000"s;
  const std::string second =
      "\037\213\010\000\000\000\000\000\002\003\113\342\064\340\002\000\366\004\051\200"s +
      "\004\000\000\000"s;
  const auto rows = parse("SST-2", first + second);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].text_a == "b");
  CHECK(parse_error("SST-2", first.substr(0, first.size() - 4)) ==
        "train.tsv: damaged gzip: it ends too soon");
  std::string damaged = first;
  damaged[damaged.size() - 6] ^= 1;
  CHECK(parse_error("SST-2", damaged).starts_with("train.tsv: damaged gzip: "));
}

TEST_CASE("a number is the label that is equal to it") {
  Task task = own_task(SplitFile::Format::jsonl);
  task.labels = {"0", "1", "2.50"};
  const auto label = [&](const std::string& value) {
    return parse_split(task, task.train,
                       "{\"question\": \"\", \"answer\": \"\", \"good\": " + value + "}", "mine")
        .front()
        .label;
  };
  CHECK(label("1.0") == 1.0f);
  CHECK(label("\"1.0\"") == 1.0f);
  CHECK(label("2.5") == 2.0f);
  CHECK(label("0e0") == 0.0f);
  CHECK(error_of([&] { label("1.5"); }) ==
        "mine:1: field 'good': '1.5' is not a label of mine; allowed: 0, 1, 2.50");
}

TEST_CASE("labels that look alike are told apart") {
  Task task = own_task(SplitFile::Format::tsv);
  task.labels = {"caf\u00e9", "no"};
  const auto error = [&](const std::string& label) {
    const std::string message = error_of([&] {
      parse_split(task, task.train, "good\tquestion\tanswer\n" + label + "\tQ\tA\n", "m");
    });
    return message.substr(message.find("allowed"));
  };
  CHECK(error("no ") == "allowed: caf\u00e9, no; it differs from 'no' in the blanks around it");
  CHECK(error("No") == "allowed: caf\u00e9, no; it differs from 'no' in upper and lower case");
  CHECK(
      error("cafe\u0301") ==
      "allowed: caf\u00e9, no; it differs from 'caf\u00e9' in its characters: U+0063 U+0061 U+0066 "
      "U+0065 U+0301, not U+0063 U+0061 U+0066 U+00E9");
  CHECK(error("yes") == "allowed: caf\u00e9, no");
}

TEST_CASE("broken JSONL is named by line and field") {
  const std::string good = "{\"question\": \"Q\", \"answer\": \"A\", \"good\": \"yes\"}\n";
  const auto error = [&](const std::string& line) {
    return error_of([&] { parse_own(SplitFile::Format::jsonl, good + line); });
  };
  CHECK(error("{\"question\": \"Q\"").starts_with("mine:2: malformed JSON at byte 17: "));
  CHECK(error("[1]") == "mine:2: not a JSON object");
  CHECK(error("{\"question\": \"Q\"}") == "mine:2: no field 'answer'");
  CHECK(error("{\"question\": 3, \"answer\": \"A\"}") ==
        "mine:2: field 'question': 3 is not a string");
  CHECK(error("{\"question\": \"Q\", \"answer\": \"A\", \"good\": true}") ==
        "mine:2: field 'good': 'true' is not a label of mine; allowed: no, yes");
}
