#include "train/device_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <latch>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "io/error.hpp"

using namespace runner;
using namespace runner::train;

TEST_CASE("threads are dealt to devices evenly, each keeps its own, and what ends makes room") {
  const DevicePool pool(std::vector<Device>{{0}, {1}, {2}});
  CHECK(pool.mine().cuda == 0);
  for (int round = 0; round < 3; ++round) {
    std::map<int, int> threads;
    std::mutex mutex;
    std::latch seated(5);
    {
      std::vector<std::jthread> workers;
      for (int i = 0; i < 5; ++i) {
        workers.emplace_back([&] {
          const int mine = pool.mine().cuda;
          seated.arrive_and_wait();
          const std::lock_guard lock(mutex);
          CHECK(pool.mine().cuda == mine);
          ++threads[mine];
        });
      }
    }
    CHECK(threads == std::map<int, int>{{0, 1}, {1, 2}, {2, 2}});  // with this thread two each
    CHECK(pool.mine().cuda == 0);
  }
  const DevicePool other(std::vector<Device>(1));
  CHECK(other.mine().is_cpu());
}

TEST_CASE("several devices are named with commas, and are of one kind") {
  CHECK(resolve_devices("cpu").size() == 1);
  CHECK(resolve_devices("cpu,cpu").size() == 2);
  CHECK_THROWS_AS(resolve_devices("cpu,"), InputError);
  if (!resolve_device("auto").is_cpu()) {
    CHECK(resolve_devices("cuda:all").front().cuda == 0);
    CHECK_THROWS_AS(resolve_devices("cuda:0,cpu"), InputError);
  } else {
    CHECK_THROWS_AS(resolve_devices("cuda:all"), InputError);
  }
}
