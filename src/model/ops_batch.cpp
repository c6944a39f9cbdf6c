#include "model/ops_batch.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace runner::model {

std::size_t Upload::add_bytes(at::ScalarType type, const void* values, std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t begin = (bytes_.size() + kAlignment - 1) / kAlignment * kAlignment;
  bytes_.resize(begin + bytes);
  if (bytes > 0) std::memcpy(bytes_.data() + begin, values, bytes);
  parts_.push_back({type, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(bytes)});
  return parts_.size() - 1;
}

std::size_t Upload::add(std::span<const std::int64_t> values) {
  return add_bytes(at::kLong, values.data(), values.size_bytes());
}
std::size_t Upload::add(std::span<const std::int32_t> values) {
  return add_bytes(at::kInt, values.data(), values.size_bytes());
}
std::size_t Upload::add(std::span<const float> values) {
  return add_bytes(at::kFloat, values.data(), values.size_bytes());
}

void Upload::send(at::Device device, at::Tensor* room) {
  const at::Tensor host =
      at::empty({static_cast<std::int64_t>(bytes_.size())},
                at::TensorOptions(at::kCPU).dtype(at::kByte).pinned_memory(!device.is_cpu()));
  if (!bytes_.empty()) std::memcpy(host.data_ptr(), bytes_.data(), bytes_.size());
  if (room != nullptr && room->defined()) {
    sent_ = room->copy_(host, /*non_blocking=*/true);
    return;
  }
  sent_ = host.to(device, /*non_blocking=*/true);
  if (room != nullptr) *room = sent_;
}

at::Tensor Upload::at(std::size_t number) const {
  const Part& part = parts_.at(number);
  return sent_.narrow(0, part.begin, part.bytes).view(part.type);
}

namespace {

// The numbers in the upload of a table's rows.
struct Sent {
  TableRows* rows;
  std::size_t distinct, place;
};

Sent add_table(Upload& upload, TableRows& rows) {
  std::vector<std::int32_t> sorted = rows.host;
  std::ranges::sort(sorted);
  sorted.erase(std::ranges::unique(sorted).begin(), sorted.end());
  if (!sorted.empty() && sorted.front() < 0) sorted.erase(sorted.begin());
  std::vector<std::int64_t> distinct(sorted.begin(), sorted.end());
  const std::size_t count = std::min(rows.host.size(), static_cast<std::size_t>(rows.table));
  for (std::int32_t row = 0; distinct.size() < count; ++row)
    if (!std::ranges::binary_search(sorted, row)) distinct.push_back(row);
  std::vector<std::int64_t> place;
  place.reserve(rows.host.size());
  for (const std::int32_t row : rows.host)
    place.push_back(row < 0 ? static_cast<std::int64_t>(count)
                            : std::ranges::lower_bound(sorted, row) - sorted.begin());
  return {&rows, upload.add(distinct), upload.add(place)};
}

}  // namespace

DeviceBatch upload_batch(const PackedBatch& host, at::Device device, TableRows words,
                         TableRows positions, TableRows types, at::Tensor* room) {
  DeviceBatch batch;
  batch.host = &host;
  batch.words = std::move(words);
  batch.position_rows = std::move(positions);
  batch.type_rows = std::move(types);
  Upload upload;
  const auto wide = [&](std::span<const std::int32_t> values) {
    return upload.add(std::vector<std::int64_t>(values.begin(), values.end()));
  };
  std::vector<std::int32_t> counts(host.offsets.size());
  std::iota(counts.begin(), counts.end(), 0);
  const std::size_t ids = wide(host.ids), position = wide(host.positions), type = wide(host.types),
                    first = wide(std::span(host.offsets).first(counts.size() - 1)),
                    offsets = upload.add(host.offsets), count = upload.add(counts),
                    labels = upload.add(host.labels);
  std::vector<Sent> tables;
  for (TableRows* rows : {&batch.words, &batch.position_rows, &batch.type_rows})
    if (!rows->host.empty()) tables.push_back(add_table(upload, *rows));

  upload.send(device, room);
  batch.ids = upload.at(ids);
  batch.positions = upload.at(position);
  batch.types = upload.at(type);
  batch.first = upload.at(first);
  batch.offsets = upload.at(offsets);
  batch.counts = upload.at(count);
  batch.labels = upload.at(labels);
  for (const Sent& sent : tables) {
    sent.rows->distinct = upload.at(sent.distinct);
    sent.rows->place = upload.at(sent.place);
  }
  return batch;
}

}  // namespace runner::model
