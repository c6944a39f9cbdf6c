// The long form: libFuzzer over one target, which FUZZ_TARGET names (run.sh).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "targets.hpp"

using namespace runner::fuzz;

namespace {

const Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("FUZZ_TARGET");
  chosen = find_target(name == nullptr ? "" : name);
  if (chosen != nullptr) return 0;
  for (const Target& target : targets())
    std::printf("%-18s %s\n", target.name.data(), target.what.data());
  std::exit(name == nullptr ? 0 : 2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  accepts(*chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}
