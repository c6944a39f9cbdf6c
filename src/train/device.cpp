#include "train/device.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "io/error.hpp"

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

// The smallest quota on the path from this process's cgroup up to the root.
std::optional<int> cgroup_cores() {
  std::optional<int> cores;
  const auto take = [&](const std::optional<int>& quota) {
    if (quota) cores = std::min(cores.value_or(*quota), *quota);
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      take(quota_in(root + (path == "/" ? "" : path)));
      if (path.find_last_of('/') == std::string::npos || path == "/" || path.empty()) break;
    }
  }
  return cores;
}

}  // namespace

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

int auto_threads() {
  int threads = affinity_count();
  if (const auto cores = cgroup_cores()) threads = std::min(threads, *cores);
  if (const char* slurm = std::getenv("SLURM_CPUS_PER_TASK"))
    if (const auto cores = to_int(slurm)) threads = std::min(threads, *cores);
  return std::max(1, threads);
}

void set_threads(int threads) { at::set_num_threads(std::max(1, threads)); }

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
  const at::Device gpu(at::kCUDA, static_cast<c10::DeviceIndex>(device.cuda));
  backend.setDevice(gpu);
  backend.exchangeStream(backend.getStreamFromGlobalPool(gpu));
  streamed = device.cuda;
}

void wait_for(const Device& device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(at::kCUDA).synchronizeDevice(
      static_cast<c10::DeviceIndex>(device.cuda));
}

}  // namespace runner::train
