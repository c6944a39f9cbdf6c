#include "model/flat_buffer.hpp"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace runner::model {

FlatBuffer::FlatBuffer(std::int64_t floats) : size_(floats) {
  if (floats == 0) return;
  void* mapped = ::mmap(nullptr, static_cast<std::size_t>(floats) * sizeof(float),
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<float*>(mapped);
}

FlatBuffer::~FlatBuffer() {
  if (data_ != nullptr) ::munmap(data_, static_cast<std::size_t>(size_) * sizeof(float));
}

FlatBuffer::FlatBuffer(FlatBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

FlatBuffer& FlatBuffer::operator=(FlatBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace runner::model
