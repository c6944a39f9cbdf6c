#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "train/device.hpp"

namespace runner::train {

// The devices of a process, dealt to its threads: each keeps to one as long as it lives, so that a
// run's weights, stream and graphs are in one place, and takes the one that the fewest others have.
class DevicePool {
 public:
  explicit DevicePool(std::vector<Device> devices);  // at least one, all of one kind

  const std::vector<Device>& all() const { return devices_; }
  // The calling thread's.
  const Device& mine() const;

 private:
  struct Seats;
  struct Seat;
  std::vector<Device> devices_;
  std::shared_ptr<Seats> seats_;
};

}  // namespace runner::train
