#pragma once

#include <cstdint>
#include <functional>

#include "train/device.hpp"

namespace runner::train {

// Does again what was recorded, with dropout drawn from `seed`.
using Replay = std::function<void(std::uint64_t seed)>;
// Records what `work` queues on the calling thread's stream, not the default one, without doing it:
// no operator in it may wait for the device, and its memory is fixed. Throws c10::Error when `work`
// cannot be recorded.
using Recorder = std::function<Replay(const std::function<void()>& work)>;

// Whether this build can record, for which it needs a LibTorch with CUDA and CUDA's headers.
bool has_cuda_graphs();

// Records CUDA graphs, whose memory is shared: they are for one thread, one after the other. Empty
// without has_cuda_graphs().
Recorder cuda_recorder(const Device& gpu);

}  // namespace runner::train
