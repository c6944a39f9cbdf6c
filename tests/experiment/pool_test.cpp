#include "experiment/pool.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace runner::experiment;

namespace {

void check(const Pool& pool, int workers, int threads) {
  CHECK(pool.workers == workers);
  CHECK(pool.threads == threads);
}

}  // namespace

TEST_CASE("many cells go one per core, a few that do not divide evenly go one after another") {
  constexpr int kPlenty = 1000;
  check(choose_pool(1, 50, 50, kPlenty), 1, 1);
  check(choose_pool(2, 0, 0, kPlenty), 1, 1);
  check(choose_pool(2, 1, 1, kPlenty), 1, 2);
  check(choose_pool(2, 2, 2, kPlenty), 2, 1);
  check(choose_pool(2, 3, 3, kPlenty), 1, 2);  // 2 rounds of one thread, or 1.66 of two
  check(choose_pool(2, 4, 2, kPlenty), 2, 1);
  check(choose_pool(2, 63, 9, kPlenty), 2, 1);
  check(choose_pool(16, 3, 3, kPlenty), 3, 5);
  check(choose_pool(16, 500, 100, kPlenty), 16, 1);
}

TEST_CASE("cells that share training runs are not worked on at once") {
  check(choose_pool(2, 50, 1, 1000), 1, 2);
  check(choose_pool(16, 400, 4, 1000), 4, 4);
}

TEST_CASE("memory bounds the cells at once, and the cores go to those that fit") {
  check(choose_pool(2, 50, 50, 1), 1, 2);
  check(choose_pool(16, 600, 500, 3), 3, 5);
  check(choose_pool(16, 500, 500, 4), 4, 4);
}

TEST_CASE("no pool has more threads than there are cores, nor more cells than asked for") {
  for (int cores = 1; cores <= 64; ++cores)
    for (int cells = 1; cells <= 70; ++cells)
      for (const int groups : {1, 3, 100})
        for (const int most : {1, 2, 7, 100}) {
          const Pool pool = choose_pool(cores, cells, groups, most);
          REQUIRE(pool.workers >= 1);
          REQUIRE(pool.threads >= 1);
          REQUIRE(pool.workers * pool.threads <= cores);
          REQUIRE(pool.workers <= groups);
          REQUIRE(pool.workers <= most);
        }
}
