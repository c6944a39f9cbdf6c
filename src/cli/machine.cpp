#include "cli/machine.hpp"

#include "io/file.hpp"
#include "kernels/machine.hpp"

namespace runner::cli {

std::string cpu_name() {
  const std::string text = io::read_file("/proc/cpuinfo");
  constexpr std::string_view kKey = "model name\t: ";
  const std::size_t at = text.find(kKey);
  if (at == std::string::npos) return "unknown";
  return text.substr(at + kKey.size(), text.find('\n', at) - at - kKey.size());
}

std::string bf16_products() {
  const std::string_view own = kernels::bf16_products();
  return own.empty() ? "oneDNN" : std::string(own);
}

}  // namespace runner::cli
