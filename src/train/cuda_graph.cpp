// The one unit that sees CUDA's headers, where src/CMakeLists.txt has found them.
#include "train/cuda_graph.hpp"

#ifdef RUNNER_CUDA_GRAPHS
#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/util/Exception.h>

#include <memory>

#include "model/ops_dropout.hpp"
#include "train/at_device.hpp"

namespace runner::train {
namespace {

using at::cuda::CUDAGraph;

void record(CUDAGraph& graph, c10::DeviceIndex device, at::cuda::MempoolId_t pool,
            const std::function<void()>& work) {
  try {
    // Relaxed: other threads go on with what a stricter mode forbids them meanwhile.
    graph.capture_begin(pool, cudaStreamCaptureModeRelaxed);
    work();
    graph.capture_end();
  } catch (...) {
    // Stream and allocator are to serve what goes on without graphs.
    try {
      graph.capture_end();
    } catch (const c10::Error&) {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool);
    }
    throw;
  }
}

}  // namespace

bool has_cuda_graphs() { return true; }

Recorder cuda_recorder(const Device& gpu) {
  const at::Device device = at_device(gpu);
  // Graphs read seed and offset from memory on the device that belongs to the generator's state:
  // with one state for all threads a replay would overwrite another's.
  const at::Generator own = at::globalContext().defaultGenerator(device).clone();
  const at::cuda::MempoolId_t pool = at::cuda::graph_pool_handle();
  return [=](const std::function<void()>& work) -> Replay {
    auto graph = std::make_unique<CUDAGraph>();
    try {
      const model::LentGenerator lent(own, device);
      record(*graph, device.index(), pool, work);
    } catch (...) {
      // Kept for good: an allocator that was not told of the end asks it which streams it records.
      static_cast<void>(graph.release());
      throw;
    }
    const std::shared_ptr<CUDAGraph> whole = std::move(graph);
    return [whole, own](std::uint64_t seed) {
      at::Generator generator = own;
      generator.set_current_seed(seed);
      whole->replay();
    };
  };
}

}  // namespace runner::train

#else

namespace runner::train {

bool has_cuda_graphs() { return false; }
Recorder cuda_recorder(const Device&) { return {}; }

}  // namespace runner::train

#endif
