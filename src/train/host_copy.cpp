#include "train/host_copy.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <memory>
#include <utility>

namespace runner::train {

HostCopy::HostCopy(at::Tensor source, Stream stream) : source_(std::move(source)) {
  const c10::InferenceMode guard;
  if (source_.is_cpu()) {
    host_ = source_;
    return;
  }
  host_ = at::empty(source_.sizes(), source_.options().device(at::kCPU).pinned_memory(true));
  const at::Device device = source_.device();
  const c10::impl::VirtualGuardImpl backend(device.type());
  const c10::Stream current = backend.getStream(device);
  done_.emplace(device.type());
  if (stream == Stream::current) {
    host_.copy_(source_, /*non_blocking=*/true);
    done_->record(current);
    return;
  }
  // Of the urgent ones, none of which is a thread's own: a graph that is recorded there would take
  // the copy in.
  const c10::Stream side = backend.getStreamFromGlobalPool(device, /*isHighPriority=*/true);
  c10::Event ready(device.type());
  ready.record(current);
  ready.block(side);
  const c10::StreamGuard on_side(side);
  host_.copy_(source_, /*non_blocking=*/true);
  done_->record(side);
}

// The allocators may give both memories away again once they are let go.
HostCopy::~HostCopy() {
  try {
    wait();
  } catch (const c10::Error&) {
    // The device has failed; whoever uses it next hears of it.
  }
}

const at::Tensor& HostCopy::wait() {
  if (done_) {
    done_->synchronize();
    done_.reset();
  }
  source_.reset();
  return host_;
}

std::future<std::vector<float>> copy_later(const at::Tensor& weights) {
  const c10::InferenceMode guard;
  auto copy = std::make_shared<HostCopy>(weights.clone(), HostCopy::Stream::side);
  return std::async(std::launch::async, [copy] {
    const at::Tensor& host = copy->wait();
    const auto* values = static_cast<const float*>(host.const_data_ptr());
    return std::vector<float>(values, values + host.numel());
  });
}

}  // namespace runner::train
