#include "cli/engine.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/error.hpp"

// The shared object, put here by the linker (src/CMakeLists.txt).
extern "C" const char runner_engine_begin[];
extern "C" const char runner_engine_end[];

namespace runner::cli {
namespace {

// The loader takes files only: one in memory serves.
const lab::Engine* load() {
  const int file = ::memfd_create("runner-engine", MFD_CLOEXEC);
  const char* at = runner_engine_begin;
  while (file >= 0 && at < runner_engine_end) {
    const ssize_t wrote = ::write(file, at, static_cast<std::size_t>(runner_engine_end - at));
    if (wrote <= 0) break;
    at += wrote;
  }
  if (at != runner_engine_end) throw InputError("no memory to unpack the training engine into");
  void* const library =
      ::dlopen(fmt::format("/proc/self/fd/{}", file).c_str(), RTLD_NOW | RTLD_LOCAL);
  ::close(file);
  if (library == nullptr) {
    throw InputError(fmt::format("cannot load LibTorch: {}", ::dlerror()));
  }
  const auto entry = reinterpret_cast<const lab::Engine* (*)()>(::dlsym(library, "runner_engine"));
  return entry();
}

}  // namespace

const lab::Engine& engine() {
  static const lab::Engine* const kEngine = load();
  return *kEngine;
}

std::jthread load_engine_ahead() {
  return std::jthread([] {
    try {
      engine();
    } catch (const InputError&) {
    }
  });
}

}  // namespace runner::cli
