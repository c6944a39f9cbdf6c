#include "experiment/lease.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "fake_trainer.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

using namespace runner::experiment;
namespace io = runner::io;
namespace fs = std::filesystem;

namespace {

// The file that a process on another machine would have left `seconds` ago.
void leave_foreign_owner(const fs::path& folder, std::time_t seconds, const std::string& job = "",
                         int restart = 0) {
  const io::Json owner = {{"host", "another-host.example"},
                          {"pid", 1},
                          {"job", job},
                          {"restart", restart},
                          {"alive", std::time(nullptr) - seconds}};
  io::write_file_atomic(folder / "owner.json", owner.dump());
}

}  // namespace

TEST_CASE("a cell has one holder at a time, named to the others, and is free after it") {
  const Folder folder;
  std::string holder;
  {
    const auto lock = Lease::take(folder.path / "cell" / "owner.json", holder);
    REQUIRE(lock.has_value());
    CHECK_FALSE(Lease::take(folder.path / "cell" / "owner.json", holder).has_value());
    CHECK(holder.starts_with("process " + std::to_string(::getpid()) + " on "));
  }
  CHECK(fs::is_empty(folder.path / "cell"));
  CHECK(Lease::take(folder.path / "cell" / "owner.json", holder).has_value());
}

TEST_CASE("the lock of a killed process is free at once") {
  const Folder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string holder;
    const auto lock = Lease::take(folder.path / "owner.json", holder);
    (void)!::write(ready[1], lock ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char took = 'n';
  REQUIRE(::read(ready[0], &took, 1) == 1);
  CHECK(took == 'y');
  std::string holder;
  CHECK_FALSE(Lease::take(folder.path / "owner.json", holder).has_value());
  CHECK(holder.starts_with("process " + std::to_string(child) + " on "));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(fs::exists(folder.path / "owner.json"));
  CHECK(Lease::take(folder.path / "owner.json", holder).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("an owner on another machine counts as alive until it has been silent for long") {
  const Folder folder;
  std::string holder;
  leave_foreign_owner(folder.path, 60);
  CHECK_FALSE(Lease::take(folder.path / "owner.json", holder).has_value());
  CHECK(holder.starts_with("process 1 on another-host.example (last sign of life 6"));
  CHECK(holder.find("if it is gone, remove " + (folder.path / "owner.json").string()) !=
        std::string::npos);
  leave_foreign_owner(folder.path, Lease::kSilence.count() + 1);
  CHECK(Lease::take(folder.path / "owner.json", holder).has_value());
}

TEST_CASE("a sign of life from the future does not hold for ever") {
  const Folder folder;
  std::string holder;
  leave_foreign_owner(folder.path, -30);  // a clock that is a little ahead
  CHECK_FALSE(Lease::take(folder.path / "owner.json", holder).has_value());
  CHECK(holder.find("last sign of life 0 s ago") != std::string::npos);
  leave_foreign_owner(folder.path, -Lease::kSilence.count() - 60);
  CHECK(Lease::take(folder.path / "owner.json", holder).has_value());
}

TEST_CASE("who holds a lease can be asked without taking it") {
  const Folder folder;
  const fs::path file = folder.path / "owner.json";
  CHECK(lease_holder(file).empty());
  std::string holder;
  {
    const auto lease = Lease::take(file, holder);
    CHECK(lease_holder(file).starts_with("process " + std::to_string(::getpid())));
  }
  leave_foreign_owner(folder.path, 1);
  CHECK(lease_holder(file).starts_with("process 1 on another-host.example"));
  CHECK(fs::exists(file));
}

TEST_CASE("a requeued job takes over from its earlier start, not from another job") {
  const Folder folder;
  std::string holder;
  ::setenv("SLURM_JOB_ID", "41", 1);
  ::setenv("SLURM_RESTART_COUNT", "1", 1);
  leave_foreign_owner(folder.path, 5, "40");
  CHECK_FALSE(Lease::take(folder.path / "owner.json", holder).has_value());
  CHECK(holder.starts_with("process 1 on another-host.example, job 40 ("));
  leave_foreign_owner(folder.path, 5, "41", 1);
  CHECK_FALSE(Lease::take(folder.path / "owner.json", holder).has_value());
  leave_foreign_owner(folder.path, 5, "41", 0);
  CHECK(Lease::take(folder.path / "owner.json", holder).has_value());
  ::unsetenv("SLURM_JOB_ID");
  ::unsetenv("SLURM_RESTART_COUNT");
}

TEST_CASE("a half written owner file does not block a cell") {
  const Folder folder;
  std::string holder;
  io::write_file_atomic(folder.path / "owner.json", "{\"host\":\"a");
  CHECK(Lease::take(folder.path / "owner.json", holder).has_value());
}

namespace {

// What another host writes into the file that is there.
void write_foreign_owner(const fs::path& file) {
  const io::Json owner = {
      {"host", "other"}, {"pid", 9}, {"job", ""}, {"restart", 0}, {"alive", std::time(nullptr)}};
  std::ofstream(file, std::ios::in | std::ios::out) << owner.dump() << std::string(600, ' ');
}

}  // namespace

TEST_CASE("of two hosts that find an owner dead the one has the lease whose words stand") {
  const Folder folder;
  const fs::path file = folder.path / "owner.json";
  std::string holder;
  leave_foreign_owner(folder.path, Lease::kSilence.count() + 1);
  {
    const std::jthread other([&] {
      std::this_thread::sleep_for(Lease::kSettle / 2);
      write_foreign_owner(file);
    });
    CHECK_FALSE(Lease::take(file, holder).has_value());
  }
  CHECK(holder.starts_with("process 9 on other"));
  CHECK(fs::exists(file));
}

TEST_CASE("a file without words may be a lease that another host is just about to take") {
  const Folder folder;
  const fs::path file = folder.path / "owner.json";
  std::string holder;
  io::write_file_atomic(file, "");
  const std::jthread other([&] {
    std::this_thread::sleep_for(Lease::kSettle / 2);
    write_foreign_owner(file);
  });
  CHECK_FALSE(Lease::take(file, holder).has_value());
  CHECK(holder.starts_with("process 9 on other"));
}

TEST_CASE("an owner that lost its lease while it was paused leaves it to the other") {
  const Folder folder;
  const fs::path file = folder.path / "owner.json";
  std::string holder;
  {
    const auto lease = Lease::take(file, holder);
    REQUIRE(lease.has_value());
    write_foreign_owner(file);
  }
  CHECK(fs::exists(file));
  CHECK(lease_holder(file).starts_with("process 9 on other"));
}
