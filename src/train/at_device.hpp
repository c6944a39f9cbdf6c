#pragma once

#include <c10/core/Device.h>

#include "train/device.hpp"

namespace runner::train {

// LibTorch's name for a device.
inline at::Device at_device(const Device& device) {
  return device.is_cpu() ? at::Device(at::kCPU)
                         : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device.cuda));
}

}  // namespace runner::train
