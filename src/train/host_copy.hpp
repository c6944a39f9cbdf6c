#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <future>
#include <optional>
#include <vector>

namespace runner::train {

// A tensor's values on their way to the host. On a GPU the copy into pinned memory is queued, and
// only wait() waits for it; a CPU's tensor is taken as it is.
class HostCopy {
 public:
  enum class Stream {
    current,  // behind what is queued so far
    side,     // likewise, but nothing that is queued afterwards waits for it
  };
  // `source` is contiguous and must not be written to before the copy is done.
  explicit HostCopy(at::Tensor source, Stream stream = Stream::current);
  ~HostCopy();
  HostCopy(const HostCopy&) = delete;
  HostCopy& operator=(const HostCopy&) = delete;

  // The values on the host, in source's shape and dtype.
  const at::Tensor& wait();

 private:
  at::Tensor source_, host_;
  std::optional<c10::Event> done_;  // a GPU's
};

// The weights [n] fp32 as they are when what is queued so far is done: copied on the device, then
// brought to the host by a side stream and a thread of their own while training goes on.
std::future<std::vector<float>> copy_later(const at::Tensor& weights);

}  // namespace runner::train
