#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"

namespace runner::model {

// One tensor of a safetensors file; the view lives as long as the file object.
struct TensorView {
  std::string name;
  std::string dtype;  // as written: F32, F16, BF16, I64, ...
  std::vector<std::int64_t> shape;
  std::string_view bytes;  // row-major, little endian

  std::int64_t elements() const;
};

// A safetensors file (https://github.com/huggingface/safetensors#format), mapped and checked whole:
// header length, JSON, duplicate names, dtypes, shapes against sizes, ranges, overlaps and holes.
class Safetensors {
 public:
  explicit Safetensors(const std::filesystem::path& path);  // throws InputError
  const std::filesystem::path& path() const { return path_; }
  std::span<const TensorView> tensors() const { return tensors_; }  // by offset

 private:
  std::filesystem::path path_;
  io::MappedFile file_;
  std::vector<TensorView> tensors_;
};

// The tensor's values as fp32; `out` has elements() floats. Returns the number of values that are
// NaN or infinite. False dtype (other than F32, F16, BF16) is the caller's to exclude.
bool is_float(const TensorView& tensor);
std::int64_t read_floats(const TensorView& tensor, std::span<float> out);

struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
};

// Writes F32 tensors atomically, in the order given.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors);

}  // namespace runner::model
