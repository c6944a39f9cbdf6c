#include "experiment/journal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "fake_trainer.hpp"
#include "io/checked.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner;
using namespace runner::experiment;
namespace fs = std::filesystem;

namespace {

const JournalOwner kOwner{"RTE", "bilevel(ei,ucb)", 3};

InnerRecord inner(int trial, double loss) {
  InnerRecord record;
  record.trial = trial;
  record.loss = loss;
  return record;
}

TrialRecord finished(int trial, double objective) {
  TrialRecord record;
  record.trial = trial;
  record.objective = objective;
  return record;
}

// Trial 0 with two inner records, then one inner record of trial 1.
void fill(const fs::path& path) {
  Journal journal(path, kOwner);
  journal.append(inner(0, 0.5));
  journal.append(inner(0, 0.25));
  journal.append(finished(0, -0.75));
  journal.append(inner(1, 0.125));
}

}  // namespace

TEST_CASE("a journal reads back what was appended, the trial in progress included") {
  const Folder folder;
  const fs::path path = folder.path / "cell" / "journal.jsonl";
  CHECK(read_journal(path, kOwner).trials.empty());
  fill(path);
  const Journal journal(path, kOwner);
  REQUIRE(journal.history().trials.size() == 1);
  CHECK(journal.history().trials[0].objective == -0.75);
  CHECK(journal.history().inner_of(0).size() == 2);
  REQUIRE(journal.history().inner_of(1).size() == 1);
  CHECK(journal.history().inner_of(1)[0].loss == 0.125);
}

TEST_CASE("a last line torn at any byte is cut off and writing goes on behind it") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  fill(path);
  const std::string whole = io::read_file(path);
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = last; size < whole.size(); ++size) {
    io::write_file_atomic(path, whole.substr(0, size));
    CHECK(read_journal(path, kOwner).inner.size() == 2);
    CHECK(fs::file_size(path) == size);  // reading changes nothing
    {
      Journal journal(path, kOwner);
      REQUIRE(journal.history().inner.size() == 2);
      journal.append(inner(1, 0.125));
    }
    REQUIRE(io::read_file(path) == whole);
  }
}

TEST_CASE("a journal that is a link is neither cut nor written") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl", elsewhere = folder.path / "elsewhere";
  fill(elsewhere);
  const std::string torn = io::read_file(elsewhere) + "{";
  io::write_file_atomic(elsewhere, torn);
  fs::create_symlink(elsewhere, path);
  CHECK_THROWS_WITH_AS(Journal(path, kOwner), doctest::Contains("is a link"), InputError);
  CHECK(io::read_file(elsewhere) == torn);
}

TEST_CASE("a first line torn at any byte is an empty journal") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  { const Journal journal(path, kOwner); }
  const std::string whole = io::read_file(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    io::write_file_atomic(path, whole.substr(0, size));
    { const Journal journal(path, kOwner); }
    REQUIRE(io::read_file(path) == whole);
  }
}

TEST_CASE("any changed byte is named by its line, and what precedes it stays") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  fill(path);
  const std::string whole = io::read_file(path);
  int line = 1;
  for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    io::write_file_atomic(path, damaged);
    const std::string place = path.string() + ":" + std::to_string(line) + ": ";
    const History history = read_journal(path, kOwner);
    REQUIRE(history.damage.starts_with(place));
    REQUIRE(history.inner.size() + history.trials.size() ==
            static_cast<std::size_t>(std::max(0, line - 2)));
    {
      Journal journal(path, kOwner);
      REQUIRE(journal.history().damage == history.damage);
      REQUIRE(journal.history().inner.size() == history.inner.size());
    }
    REQUIRE(read_journal(path, kOwner).damage.empty());
    if (whole[at] == '\n') ++line;
  }
}

TEST_CASE("a journal of another version of the program is refused, not misread") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  io::write_file_atomic(
      path, io::checked_line(R"x({"cell":{"method":"bilevel(ei,ucb)","seed":3,"task":"RTE"}})x"));
  CHECK_THROWS_WITH_AS(Journal(path, kOwner), doctest::Contains("another version"), InputError);
}

TEST_CASE("a journal of another cell is an error, a record out of turn the end of what is read") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  fill(path);
  CHECK_THROWS_WITH_AS(
      read_journal(path, {"RTE", "bilevel(ei,ucb)", 4}),
      (path.string() + ":1: the journal of RTE, bilevel(ei,ucb), seed 3, where that of RTE, "
                       "bilevel(ei,ucb), seed 4 belongs")
          .c_str(),
      InputError);
  std::string bytes = io::read_file(path);
  const std::size_t second = bytes.find('\n') + 1;
  io::write_file_atomic(path, bytes + bytes.substr(second));
  // As two hosts would leave it that did not see each other.
  const History once = read_journal(path, kOwner);
  CHECK(once.trials.size() == 1);
  CHECK(once.damage == path.string() +
                           ":6: a record of trial 0, where 1 is next; what begins here counts as "
                           "not done");
  Journal(path, kOwner);
  CHECK(io::read_file(path) == bytes);
}

TEST_CASE("rewinding drops a trial and all after it") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  fill(path);
  {
    Journal journal(path, kOwner);
    journal.append(finished(1, -0.5));
    journal.rewind(1);
    CHECK(journal.history().trials.size() == 1);
    journal.append(inner(1, 0.0625));
  }
  const History history = read_journal(path, kOwner);
  CHECK(history.trials.size() == 1);
  CHECK(history.inner_of(0).size() == 2);
  REQUIRE(history.inner_of(1).size() == 1);
  CHECK(history.inner_of(1)[0].loss == 0.0625);
}

TEST_CASE("a journal that was removed or replaced takes no more records") {
  const Folder folder;
  const fs::path path = folder.path / "journal.jsonl";
  Journal journal(path, kOwner);
  journal.append(finished(0, -0.5));
  fs::rename(path, folder.path / "elsewhere");
  CHECK_THROWS_AS(journal.append(finished(1, -0.5)), WriteError);
  fill(path);
  CHECK_THROWS_AS(journal.append(inner(1, 0.5)), WriteError);
}
