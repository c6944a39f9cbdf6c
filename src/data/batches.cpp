#include "data/batches.hpp"

#include <algorithm>
#include <numeric>

#include "random/philox.hpp"

namespace runner::data {

std::vector<std::vector<int>> training_batches(std::span<const int> lengths, int batch_size,
                                               std::uint64_t seed, int epoch,
                                               bool group_by_length) {
  constexpr std::size_t kBatchesPerPiece = 50;
  const auto length = [&](int row) { return lengths[static_cast<std::size_t>(row)]; };
  const auto size = static_cast<std::size_t>(batch_size);
  random::Stream stream(random::derive(seed, "order", static_cast<std::uint64_t>(epoch)));
  std::vector<int> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  stream.shuffle(order);

  if (group_by_length) {
    // Hugging Face's rule: at least four pieces, as far as there are batches for them.
    const std::size_t batches =
        std::clamp<std::size_t>(order.size() / (size * 4), 1, kBatchesPerPiece);
    for (std::size_t begin = 0; begin < order.size(); begin += batches * size) {
      const std::size_t end = std::min(begin + batches * size, order.size());
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                       order.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](int a, int b) { return length(a) > length(b); });
    }
  }

  std::vector<std::vector<int>> plan;
  for (std::size_t begin = 0; begin < order.size(); begin += size) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
    plan.emplace_back(first,
                      first + static_cast<std::ptrdiff_t>(std::min(size, order.size() - begin)));
  }
  if (group_by_length && plan.size() > 1) {
    const bool short_last = plan.back().size() < size;
    std::span<std::vector<int>> full(plan.data(), plan.size() - (short_last ? 1 : 0));
    stream.shuffle(full);
    std::ranges::iter_swap(full.begin(), std::ranges::max_element(full, {}, [&](const auto& rows) {
                             return length(rows.front());
                           }));
  }
  return plan;
}

std::vector<std::vector<int>> batches_by_length(std::span<const int> lengths, std::int64_t tokens) {
  const auto length = [&](int row) { return lengths[static_cast<std::size_t>(row)]; };
  std::vector<int> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{}, length);
  std::vector<std::vector<int>> batches;
  std::int64_t filled = tokens;
  for (const int row : order) {
    if (filled >= tokens) {
      batches.emplace_back();
      filled = 0;
    }
    batches.back().push_back(row);
    filled += length(row);
  }
  return batches;
}

}  // namespace runner::data
