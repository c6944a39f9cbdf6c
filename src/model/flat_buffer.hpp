#pragma once

#include <cstdint>
#include <span>

namespace runner::model {

// Zeroed floats on pages of their own: aligned, and a page that nobody writes costs no memory (the
// moments of embedding rows that never occur).
class FlatBuffer {
 public:
  FlatBuffer() = default;
  explicit FlatBuffer(std::int64_t floats);  // std::bad_alloc
  ~FlatBuffer();
  FlatBuffer(FlatBuffer&& other) noexcept;
  FlatBuffer& operator=(FlatBuffer&& other) noexcept;

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::span<float> span() { return {data_, static_cast<std::size_t>(size_)}; }
  std::span<const float> span() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  float* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace runner::model
