#include "cli/engine.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "cli/machine.hpp"
#include "io/error.hpp"

// The shared object, put here by the linker (src/CMakeLists.txt).
extern "C" const char runner_engine_begin[];
extern "C" const char runner_engine_end[];

namespace runner::cli {
namespace fs = std::filesystem;

namespace {

// Closes the file it is made of; the loader keeps its own mapping.
class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  // Fills it with the engine. False, with the reason in errno, when it cannot.
  bool fill() const {
    for (const char* at = runner_engine_begin; at < runner_engine_end;) {
      const ssize_t wrote =
          ::write(descriptor_, at, static_cast<std::size_t>(runner_engine_end - at));
      if (wrote <= 0) return false;
      at += wrote;
    }
    return true;
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// The loader takes files only. These answer null, and say in `problem` why.
void* load_from(const std::string& path, std::string& problem) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) problem = ::dlerror();
  return library;
}

void* load_from_memory(std::string& problem) {
  const OpenFile file(::memfd_create("runner-engine", MFD_CLOEXEC));
  if (file.descriptor() < 0 || !file.fill()) {
    problem = fmt::format("a file in memory: {}", std::strerror(errno));
    return nullptr;
  }
  return load_from(fmt::format("/proc/self/fd/{}", file.descriptor()), problem);
}

// Where files in memory may not be executed, or /proc is missing: one on disk for as long as the
// loader needs to map it.
void* load_from_disk(std::string& problem) {
  const char* const folder = std::getenv("TMPDIR");
  std::string path =
      (fs::path(folder == nullptr ? "/tmp" : folder) / "runner-engine-XXXXXX").string();
  const OpenFile file(::mkostemp(path.data(), O_CLOEXEC));
  if (file.descriptor() < 0) {
    problem = fmt::format("{}: {}", path, std::strerror(errno));
    return nullptr;
  }
  void* library = nullptr;
  if (file.fill()) {
    library = load_from(path, problem);
  } else {
    problem = fmt::format("{}: {}", path, std::strerror(errno));
  }
  ::unlink(path.c_str());
  return library;
}

// The LibTorch that LIBTORCH names, for good: the engine, which needs libraries of these names, is
// then served by it wherever the loader would have looked.
void load_named_libtorch() {
  const char* const folder = std::getenv("LIBTORCH");
  if (folder == nullptr || *folder == '\0') return;
  std::string problem;
  // It needs all the others, those for CUDA where there are any.
  const fs::path library = fs::absolute(folder) / "lib" / "libtorch.so";
  if (load_from(library.string(), problem) == nullptr) {
    throw InputError(fmt::format("cannot load the LibTorch that LIBTORCH names: {}", problem));
  }
}

void check_bf16_products() {
  const char* const named = std::getenv("RUNNER_BF16");
  if (named == nullptr || bf16_products() == named) return;
  throw InputError(fmt::format(
      "RUNNER_BF16: '{}' is none of AMX, AVX512_BF16 and oneDNN, or this processor does "
      "not have it; without the variable {} would serve here",
      named, bf16_products()));
}

const lab::Engine* load() {
  check_bf16_products();
  load_named_libtorch();
  std::string in_memory, on_disk;
  void* library = load_from_memory(in_memory);
  if (library == nullptr) library = load_from_disk(on_disk);
  if (library == nullptr) {
    throw InputError(fmt::format("cannot load LibTorch: {}{}{}; LIBTORCH=DIR names an unpacked one",
                                 in_memory, on_disk == in_memory ? "" : "; ",
                                 on_disk == in_memory ? "" : on_disk));
  }
  const auto entry = reinterpret_cast<const lab::Engine* (*)()>(::dlsym(library, "runner_engine"));
  return entry();
}

}  // namespace

void limit_spinning() {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "10000", 0);
}

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
