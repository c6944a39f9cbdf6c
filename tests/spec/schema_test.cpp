#include "spec/schema.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "every_spec.hpp"
#include "io/csv.hpp"
#include "io/json.hpp"
#include "places.hpp"
#include "random/philox.hpp"
#include "spec/fields.hpp"
#include "spec/resolved.hpp"
#include "spec/variables.hpp"
#include "spec_file.hpp"

// GCC 12 takes parts of it for uninitialised where the sanitizers are on (its bug 105562).
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <regex>
#pragma GCC diagnostic pop

using namespace runner;
using namespace runner::spec;
namespace fs = std::filesystem;

namespace {

using Json = io::Json;

// A scalar as an editor reads it: YAML 1.2's core schema.
Json core_value(const Node& node) {
  static const std::regex kInteger("[-+]?[0-9]+"), kHex("0x[0-9a-fA-F]+"),
      kReal(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  const std::string& text = node.text;
  if (node.quoted) return text;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (std::regex_match(text, kHex)) return std::stoull(text, nullptr, 16);
  double value = 0.0;
  if (std::regex_match(text, kInteger) && io::parse_number(text, value)) {
    return value >= 0.0 && value < 1.9e19 ? Json(std::stoull(text)) : Json(value);
  }
  if (std::regex_match(text, kReal) && io::parse_number(text, value) && std::isfinite(value)) {
    return value;
  }
  return text;
}

Json to_json(const Node& node) {
  Json json;
  switch (node.kind) {
    case Node::Kind::null:
      break;
    case Node::Kind::scalar:
      return core_value(node);
    case Node::Kind::list:
      json = Json::array();
      for (const Node& item : node.items) json.push_back(to_json(item));
      break;
    case Node::Kind::map:
      json = Json::object();
      for (const Node::Entry& entry : node.entries) json[entry.key] = to_json(entry.value);
      break;
  }
  return json;
}

// A folder for specs and what is made of them.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "runner_schema_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    write("published.csv", "method,RTE\npaper,80\n");
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

// Specs as an editor's validator sees them, by Python's jsonschema.
class Validated {
 public:
  void add(const fs::path& file) {
    Problems problems;
    const Document document = load_document(file, {}, problems);
    problems.throw_if_any();
    documents_ += to_json(document.root).dump() + "\n";
    names_.push_back(io::read_file(file));
  }
  // What is wrong with each, or "ok"; nothing where there is no validator.
  std::vector<std::pair<std::string, std::string>> verdicts(const Folder& folder) const {
    if (std::system("python3 -c 'import jsonschema' 2>/dev/null") != 0) {
      MESSAGE("skipped: the schema against a validator: no python3-jsonschema");
      return {};
    }
    const fs::path lines = folder.write("documents.jsonl", documents_);
    const fs::path schema_file = folder.write("schema.json", schema().dump(1));
    const std::string command =
        fmt::format("python3 {} {} {} {}", (source_dir() / "tests/spec/validate.py").string(),
                    schema_file.string(), lines.string(), (folder / "verdicts").string());
    REQUIRE(std::system(command.c_str()) == 0);
    std::vector<std::pair<std::string, std::string>> verdicts;
    std::ifstream answers(folder / "verdicts");
    for (std::string line; std::getline(answers, line);) {
      verdicts.emplace_back(names_[verdicts.size()], line);
    }
    CHECK(verdicts.size() == names_.size());
    return verdicts;
  }
  std::size_t size() const { return names_.size(); }

 private:
  std::string documents_;
  std::vector<std::string> names_;
};

bool is_accepted(const fs::path& file) {
  try {
    load(file, {});
    return true;
  } catch (const InputError&) {
    return false;
  }
}

std::set<std::string> known_keys(const std::string& spec) {
  const std::string error = messages_of(spec);
  const std::size_t at = error.find("(known: ") + 8;
  std::istringstream names(error.substr(at, error.find(')', at) - at));
  std::set<std::string> keys;
  for (std::string name; std::getline(names >> std::ws, name, ',');) keys.insert(name);
  return keys;
}

}  // namespace

TEST_CASE("the schema refuses nothing that check accepts") {
  const Folder folder;
  Validated validated;
  for (const char* const specs : {"experiments", "tests/e2e"}) {
    for (const auto& entry : fs::directory_iterator(source_dir() / specs)) {
      if (entry.path().extension() == ".yaml") validated.add(entry.path());
    }
  }
  CHECK(validated.size() >= 6);
  std::set<std::string> accepted;
  std::vector<std::string> lines;  // of accepted specs, to be put together
  for (const Written& written : everything()) {
    const fs::path file = folder.write("s.yaml", written.spec);
    if (!is_accepted(file)) continue;
    accepted.insert(written.path);
    validated.add(file);
    std::istringstream each(written.spec);
    for (std::string line; std::getline(each, line);) lines.push_back(line);
  }
  // Every row has been said by some spec that was accepted.
  for (const Field& row : fields())
    CHECK_MESSAGE(accepted.contains(std::string(row.path)), row.path);
  for (const VariableRow& row : variables()) {
    CHECK_MESSAGE(accepted.contains("search." + std::string(row.name)), row.name);
  }
  // Lines of different specs, put together at random.
  random::Stream stream(random::derive(1, "specs"));
  int together = 0;
  for (int i = 0; i < 500; ++i) {
    std::map<std::string, std::string> spec = {
        {"model", "tiny"}, {"tasks", "[RTE]"}, {"methods", "[fine_tune, swa]"}};
    for (int k = 0; k < 5; ++k) {
      const auto index =
          static_cast<std::size_t>(stream.uniform() * static_cast<double>(lines.size()));
      const std::size_t colon = lines[index].find(": ");
      spec[lines[index].substr(0, colon)] = lines[index].substr(colon + 2);
    }
    std::string text;
    for (const auto& [key, value] : spec) text += fmt::format("{}: {}\n", key, value);
    const fs::path file = folder.write("s.yaml", text);
    if (!is_accepted(file)) continue;
    validated.add(file);
    ++together;
  }
  CHECK(together > 50);
  for (const auto& [spec, verdict] : validated.verdicts(folder)) {
    if (verdict != "ok") FAIL_CHECK(spec, verdict);
  }
}

TEST_CASE("the schema refuses what is plainly wrong") {
  const Folder folder;
  Validated wrong;
  for (const char* const spec :
       {"tasks: [RTE]\nmethods: [swa]\n",
        "model: tiny\ntasks: [RTE]\n",
        "model: tiny\nmethods: [swa]\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nmodle: x\n",
        "model: tiny\ntasks: [RET]\nmethods: [swa]\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swaa]\n",
        "model: tiny\ntasks: [RTE]\nmethods: [{search: {bo: eii}, fuse: swa}]\n",
        "model: tiny\ntasks: [RTE]\nmethods: [{search: refuse, fuse: swa}]\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nrecipe: {lr: 0}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nrecipe: {batch_size: 1.5}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nrecipe: {inner_rows: 5}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nrecipe: {schedule: linaer}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nrecipe: {dropout: no}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nsearch: {}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nsearch: {lr: {low: 1e-6}}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nsearch: {lr: {low: 0, high: 1}}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nsearch: {schedule: {values: [x]}}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nouter: {budget: 6 days}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nouter: {beta: -1}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nouter: {starts: [{lrr: 1}]}\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\ndevice: gpu\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nseeds: 0\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nstore_limit: 16\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\nprimary: bo\n",
        "model: tiny\ntasks: [RTE]\nmethods: [swa]\noverride: 1\n",
        "model: tiny\ntasks: [{name: mine, train: a.tsv}]\nmethods: [swa]\n"}) {
    const fs::path file = folder.write("s.yaml", spec);
    CHECK_FALSE(is_accepted(file));
    wrong.add(file);
  }
  for (const auto& [spec, verdict] : wrong.verdicts(folder)) {
    if (verdict == "ok") FAIL_CHECK("taken by the schema: ", spec);
  }
}

TEST_CASE("what only check sees, the schema takes and check refuses") {
  const Folder folder;
  Validated validated;
  for (const OnlyCheck& row : only_check()) {
    CAPTURE(row.what);
    const fs::path file = folder.write("s.yaml", std::string(row.example));
    CHECK_FALSE(is_accepted(file));
    validated.add(file);
  }
  for (const auto& [spec, verdict] : validated.verdicts(folder)) {
    if (verdict != "ok") FAIL_CHECK(spec, verdict);
  }
}

TEST_CASE("the table of fields knows every key that the readers know, and no other") {
  const auto table = [](std::string_view section) {
    std::set<std::string> keys;
    for (const Field& row : fields()) {
      if (row.section() == section) keys.emplace(row.key());
    }
    return keys;
  };
  std::set<std::string> top = table("");
  top.insert({"data", "outer"});
  CHECK(known_keys(kLeast + "zzzzzz: 1\n") == top);
  CHECK(known_keys(kLeast + "data: {zzzzzz: 1}\n") == table("data"));
  CHECK(known_keys(kLeast + "outer: {zzzzzz: 1}\n") == table("outer"));
  CHECK(known_keys(fmt::format("model: tiny\ntasks: [{}, zzzzzz: 1}}]\nmethods: [swa]\n",
                               kLeastTask)) == table("tasks[]"));
}

TEST_CASE("a field's default is what holds without it") {
  const auto resolved = [](const std::string& spec) {
    Spec read = SpecFile(spec).load();
    read.runs_root = "runs";  // else each spec's own folder
    return resolved_yaml(read);
  };
  const std::string task = fmt::format("tasks: [{}}}]\n", kLeastTask);
  const std::string least = "model: tiny\nmethods: [fine_tune]\n";
  for (const Field& row : fields()) {
    CAPTURE(row.path);
    CHECK_FALSE(row.meaning.empty());
    CHECK_FALSE((!row.standard.empty() && !row.otherwise.empty()));
    if (row.standard.empty()) continue;
    if (row.section() == "tasks[]") {
      const std::string said =
          fmt::format("tasks: [{}, {}: {}}}]\n", kLeastTask, row.key(), row.standard);
      CHECK(resolved(least + said) == resolved(least + task));
    } else if (row.section().empty()) {
      CHECK(resolved(kLeast + fmt::format("{}: {}\n", row.path, row.standard)) == resolved(kLeast));
    } else {
      CHECK(resolved(kLeast + fmt::format("{}: {{{}: {}}}\n", row.section(), row.key(),
                                          row.standard)) == resolved(kLeast));
    }
  }
}

TEST_CASE("docs/spec.md is what the program writes") {
  CHECK_MESSAGE(io::read_file(source_dir() / "docs/spec.md") == reference(),
                "runner schema --markdown > docs/spec.md");
}
