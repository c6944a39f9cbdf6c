#include "experiment/run_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <optional>

#include "experiment/cells.hpp"
#include "fake_trainer.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner;
using namespace runner::experiment;
namespace fs = std::filesystem;

namespace {

// A run that was begun: spec.yaml, resolved.yaml, a cell and a table.
struct Begun {
  Folder folder;
  spec::Spec spec = fake_spec(folder.path, {method("swa", spec::Search::none, "swa")});
  fs::path run = run_folder(spec);
  Begun() {
    spec.file = folder.path / "fake.yaml";
    std::ofstream(spec.file) << "# a spec\n";
    write_spec(spec);
    io::write_file_atomic(run / "cells" / "RTE" / "a", "a");
    io::write_file_atomic(run / "tables" / "methods.csv", "a");
  }
};

}  // namespace

TEST_CASE("a folder that holds other things is no run, and neither begun in nor removed") {
  const Folder folder;
  const fs::path notes = folder.path / "notes";
  CHECK_NOTHROW(require_run_folder(notes));  // not there
  fs::create_directory(notes);
  CHECK_NOTHROW(require_run_folder(notes));
  std::ofstream(notes / "thesis.txt") << "mine";
  CHECK_THROWS_WITH_AS(require_run_folder(notes), doctest::Contains("no run of this program"),
                       InputError);
  CHECK_FALSE(is_run(notes));
  CHECK_THROWS_AS(remove_run(notes), InputError);
  CHECK(fs::exists(notes / "thesis.txt"));
}

TEST_CASE("a run is removed without what others put beside it, unless a process works in it") {
  const Begun begun;
  std::ofstream(begun.run / "thesis.txt") << "mine";
  CHECK_NOTHROW(require_run_folder(begun.run));
  io::write_file_atomic(begun.run / "processes" / "elsewhere-1-0.json",
                        R"({"host":"elsewhere","pid":1,"job":"","restart":0,"alive":)" +
                            std::to_string(std::time(nullptr)) + "}");
  CHECK_THROWS_WITH_AS(remove_run(begun.run), doctest::Contains("process 1 on elsewhere"),
                       InputError);
  CHECK(fs::exists(begun.run / "cells"));
  fs::remove(begun.run / "processes" / "elsewhere-1-0.json");
  remove_run(begun.run);
  CHECK(fs::exists(begun.run / "thesis.txt"));
  for (const char* part : {"cells", "tables", "spec.yaml", "resolved.yaml"}) {
    CHECK_FALSE(fs::exists(begun.run / part));
  }
}

TEST_CASE("who enters while a run is removed is refused") {
  const Begun begun;
  std::string holder;
  auto remover = Lease::take(begun.run / "processes" / "remover.json", holder);
  CHECK_THROWS_WITH_AS(Presence{begun.run}, doctest::Contains("is beginning this run anew"),
                       InputError);
  remover.reset();
  Presence presence(begun.run);
  presence.beat();
  CHECK_NOTHROW(refuse_while_at_work(begun.run));  // one's own presence
}

TEST_CASE("a part of a run that is a link is refused") {
  for (const char* part : {"cells", "store", "tables", "inputs", "processes", "resolved.yaml"}) {
    const Begun begun;
    const Folder elsewhere;
    CAPTURE(part);
    fs::remove_all(begun.run / part);
    fs::create_symlink(elsewhere.path, begun.run / part);
    CHECK_THROWS_AS(require_run_folder(begun.run), InputError);
  }
  const Begun begun;  // the whole may be one
  fs::create_directory_symlink(begun.run, begun.folder.path / "link");
  CHECK_NOTHROW(require_run_folder(begun.folder.path / "link"));
}

TEST_CASE("any changed byte of resolved.yaml is told, and it is written again") {
  const Begun begun;
  const fs::path file = begun.run / "resolved.yaml";
  const std::string whole = io::read_file(file);
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    for (const std::string& bytes : {damaged, whole.substr(0, at)}) {
      io::write_file_atomic(file, bytes);
      REQUIRE(refuse_other_spec(begun.spec).find("resolved.yaml: was changed") !=
              std::string::npos);
    }
    write_spec(begun.spec);
    REQUIRE(io::read_file(file) == whole);
  }
}
