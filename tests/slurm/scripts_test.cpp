#include "slurm/scripts.hpp"

#include <doctest/doctest.h>

#include "io/error.hpp"
#include "slurm/array.hpp"
#include "slurm/shares.hpp"

using namespace runner;
using namespace runner::slurm;

namespace {

std::vector<Item> items(const std::vector<double>& costs) {
  std::vector<Item> all;
  for (const double cost : costs) all.push_back({{std::to_string(all.size())}, cost});
  return all;
}

double costliest(const std::vector<Item>& shares) {
  double most = 0.0;
  for (const Item& share : shares) most = std::max(most, share.cost);
  return most;
}

// The best that neighbours can be cut into, by trying everything.
double least_possible(std::span<const Item> all, int count) {
  if (all.empty()) return 0.0;
  double sum = 0.0, best = 1e300;
  for (std::size_t i = 0; i < all.size(); ++i) {
    sum += all[i].cost;
    if (count == 1 && i + 1 < all.size()) continue;
    best = std::min(best, std::max(sum, least_possible(all.subspan(i + 1), count - 1)));
  }
  return best;
}

const Setting kSetting{.program = shell_word("/opt/it's here/runner"),
                       .words = {"/home/me/a b.yaml", "seeds=[1, 2]"},
                       .variables = {{"RUNNER_RUNS", "/scratch/me"}},
                       .name = "study",
                       .folder = "/scratch/100%/study/slurm",
                       .from = "/home/me",
                       .at_once = 4};

std::string text_of(const char* id, const char* count, const char* first, const char* last,
                    const char* step) {
  const auto place = place_in_array([&](const char* name) -> std::string {
    const std::string_view which = std::string_view(name).substr(sizeof "SLURM_ARRAY_TASK_" - 1);
    return which == "ID"      ? id
           : which == "COUNT" ? count
           : which == "MIN"   ? first
           : which == "MAX"   ? last
                              : step;
  });
  return place ? std::to_string(place->index) + "/" + std::to_string(place->count) : "none";
}

}  // namespace

TEST_CASE("shares are neighbours, all of them, and the costliest is as cheap as it can be") {
  for (const auto& costs : std::vector<std::vector<double>>{{1},
                                                            {3, 3, 3, 3},
                                                            {9, 1, 1, 1, 1, 8, 2, 2},
                                                            {0, 0, 5, 0},
                                                            {1e15, 3e14, 3e14, 2e14, 9e14},
                                                            {0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1}}) {
    for (const int count : {1, 2, 3, 5, 100}) {
      CAPTURE(costs.size());
      CAPTURE(count);
      const std::vector<Item> all = items(costs);
      const std::vector<Item> shares = cut(all, count);
      CHECK(shares.size() <= static_cast<std::size_t>(count));
      CHECK(costliest(shares) ==
            doctest::Approx(least_possible(all, std::min(count, static_cast<int>(all.size())))));
      std::vector<std::string> names;
      for (const Item& share : shares) {
        CHECK(!share.names.empty());
        names.insert(names.end(), share.names.begin(), share.names.end());
      }
      REQUIRE(names.size() == all.size());
      for (std::size_t i = 0; i < all.size(); ++i) CHECK(names[i] == all[i].names[0]);
    }
  }
  CHECK(cut({}, 4).empty());
}

TEST_CASE("a share with more names than Linux takes in an argument is refused") {
  slurm::Script script{.file = "1-known.sh", .about = "", .verb = "run", .flag = "--runs"};
  script.shares = {slurm::Item{{"short"}, 1.0},
                   slurm::Item{std::vector<std::string>(5000, std::string(30, 'x')), 1.0}};
  CHECK_THROWS_WITH_AS(slurm::script_text(script, {}, ""),
                       doctest::Contains("--jobs 2 leaves 5000 names to one task"), InputError);
  script.shares[1].names.resize(3000);
  CHECK(slurm::script_text(script, {}, "").find("xxx xxx") != std::string::npos);
}

TEST_CASE("an array task is used by its position, and refused where that is not known") {
  CHECK(text_of("", "", "", "", "") == "none");
  CHECK(text_of("3", "", "", "", "") == "none");
  CHECK(text_of("0", "4", "0", "3", "1") == "0/4");
  CHECK(text_of("7", "4", "5", "8", "1") == "2/4");
  CHECK(text_of("8", "4", "0", "12", "4") == "2/4");
  CHECK(text_of("7", "1", "7", "7", "1") == "0/1");
  CHECK(text_of("2", "4", "", "", "") == "2/4");
  CHECK_THROWS_AS(text_of("4", "4", "0", "6", "1"), InputError);  // 0,4,5,6
  CHECK_THROWS_AS(text_of("1", "3", "1", "7", "1"), InputError);  // 1,3,7
  CHECK_THROWS_AS(text_of("9", "4", "0", "12", "4"), InputError);
  CHECK_THROWS_AS(text_of("x", "4", "0", "3", "1"), InputError);
  CHECK_THROWS_WITH_AS(text_of("3", "3", "1", "7", "1"),
                       "SLURM_ARRAY_TASK_ID: the array's 3 tasks from 1 to 7 have holes between "
                       "them, so that the place of task 3 among them is not known; number them "
                       "without holes (--array=0-2), or name this task's share with --shard I/N",
                       InputError);
}

TEST_CASE("a script says its options, keeps its user's lines and quotes what it is given") {
  Script script{.file = "1-known.sh", .about = "One.\nTwo.", .verb = "run", .flag = "--runs"};
  script.shares = {{{"RTE/bilevel(ei,ucb)/seed0/trial1", "RTE/swa/seed0/trial0"}, 1.0},
                   {{"it's/one"}, 1.0}};
  script.hours = 10.0;
  const std::string text =
      script_text(script, kSetting, "#SBATCH --partition=gpu\nmodule load x\n");
  CHECK(text ==
        R"(#!/usr/bin/env bash
# One.
# Two.
#SBATCH --job-name="study-1-known"
#SBATCH --array=0-1%4
#SBATCH --output="/scratch/100%%/study/slurm/1-known_%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@90
#SBATCH --time=0-15:15:00
# Yours from here: options and commands such as `module load`.
#SBATCH --partition=gpu
module load x
# Yours to here.
set -euo pipefail
cd /home/me
export RUNNER_RUNS=/scratch/me
share=(
  'RTE/bilevel(ei,ucb)/seed0/trial1 RTE/swa/seed0/trial0'
  'it'\''s/one'
)
names=${share[${SLURM_ARRAY_TASK_ID?submit this script with sbatch}]?this array has tasks 0 to 1}
exec '/opt/it'\''s here/runner' run '/home/me/a b.yaml' 'seeds=[1, 2]' --runs "$names"
)");
  CHECK(own_lines(text) == "#SBATCH --partition=gpu\nmodule load x\n");
  CHECK(own_lines("#!/bin/bash\n").empty());
}

TEST_CASE(
    "an option of sbatch takes the place of its earlier value, and what is decided is refused") {
  const std::string own =
      "#SBATCH --partition=gpu\n#SBATCH -t 10\nmodule load x\n#SBATCH --exclusive\n";
  CHECK(with_options(own, {}) == own);
  CHECK(with_options(own, {"--partition=a100", "--gres=gpu:1", "-t20", "--exclusive"}) ==
        "#SBATCH --partition=a100\n#SBATCH --gres=gpu:1\n#SBATCH -t20\n#SBATCH --exclusive\n"
        "module load x\n");
  CHECK_THROWS_WITH_AS(with_options("", {"--array=0-3"}),
                       "command line: --array=0-3 is not for `runner slurm`: the shares number the "
                       "tasks (--jobs N; --at-once N limits how many run)",
                       InputError);
  CHECK(options_of_place({"--partition=a", "--gres=gpu:1", "-Ame", "--mem=4G"}) ==
        std::vector<std::string>{"--partition=a", "-Ame"});
}
