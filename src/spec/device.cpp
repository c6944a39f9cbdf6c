#include "spec/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace runner::spec {
namespace {

constexpr std::string_view kCuda = "cuda:";

bool is_one_gpu(std::string_view text) {
  constexpr std::size_t kDigits = 2;
  return text.starts_with(kCuda) && text.size() > kCuda.size() &&
         text.size() <= kCuda.size() + kDigits &&
         text.find_first_not_of("0123456789", kCuda.size()) == text.npos;
}

}  // namespace

std::optional<std::string> read_device(const Node& node, Problems& problems) {
  if (node.kind != Node::Kind::list) {
    const auto text = read_text(node, "device", problems);
    if (!text || *text == "auto" || *text == "cpu" || *text == "cuda:all" || is_one_gpu(*text)) {
      return text;
    }
    problems.add(
        node.place,
        fmt::format("device: '{}' is neither auto, cpu, cuda:N, cuda:all nor a list of cuda:N",
                    *text));
    return std::nullopt;
  }
  std::vector<std::string> gpus;
  for (const Node* const item : read_list(node, "device", problems)) {
    const auto text = read_text(*item, "device", problems);
    if (!text) return std::nullopt;
    if (!is_one_gpu(*text)) {
      problems.add(item->place,
                   fmt::format("device: '{}' is not cuda:N; a list is of GPUs", *text));
      return std::nullopt;
    }
    if (std::ranges::find(gpus, *text) != gpus.end()) {
      problems.add(item->place, fmt::format("device: {} is listed twice; trials_per_device is how "
                                            "much goes on at once on each",
                                            *text));
      return std::nullopt;
    }
    gpus.push_back(*text);
  }
  if (gpus.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(gpus, ","));
}

std::string written_device(std::string_view device) {
  if (device.find(',') == device.npos) return std::string(device);
  std::string list = "[";
  for (const char c : device) {
    list += c;
    if (c == ',') list += ' ';
  }
  return list + "]";
}

std::string device_kind(std::string_view device) {
  return std::string(device.substr(0, device.find_first_of(":,")));
}

}  // namespace runner::spec
