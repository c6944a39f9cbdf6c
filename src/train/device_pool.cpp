#include "train/device_pool.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace runner::train {

// Threads at each device. It outlives the pool in the threads that still have a seat.
struct DevicePool::Seats {
  explicit Seats(std::size_t devices) : taken(devices) {}
  std::mutex mutex;
  std::vector<int> taken;
};

struct DevicePool::Seat {
  Seat() = default;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { leave(); }

  void leave() {
    if (seats == nullptr) return;
    const std::lock_guard lock(seats->mutex);
    --seats->taken[place];
  }
  void take(const std::shared_ptr<Seats>& from) {
    if (seats == from) return;
    leave();
    seats = from;
    const std::lock_guard lock(seats->mutex);
    place = static_cast<std::size_t>(std::ranges::min_element(seats->taken) - seats->taken.begin());
    ++seats->taken[place];
  }

  std::shared_ptr<Seats> seats{};
  std::size_t place = 0;
};

DevicePool::DevicePool(std::vector<Device> devices)
    : devices_(std::move(devices)), seats_(std::make_shared<Seats>(devices_.size())) {}

const Device& DevicePool::mine() const {
  thread_local Seat seat;
  seat.take(seats_);
  return devices_[seat.place];
}

}  // namespace runner::train
