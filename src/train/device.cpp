#include "train/device.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "io/error.hpp"
#include "train/at_device.hpp"

namespace runner::train {
namespace {

std::optional<int> to_int(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Cores of one quota "max|MICROSECONDS PERIOD", rounded up.
std::optional<int> quota_cores(double quota, double period) {
  if (!(quota > 0.0) || !(period > 0.0)) return std::nullopt;
  return static_cast<int>(std::ceil(quota / period));
}

std::optional<int> quota_in(const std::string& folder) {
  double quota = 0.0, period = 0.0;
  std::string text;
  if (std::ifstream v2(folder + "/cpu.max"); v2 >> text >> period)  // cgroup v2
    return text == "max" ? std::nullopt : quota_cores(std::strtod(text.c_str(), nullptr), period);
  std::ifstream v1(folder + "/cpu.cfs_quota_us"), v1_period(folder + "/cpu.cfs_period_us");
  return v1 >> quota && v1_period >> period ? quota_cores(quota, period) : std::nullopt;
}

// Bytes of one limit, a number; "max" is none.
std::optional<double> limit_in(const std::string& folder) {
  for (const char* name : {"/memory.max", "/memory.limit_in_bytes"}) {  // cgroup v2, v1
    double bytes = 0.0;
    if (std::ifstream file(folder + name); file >> bytes) return bytes;
  }
  return std::nullopt;
}

// The smallest of what `read` finds in the folders on the path from this process's cgroup up to the
// root; nothing when it finds none.
template <typename Read>
auto least_of_cgroups(const std::string& controller, Read read) {
  decltype(read(std::string())) least;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find(controller) == std::string::npos) continue;
    const std::string root = "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controller);
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      const auto value = read(root + (path == "/" ? "" : path));
      if (value && (!least || *value < *least)) least = value;
      if (path.find_last_of('/') == std::string::npos || path == "/" || path.empty()) break;
    }
  }
  return least;
}

}  // namespace

bool libtorch_has_cuda() { return c10::impl::hasDeviceGuardImpl(at::kCUDA); }

Device resolve_device(std::string_view text) {
  const auto count = static_cast<int>(at::getNumGPUs());
  if (text == "cpu") return {};
  if (text == "auto") return {count > 0 ? 0 : -1};
  std::optional<int> index;
  if (text == "cuda") index = 0;
  if (text.starts_with("cuda:")) index = to_int(text.substr(5));
  if (!index || *index < 0)
    throw InputError(fmt::format("device '{}': auto, cpu, cuda or cuda:N is needed", text));
  if (*index >= count)
    throw InputError(
        fmt::format("device '{}': this machine and LibTorch offer {} CUDA device(s)", text, count));
  return {*index};
}

std::vector<Device> resolve_devices(std::string_view text) {
  std::vector<Device> devices;
  if (text == "cuda:all") {
    const auto count = static_cast<int>(at::getNumGPUs());
    for (int index = 0; index < count; ++index) devices.push_back({index});
    if (!devices.empty()) return devices;
    throw InputError("device 'cuda:all': this machine and LibTorch offer no CUDA device");
  }
  for (;;) {
    const std::size_t comma = text.find(',');
    devices.push_back(resolve_device(text.substr(0, comma)));
    if (devices.back().is_cpu() != devices.front().is_cpu()) {
      throw InputError("device: a run computes on CPUs or on GPUs, not on both");
    }
    if (comma == text.npos) return devices;
    text.remove_prefix(comma + 1);
  }
}

int auto_threads() {
  int threads = affinity_count();
  if (const auto cores = least_of_cgroups("cpu", quota_in)) threads = std::min(threads, *cores);
  if (const char* slurm = std::getenv("SLURM_CPUS_PER_TASK"))
    if (const auto cores = to_int(slurm)) threads = std::min(threads, *cores);
  return std::max(1, threads);
}

double auto_memory() {
  double bytes =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (const auto limit = least_of_cgroups("memory", limit_in)) bytes = std::min(bytes, *limit);
  if (const char* slurm = std::getenv("SLURM_MEM_PER_NODE"))
    if (const auto megabytes = to_int(slurm); megabytes && *megabytes > 0)  // 0: all of the node's
      bytes = std::min(bytes, *megabytes * 1048576.0);
  return bytes;
}

void set_threads(int threads) {
  at::set_num_threads(std::max(1, threads));
  // LibTorch's functions of many numbers are MKL's, which sets itself up in its first call; what
  // another thread asks of it meanwhile is answered with its lowest accuracy (tanh: 5e-5, not
  // 1e-7). So the first calls are over before any thread of a run can make one.
  [[maybe_unused]] static const bool over = at::zeros({1}).tanh().exp().defined();
}

void prepare_device(const Device& device, bool deterministic) {
  if (device.is_cpu()) return;
  at::Context& context = at::globalContext();
  context.setAllowBF16ReductionCuBLAS(false);
  context.setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
  // Else every empty tensor would be filled as well.
  context.setDeterministicFillUninitializedMemory(false);
  // cuBLAS reads it when a thread first multiplies: with workspaces of one size it takes the same
  // algorithm every time. What the user has set stays.
  if (deterministic) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

void use_own_stream(const Device& device) {
  thread_local int streamed = -1;
  if (device.is_cpu() || streamed == device.cuda) return;
  const c10::impl::VirtualGuardImpl backend(at::kCUDA);
  const at::Device gpu = at_device(device);
  backend.setDevice(gpu);
  wait_for(device);
  backend.exchangeStream(backend.getStreamFromGlobalPool(gpu));
  streamed = device.cuda;
}

void wait_for(const Device& device) {
  if (device.is_cpu()) return;
  const at::Device gpu = at_device(device);
  c10::impl::VirtualGuardImpl(at::kCUDA).getStream(gpu).synchronize();
}

}  // namespace runner::train
