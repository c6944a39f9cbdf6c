#include <ATen/ops/empty.h>

#include <algorithm>

#include "model/network.hpp"

namespace runner::model {

at::Tensor Arena::take(at::IntArrayRef shape, at::ScalarType dtype) {
  constexpr std::int64_t kBlock = std::int64_t{32} << 20;
  constexpr std::int64_t kAlignment = 128;
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  const std::int64_t bytes = count * static_cast<std::int64_t>(c10::elementSize(dtype));
  const std::int64_t room = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (mark_.block < blocks_.size() && mark_.used + room > blocks_[mark_.block].numel())
    mark_ = {mark_.block + 1, 0};
  if (mark_.block == blocks_.size())
    blocks_.push_back(
        at::empty({std::max(room, kBlock)}, at::TensorOptions(device_).dtype(at::kByte)));
  const at::Tensor part = blocks_[mark_.block].narrow(0, mark_.used, bytes).view(dtype).view(shape);
  mark_.used += room;
  return part;
}

}  // namespace runner::model
