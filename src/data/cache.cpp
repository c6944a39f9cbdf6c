#include "data/cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "io/file.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

// File: magic, 32 hex digits (content hash of all that follows), then the fields of EncodedSplit,
// each vector as its int64 size and its elements, in the machine's (little-endian) order.
constexpr std::string_view kMagic = "runner-tokens-2\n";
constexpr std::size_t kHashDigits = 32;

template <typename T>
void put(std::string& bytes, const std::vector<T>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
bool take(std::string_view& bytes, std::vector<T>& values) {
  std::int64_t count = 0;
  if (bytes.size() < sizeof count) return false;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes.remove_prefix(sizeof count);
  if (count < 0 || static_cast<std::uint64_t>(count) > bytes.size() / sizeof(T)) return false;
  values.resize(static_cast<std::size_t>(count));
  if (count > 0) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  bytes.remove_prefix(values.size() * sizeof(T));
  return true;
}

std::string to_bytes(const EncodedSplit& split) {
  std::string payload;
  put(payload, split.ids);
  put(payload, split.types);
  put(payload, split.offsets);
  put(payload, split.labels);
  put(payload, std::vector{split.truncated_rows, split.skipped_rows});
  return std::string(kMagic) + io::content_hash(payload) + payload;
}

// False when the bytes are not exactly what to_bytes wrote.
bool from_bytes(std::string_view bytes, EncodedSplit& split) {
  if (!bytes.starts_with(kMagic)) return false;
  bytes.remove_prefix(kMagic.size());
  const std::string_view hash = bytes.substr(0, kHashDigits);
  bytes.remove_prefix(hash.size());
  if (io::content_hash(bytes) != hash) return false;
  std::vector<std::int64_t> left_out;
  if (!take(bytes, split.ids) || !take(bytes, split.types) || !take(bytes, split.offsets) ||
      !take(bytes, split.labels) || !take(bytes, left_out) || left_out.size() != 2) {
    return false;
  }
  split.truncated_rows = left_out[0];
  split.skipped_rows = left_out[1];
  return bytes.empty();
}

// Everything in the table or the spec that decides how a file's bytes are read.
std::string reading_rules(const Task& task, const SplitFile& split) {
  // Lengths keep two different lists from reading the same.
  const auto text = [](std::string_view value) {
    return fmt::format("{}:{} ", value.size(), value);
  };
  std::string rules =
      fmt::format("{} {} {} {} {} {} ", task.regression, task.skip_malformed_rows,
                  static_cast<int>(split.format), split.quoting, split.header, split.label_column);
  rules += text(split.label_field);
  rules += fmt::format("columns {} ", split.text_columns.size());
  for (const int column : split.text_columns) rules += fmt::format("{} ", column);
  rules += fmt::format("fields {} ", split.text_fields.size());
  for (const std::string& field : split.text_fields) rules += text(field);
  rules += fmt::format("labels {} ", task.labels.size());
  for (const std::string& label : task.labels) rules += text(label);
  return rules;
}

std::string hash_of(const Task& task, const SplitFile& split, std::string_view bytes,
                    const Tokenizer& tokenizer, int max_length) {
  return io::content_hash(
      fmt::format("{}{} {} {} {}", kMagic, io::content_hash(bytes), tokenizer.content_hash(),
                  std::min(max_length, tokenizer.max_length()), reading_rules(task, split)));
}

}  // namespace

EncodedSplit encode(const Tokenizer& tokenizer, std::span<const Example> examples, int max_length) {
  EncodedSplit split;
  split.offsets.reserve(examples.size() + 1);
  split.labels.reserve(examples.size());
  for (const Example& example : examples) {
    const Encoding row = tokenizer.encode(example.text_a, example.text_b, max_length);
    split.ids.insert(split.ids.end(), row.ids.begin(), row.ids.end());
    split.types.insert(split.types.end(), row.types.begin(), row.types.end());
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.labels.push_back(example.label);
    split.truncated_rows += row.truncated;
  }
  return split;
}

std::string split_hash(const Task& task, const SplitFile& split, const fs::path& root,
                       const Tokenizer& tokenizer, int max_length) {
  const std::string bytes = io::read_file(split_path(task, split, root));
  return hash_of(task, split, bytes, tokenizer, max_length);
}

EncodedSplit load_split(const Task& task, const SplitFile& split, const fs::path& root,
                        const Tokenizer& tokenizer, int max_length, const fs::path& cache) {
  const fs::path path = split_path(task, split, root);
  const std::string bytes = io::read_file(path);
  fs::path copy;
  EncodedSplit encoded;
  if (!cache.empty()) {
    copy = cache / (hash_of(task, split, bytes, tokenizer, max_length) + ".tokens");
    std::error_code error;
    if (fs::is_regular_file(copy, error) && from_bytes(io::MappedFile(copy).bytes(), encoded)) {
      return encoded;
    }
  }
  std::int64_t skipped = 0;
  encoded = encode(tokenizer, parse_split(task, split, bytes, path.string(), &skipped), max_length);
  encoded.skipped_rows = skipped;
  if (!cache.empty()) io::write_file_atomic(copy, to_bytes(encoded));
  return encoded;
}

}  // namespace runner::data
