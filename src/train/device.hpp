#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace runner::train {

// Where a model lives: {-1} is the CPU, else a CUDA device's index.
struct Device {
  int cuda = -1;
  bool is_cpu() const { return cuda < 0; }
  std::string name() const {  // "cpu", "cuda:0"
    return is_cpu() ? "cpu" : "cuda:" + std::to_string(cuda);
  }
};

// Whether this LibTorch computes on GPUs, be there any here or not.
bool libtorch_has_cuda();

// auto | cpu | cuda | cuda:N; auto takes cuda:0 where there is one. Throws InputError when the text
// is none of these or the device is not there.
Device resolve_device(std::string_view text);

// The same for several, with commas between them; cuda:all is every GPU that there is. Throws as
// that, and where they are of two kinds.
std::vector<Device> resolve_devices(std::string_view text);

// Cores that this process may use: the smallest of its affinity mask, its cgroup's CPU quota
// (rounded up) and SLURM_CPUS_PER_TASK. At least 1.
int auto_threads();

// Memory that this process may use, in bytes: the smallest of the machine's, its cgroup's limit and
// SLURM_MEM_PER_NODE.
double auto_memory();

// Threads of the calling thread's own parallel regions (matrix products and kernels). Every thread
// that computes calls it first.
void set_threads(int threads);

// Before the first work on a GPU, once for the process: whether the same work must give the same
// bits. Sums of bf16 products are in fp32 either way. Nothing to do for a CPU, which always does.
void prepare_device(const Device& device, bool deterministic);

// Gives the calling thread a stream of its own on a GPU, so that several threads' work overlaps
// there. Once per thread; further calls keep the stream.
void use_own_stream(const Device& device);

// Waits until a GPU has done what the calling thread gave it. For all threads' work it could not be
// waited while one of them records a graph.
void wait_for(const Device& device);

}  // namespace runner::train
