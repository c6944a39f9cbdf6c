#include "experiment/store.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "fake_trainer.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner::experiment;
namespace fusion = runner::fusion;
namespace io = runner::io;
namespace fs = std::filesystem;
using runner::InputError;

namespace {

constexpr std::uintmax_t kNoLimit = 1'000'000'000;

std::string key(char letter) { return std::string(32, letter); }

RunRecord record(double loss, int snapshots = 2) {
  RunRecord run;
  run.train_loss = loss;
  run.snapshots = snapshots;
  run.curve = {{1, loss, 1e-4, 2.5}};
  return run;
}

// A store in a folder of its own, and what it told.
struct Place {
  explicit Place(std::uintmax_t limit = kNoLimit)
      : store(folder.path / "store", limit,
              [this](const std::string& text) { told.push_back(text); }) {}

  // As a training does: its snapshots, each 100 floats, in the work folder.
  Store::Run train(const std::string& name, double loss = 0.5) {
    for (const char* file : {"snapshot-1", "snapshot-2", "average"}) {
      const std::vector<std::vector<float>> weights(
          1, std::vector<float>(100, static_cast<float>(loss)));
      fusion::save_trajectory(store.work_folder(name) / file, weights);
    }
    io::write_file_atomic(store.work_folder(name) / "progress", "all of it");
    return store.keep(name, record(loss), {"snapshot-1", "snapshot-2"}, "average");
  }
  fs::path file(const std::string& name, const char* part) const {
    return folder.path / "store" / name / part;
  }

  Folder folder;
  std::vector<std::string> told;
  Store store;
};

}  // namespace

TEST_CASE("a kept run is read back to the bit, and nothing else of it is left") {
  Place place;
  CHECK_FALSE(place.store.open(key('a')));
  const Store::Run kept = place.train(key('a'));
  const auto again = place.store.open(key('a'));
  REQUIRE(again);
  CHECK(again->record.train_loss == 0.5);
  CHECK(again->record.curve[0].grad_norm == 2.5);
  REQUIRE(again->trajectory);
  CHECK(again->trajectory->size() == 2);
  CHECK(again->trajectory->mix(std::vector{1.0, 0.0}) == std::vector<float>(100, 0.5F));
  REQUIRE(again->average);
  CHECK(again->average->size() == 1);
  CHECK(place.told.empty());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(place.folder.path / "store")) {
    names.push_back(entry.path().filename());
  }
  CHECK(names == std::vector{key('a')});
}

TEST_CASE("a run without snapshots is its record alone, with whatever its losses were") {
  Place place;
  RunRecord diverged = record(std::numeric_limits<double>::infinity(), 0);
  diverged.status = runner::train::Status::diverged;
  diverged.curve.push_back({2, std::nan(""), 1e-4, 0.0});
  place.store.keep(key('a'), diverged, {}, "");
  const auto again = place.store.open(key('a'));
  REQUIRE(again);
  CHECK(again->record.status == runner::train::Status::diverged);
  CHECK(std::isinf(again->record.train_loss));
  CHECK(std::isnan(again->record.curve[1].loss));
  CHECK_FALSE(again->trajectory);
}

TEST_CASE("any flipped bit, and any cut, makes a run absent, and is told") {
  Place place;
  place.train(key('a'));
  for (const char* part : {"run.json", "snapshot-1", "average"}) {
    const fs::path file = place.file(key('a'), part);
    const std::string whole = io::read_file(file);
    for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 150) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      CAPTURE(at);
      for (const std::string& bytes : {damaged, whole.substr(0, at)}) {
        io::write_file_atomic(file, bytes);
        REQUIRE_FALSE(place.store.open(key('a')));
        REQUIRE(!place.told.empty());
        REQUIRE(place.told.back().find(part) != std::string::npos);
      }
    }
    io::write_file_atomic(file, whole);
    REQUIRE(place.store.open(key('a')));
  }
  fs::remove(place.file(key('a'), "snapshot-2"));
  CHECK_FALSE(place.store.open(key('a')));
  CHECK(place.train(key('a'), 0.25).record.train_loss == 0.25);  // makes way
}

TEST_CASE("what cannot be kept leaves the work folder as it was") {
  Place place;
  const fs::path work = place.store.work_folder(key('a'));
  io::write_file_atomic(work / "progress", "all of it");
  CHECK_THROWS_AS(place.store.keep(key('a'), record(0.5), {"snapshot-1"}, ""), InputError);
  CHECK(io::read_file(work / "progress") == "all of it");
  CHECK_FALSE(place.store.open(key('a')));
}

TEST_CASE("one trains, others are told who; what a killed one left is removed with its run") {
  Place place;
  std::string holder;
  {
    const auto lease = place.store.lease(key('a'), holder);
    REQUIRE(lease);
    CHECK_FALSE(place.store.lease(key('a'), holder));
    CHECK(holder == this_process());
  }
  // Killed after the run had appeared and before the work folder was gone.
  place.train(key('a'));
  io::write_file_atomic(place.store.work_folder(key('a')) / "progress", "old");
  io::write_file_atomic(place.folder.path / "store" / (key('a') + ".new") / "run.json", "half");
  CHECK(place.store.open(key('a')));
  CHECK_FALSE(fs::exists(place.store.work_folder(key('a'))));
  CHECK_FALSE(fs::exists(place.folder.path / "store" / (key('a') + ".new")));
}

TEST_CASE("beyond the limit go first the runs that nobody wants, then those wanted last") {
  constexpr std::uintmax_t kRun = std::uintmax_t{3} * (128 + 400);
  Place place(3 * kRun);
  for (const char letter : {'a', 'b', 'c'}) {
    place.train(key(letter));
    const auto time = fs::file_time_type::clock::now() - std::chrono::seconds('z' - letter);
    fs::last_write_time(place.file(key(letter), "run.json"), time);
  }
  const auto wanted = [] { return std::vector{key('b'), key('a')}; };
  place.store.make_room(0, 0, wanted);  // it fits
  CHECK(place.store.open(key('c')));
  place.store.make_room(kRun, 0, wanted);
  CHECK_FALSE(place.store.open(key('c')));
  CHECK(place.store.was_dropped(key('c')));
  CHECK(place.told.empty());  // dropped is not damaged
  place.store.make_room(2 * kRun, 0, wanted);
  CHECK(place.store.open(key('b')));
  CHECK_FALSE(place.store.open(key('a')));
  place.train(key('a'));
  CHECK_FALSE(place.store.was_dropped(key('a')));
}

TEST_CASE("what takes long to ask is not asked for every run") {
  Place place(std::uintmax_t{3} * (128 + 400));
  const Store::Run open = place.train(key('a'));  // cannot be dropped
  int asked = 0;
  const auto wanted = [&] {
    ++asked;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // 6 s for the others
    return std::vector<std::string>();
  };
  for (int i = 0; i < 3; ++i) place.store.make_room(0, 0, wanted);
  CHECK(asked == 0);  // it fits
  for (int i = 0; i < 3; ++i) place.store.make_room(1, 0, wanted);
  CHECK(asked == 1);
}

TEST_CASE("what nobody wants goes by the time of its last use") {
  constexpr std::uintmax_t kRun = std::uintmax_t{3} * (128 + 400);
  Place place(2 * kRun);
  for (const char letter : {'a', 'b'}) {
    place.train(key(letter));
    fs::last_write_time(place.file(key(letter), "run.json"),
                        fs::file_time_type::clock::now() - std::chrono::seconds('z' - letter));
  }
  CHECK(place.store.open(key('a')));  // the older one is used once more
  place.store.make_room(kRun, 0, {});
  CHECK(place.store.open(key('a')));
  CHECK_FALSE(place.store.open(key('b')));
}

TEST_CASE("what is open or leased is never dropped, here or by another process") {
  Place place(0);
  const auto open = std::make_optional(place.train(key('a')));
  place.train(key('b'));
  std::string holder;
  const auto lease = place.store.lease(key('b'), holder);
  const pid_t child = ::fork();
  if (child == 0) {
    place.store.make_room(0, 0, {});
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  place.store.make_room(0, 0, {});
  CHECK_FALSE(place.store.was_dropped(key('a')));
  CHECK_FALSE(place.store.was_dropped(key('b')));
}

TEST_CASE("a disk without room for a run is said before it is trained") {
  Place place;
  constexpr std::uintmax_t kTooMuch = std::uintmax_t{1} << 60;
  CHECK_THROWS_WITH_AS(place.store.make_room(kTooMuch, 1000, {}),
                       doctest::Contains("a training run needs 1152922 TB of disk"), InputError);
}

TEST_CASE("a link in the place of a run is refused") {
  Place place;
  const Folder elsewhere;
  fs::create_directories(place.folder.path / "store");
  fs::create_directory_symlink(elsewhere.path, place.folder.path / "store" / key('a'));
  CHECK_THROWS_WITH_AS(place.store.open(key('a')), doctest::Contains("is a link"), InputError);
  fs::create_directory_symlink(elsewhere.path, place.store.work_folder(key('b')));
  std::string holder;
  CHECK_THROWS_WITH_AS(place.store.lease(key('b'), holder), doctest::Contains("is a link"),
                       InputError);
  CHECK(fs::is_empty(elsewhere.path));
}

TEST_CASE("leftovers are what no wanted run needs and no living process holds") {
  Place place;
  for (const char letter : {'a', 'b'}) place.train(key(letter));
  const fs::path store = place.folder.path / "store";
  for (const char letter : {'c', 'd', 'e'}) {
    io::write_file_atomic(place.store.work_folder(key(letter)) / "progress", "12345");
  }
  std::string holder;
  const auto lease = place.store.lease(key('e'), holder);
  const std::vector wanted = {key('a'), key('c')};
  std::vector<fs::path> found;
  for (const Store::Leftover& leftover : place.store.leftovers(wanted)) {
    found.push_back(leftover.path.filename());
    CHECK(leftover.bytes > 0);
    place.store.remove(leftover);
  }
  CHECK(found == std::vector<fs::path>{key('b'), key('d') + ".work"});
  CHECK_FALSE(fs::exists(store / key('b')));
  CHECK(place.store.leftovers(wanted).empty());
  CHECK(place.store.open(key('a')));
}
