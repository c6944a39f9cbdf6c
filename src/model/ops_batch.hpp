#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/ops.hpp"

namespace runner::model {

// Small arrays that go to a device together: gathered in one host buffer, pinned for a GPU, and
// copied in one piece without waiting for it. ATen keeps the pinned buffer from reuse until the
// copy is done.
class Upload {
 public:
  // The number by which at() hands the array out.
  std::size_t add(std::span<const std::int64_t> values);
  std::size_t add(std::span<const std::int32_t> values);
  std::size_t add(std::span<const float> values);
  // Into `room` on the device, where it is given: its memory stays, and is made by the first send.
  void send(at::Device device, at::Tensor* room = nullptr);
  // [its length] int64, int32 or fp32 on the device; after send().
  at::Tensor at(std::size_t number) const;

 private:
  struct Part {
    at::ScalarType type;
    std::int64_t begin, bytes;
  };
  std::size_t add_bytes(at::ScalarType type, const void* values, std::size_t bytes);

  std::vector<std::byte> bytes_;
  std::vector<Part> parts_;
  at::Tensor sent_;
};

// The batch for ATen's operators on `device`, in one copy; `host` must outlive it. The tables' rows
// [tokens] are left out where they are empty. `room` as Upload::send has it: batches of as many
// rows and tokens lie there in the same way.
DeviceBatch upload_batch(const PackedBatch& host, at::Device device, TableRows words,
                         TableRows positions, TableRows types, at::Tensor* room = nullptr);

}  // namespace runner::model
