#include "mini/glue.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "io/file.hpp"
#include "mini/grammar.hpp"
#include "mini/tasks.hpp"

namespace runner::mini {

namespace {

using random::Stream;

// One file. `line` names its parts: {i} row number, {a} {b} the sentences, {y} the label, {star}
// CoLA's mark of the unacceptable, {pa} {pb} MNLI's parses.
struct File {
  std::string_view path;
  int rows;
  std::string_view header;  // empty: none
  std::string_view line;
};

struct MiniTask {
  std::string_view folder;
  Example (*make)(Stream&);
  std::string_view odd;     // a stray character that the real task has, put into training row 5
  int open_quotes;          // percent of rows with a quotation mark that is never closed
  std::vector<File> files;  // train first
};

const std::vector<MiniTask>& mini_tasks() {
  static const std::vector<MiniTask> tasks = {
      {"CoLA",
       cola,
       "\b",
       0,
       {{"train.tsv", 440, "", "gj04\t{y}\t{star}\t{a}"},
        {"dev.tsv", 144, "", "gj04\t{y}\t{star}\t{a}"},
        {"test.tsv", 48, "index\tsentence", "{i}\t{a}"}}},
      {"SST-2",
       sst2,
       "",
       0,
       {{"train.tsv", 400, "sentence\tlabel", "{a} \t{y}"},
        {"dev.tsv", 128, "sentence\tlabel", "{a} \t{y}"},
        {"test.tsv", 48, "index\tsentence", "{i}\t{a}"}}},
      {"MRPC",
       mrpc,
       "",
       5,
       {{"train.tsv", 400, "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
         "{y}\t{i}1\t{i}2\t{a}\t{b}"},
        {"dev.tsv", 128, "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
         "{y}\t{i}3\t{i}4\t{a}\t{b}"},
        {"test.tsv", 48, "index\t#1 ID\t#2 ID\t#1 String\t#2 String",
         "{i}\t{i}5\t{i}6\t{a}\t{b}"}}},
      {"STS-B",
       stsb,
       "\x12",
       3,
       {{"train.tsv", 400,
         "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
         "{i}\tmain-captions\tmini\t2012test\t{i:04}\tnone\tnone\t{a}\t{b}\t{y}"},
        {"dev.tsv", 128,
         "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
         "{i}\tmain-captions\tmini\t2012test\t{i:04}\tnone\tnone\t{a}\t{b}\t{y}"},
        {"test.tsv", 48,
         "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2",
         "{i}\tmain-captions\tmini\t2012test\t{i:04}\tnone\tnone\t{a}\t{b}"}}},
      {"QQP",
       qqp,
       "",
       2,
       {{"train.tsv", 400, "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
         "{i}\t{i}1\t{i}2\t{a}\t{b}\t{y}"},
        {"dev.tsv", 128, "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
         "{i}\t{i}3\t{i}4\t{a}\t{b}\t{y}"},
        {"test.tsv", 48, "id\tquestion1\tquestion2", "{i}\t{a}\t{b}"}}},
      {"MNLI",
       mnli,
       "",
       0,
       {{"train.tsv", 480,
         "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
         "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
         "{i}\t{i}\t{i}e\tfiction\t( {pa} )\t( {pb} )\t(ROOT)\t(ROOT)\t{a}\t{b}\t{y}\t{y}"},
        {"dev_matched.tsv", 128,
         "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
         "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\t"
         "label5\tgold_label",
         "{i}\t{i}\t{i}c\tfiction\t( {pa} )\t( {pb} )\t(ROOT)\t(ROOT)\t{a}\t{b}\t"
         "{y}\tneutral\t{y}\t{y}\tentailment\t{y}"},
        {"dev_mismatched.tsv", 128,
         "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
         "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\t"
         "label5\tgold_label",
         "{i}\t{i}\t{i}n\tletters\t( {pa} )\t( {pb} )\t(ROOT)\t(ROOT)\t{a}\t{b}\t"
         "{y}\tcontradiction\t{y}\t{y}\tentailment\t{y}"},
        {"test_matched.tsv", 48,
         "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
         "sentence1_parse\tsentence2_parse\tsentence1\tsentence2",
         "{i}\t{i}\t{i}\tfiction\t( {pa} )\t( {pb} )\t(ROOT)\t(ROOT)\t{a}\t{b}"},
        {"test_mismatched.tsv", 48,
         "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
         "sentence1_parse\tsentence2_parse\tsentence1\tsentence2",
         "{i}\t{i}\t{i}\tletters\t( {pa} )\t( {pb} )\t(ROOT)\t(ROOT)\t{a}\t{b}"}}},
      {"QNLI",
       qnli,
       "",
       3,
       {{"train.tsv", 400, "index\tquestion\tsentence\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"dev.tsv", 128, "index\tquestion\tsentence\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"test.tsv", 48, "index\tquestion\tsentence", "{i}\t{a}\t{b}"}}},
      {"RTE",
       rte,
       "\u00A0",
       3,
       {{"train.tsv", 400, "index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"dev.tsv", 128, "index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"test.tsv", 48, "index\tsentence1\tsentence2", "{i}\t{a}\t{b}"}}},
      {"WNLI",
       wnli,
       "",
       0,
       {{"train.tsv", 320, "index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"dev.tsv", 96, "index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{y}"},
        {"test.tsv", 48, "index\tsentence1\tsentence2", "{i}\t{a}\t{b}"}}},
      {"AX", mnli, "", 0, {{"diagnostic.tsv", 64, "index\tsentence1\tsentence2", "{i}\t{a}\t{b}"}}},
  };
  return tasks;
}

// Right-branching: "the ( dog ( saw it. ) )".
std::string binary_parse(std::string_view text) {
  std::string parse;
  std::string close;
  for (std::size_t space = text.find(' '); space != std::string_view::npos;
       space = text.find(' ')) {
    parse.append(text.substr(0, space)).append(" ( ");
    close += " )";
    text.remove_prefix(space + 1);
  }
  return parse.append(text).append(close);
}

// WNLI's dev set is adversarial: a premise of train with the other candidate and the contrary
// label; majority .563, as in GLUE.
std::vector<Example> wnli_dev(const std::vector<Example>& train, int rows) {
  std::vector<Example> dev;
  int zeros = rows * 9 / 16;
  int ones = rows - zeros;
  for (const Example& row : train) {
    int& left = row.label == "1" ? zeros : ones;
    if (left == 0) continue;
    --left;
    dev.push_back({row.a, row.twin, row.label == "1" ? "0" : "1", row.b});
  }
  return dev;
}

std::string file_bytes(const File& file, const std::vector<Example>& rows) {
  std::string bytes;
  if (!file.header.empty()) bytes.append(file.header).append("\n");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Example& row = rows[i];
    bytes += fmt::format(fmt::runtime(file.line), fmt::arg("i", i), fmt::arg("a", row.a),
                         fmt::arg("b", row.b), fmt::arg("y", row.label),
                         fmt::arg("star", row.label == "0" ? "*" : ""),
                         fmt::arg("pa", binary_parse(row.a)), fmt::arg("pb", binary_parse(row.b)));
    bytes += '\n';
  }
  return bytes;
}

}  // namespace

std::map<std::string, std::string> glue(std::uint64_t seed) {
  std::map<std::string, std::string> files;
  for (const MiniTask& task : mini_tasks()) {
    std::set<std::string> seen;  // no row twice in a task
    std::vector<Example> train;
    for (const File& file : task.files) {
      const std::string path = fmt::format("{}/{}", task.folder, file.path);
      Stream draw(random::derive(seed, path));
      std::vector<Example> rows;
      if (path == "WNLI/dev.tsv") rows = wnli_dev(train, file.rows);
      while (rows.size() < static_cast<std::size_t>(file.rows)) {
        Example row = task.make(draw);
        if (!seen.insert(row.a + '\t' + row.b).second) continue;
        if (chance(draw, task.open_quotes)) row.a.insert(0, "\"");
        rows.push_back(row);
      }
      if (file.path == "train.tsv") {
        if (!task.odd.empty()) rows[5].a.insert(rows[5].a.find(' ') + 1, task.odd);
        train = rows;
      }
      files[path] = file_bytes(file, rows);
    }
  }
  // Faults of the real files: no line break at the end; a QQP row cut in the middle.
  for (const char* path : {"CoLA/dev.tsv", "AX/diagnostic.tsv"}) files[path].pop_back();
  for (const char* path : {"QQP/train.tsv", "QQP/dev.tsv"}) {
    std::string& bytes = files[path];
    bytes.insert(bytes.find("\n9\t") + 1, "999\t9991\tWhere can a person\n");
  }
  return files;
}

void write_glue(const std::filesystem::path& out, std::uint64_t seed) {
  for (const auto& [path, bytes] : glue(seed)) io::write_file_atomic(out / path, bytes);
}

void write_tiny_roberta(const std::filesystem::path& out, std::uint64_t seed) {
  for (const auto& [path, bytes] : tiny_roberta(seed)) io::write_file_atomic(out / path, bytes);
}

}  // namespace runner::mini
