#include "fusion/trajectory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <thread>

#include "io/error.hpp"
#include "io/file.hpp"
#include "kernels/mix.hpp"

namespace runner::fusion {
namespace {

// The file: this header, padding to kDataOffset, then K x floats values.
struct Header {
  char magic[16] = {'r', 'u', 'n', 'n', 'e', 'r', ' ', 't', 'r', 'a', 'j', 'e', 'c', 't', 'o', '1'};
  std::int64_t snapshots = 0;
  std::int64_t floats = 0;
  char hash[32] = {};  // of the data: see data_hash
};
constexpr std::size_t kDataOffset = 128;

std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

// A hash of the snapshots' own hashes, so that none has to lie beside another.
class DataHash {
 public:
  void add(std::span<const float> snapshot) { hashes_ += io::content_hash(bytes_of(snapshot)); }
  std::string value() const { return io::content_hash(hashes_); }

 private:
  std::string hashes_;
};

// Calls body(begin, end) on `threads` parts of [0, size), cut at multiples of 64 bytes.
template <typename Body>
void split(std::int64_t size, int threads, const Body& body) {
  const std::int64_t parts = std::max(1, threads);
  const auto cut = [&](std::int64_t part) {
    return part == parts ? size : size / parts * part / 16 * 16;
  };
  std::vector<std::jthread> workers;
  for (std::int64_t part = 1; part < parts; ++part)
    workers.emplace_back([&body, begin = cut(part), end = cut(part + 1)] { body(begin, end); });
  body(0, cut(1));
}

}  // namespace

struct Trajectory::Data {
  std::int64_t floats = 0;
  std::vector<std::vector<float>> snapshots;  // exact, in memory
  std::deque<io::MappedFile> files;           // exact, on disk
  std::vector<const float*> exact;            // [K] into either
  std::vector<float> mean;                    // compact
  std::vector<std::vector<kernels::Bf16>> differences;
  std::vector<const kernels::Bf16*> compact;  // [K]

  int size() const { return static_cast<int>(std::max(exact.size(), compact.size())); }

  void read(const std::filesystem::path& path);

  // From exact pointers to a mean and differences.
  void make_compact() {
    const auto count = static_cast<std::size_t>(floats);
    mean.resize(count);
    const std::vector<float> equal(exact.size(), 1.0F / static_cast<float>(exact.size()));
    float* const out = mean.data();
    kernels::mix(nullptr, exact, equal, std::span(&out, 1), 0, floats);
    for (const float* snapshot : exact) {
      differences.emplace_back(count);
      kernels::difference(snapshot, mean.data(), differences.back().data(), 0, floats);
      compact.push_back(differences.back().data());
    }
    exact.clear();
    snapshots.clear();
    files.clear();
  }
};

Trajectory::Trajectory(std::vector<std::vector<float>> snapshots, Storage storage)
    : data_(std::make_unique<Data>()) {
  if (snapshots.empty()) throw std::invalid_argument("a trajectory needs a snapshot");
  data_->floats = static_cast<std::int64_t>(snapshots.front().size());
  data_->snapshots = std::move(snapshots);
  for (const auto& snapshot : data_->snapshots) {
    if (static_cast<std::int64_t>(snapshot.size()) != data_->floats)
      throw std::invalid_argument("a trajectory's snapshots must have one size");
    data_->exact.push_back(snapshot.data());
  }
  if (storage == Storage::compact) data_->make_compact();
}

void Trajectory::Data::read(const std::filesystem::path& path) {
  const auto fail = [&](std::string_view what) {
    throw InputError(fmt::format("{}: not a whole trajectory file: {}", path.string(), what));
  };
  const std::string_view bytes = files.emplace_back(path).bytes();
  Header header;
  if (bytes.size() < kDataOffset) fail("it is too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, Header{}.magic, sizeof header.magic) != 0)
    fail("it begins with other bytes");
  const std::uint64_t values = (bytes.size() - kDataOffset) / sizeof(float);
  if (header.snapshots < 1 || header.floats < 0 ||
      static_cast<std::uint64_t>(header.snapshots) > values + 1 ||
      static_cast<std::uint64_t>(header.floats) > values ||  // no product overflows
      bytes.size() != kDataOffset + static_cast<std::uint64_t>(header.snapshots) *
                                        static_cast<std::uint64_t>(header.floats) * sizeof(float))
    fail(fmt::format("it has {} bytes", bytes.size()));
  if (bytes.substr(sizeof header, kDataOffset - sizeof header).find_first_not_of('\0') !=
      std::string_view::npos)
    fail("its header was changed");
  if (!exact.empty() && header.floats != floats)
    fail(fmt::format("its snapshots have {} floats, others {}", header.floats, floats));
  floats = header.floats;
  DataHash hash;
  for (std::int64_t k = 0; k < header.snapshots; ++k) {
    // kDataOffset and the map's page keep floats aligned.
    const auto* snapshot = reinterpret_cast<const float*>(bytes.data() + kDataOffset);
    exact.push_back(snapshot + k * header.floats);
    hash.add({exact.back(), static_cast<std::size_t>(header.floats)});
  }
  if (hash.value() != std::string_view(header.hash, sizeof header.hash))
    fail("its checksum does not match");
}

Trajectory::Trajectory(const std::vector<std::filesystem::path>& files, Storage storage)
    : data_(std::make_unique<Data>()) {
  if (files.empty()) throw std::invalid_argument("a trajectory needs a snapshot");
  for (const std::filesystem::path& path : files) data_->read(path);
  if (storage == Storage::compact) data_->make_compact();
}

Trajectory::~Trajectory() = default;
Trajectory::Trajectory(Trajectory&&) noexcept = default;
Trajectory& Trajectory::operator=(Trajectory&&) noexcept = default;

int Trajectory::size() const { return data_->size(); }
std::int64_t Trajectory::parameters() const { return data_->floats; }

void Trajectory::mix(std::span<const double> alpha, std::span<float> out, int threads) const {
  if (static_cast<int>(alpha.size()) != size() ||
      static_cast<std::int64_t>(out.size()) != data_->floats)
    throw std::invalid_argument("mix: one weight per snapshot and room for one model are needed");
  // Streams of weight zero are not read.
  std::vector<float> coefficients;
  std::vector<const float*> exact;
  std::vector<const kernels::Bf16*> compact;
  for (std::size_t k = 0; k < alpha.size(); ++k) {
    if (alpha[k] == 0.0) continue;
    coefficients.push_back(static_cast<float>(alpha[k]));
    if (data_->exact.empty())
      compact.push_back(data_->compact[k]);
    else
      exact.push_back(data_->exact[k]);
  }
  float* const target = out.data();
  split(data_->floats, threads, [&](std::int64_t begin, std::int64_t end) {
    if (data_->exact.empty())
      kernels::mix(data_->mean.data(), compact, coefficients, std::span(&target, 1), begin, end);
    else
      kernels::mix(nullptr, exact, coefficients, std::span(&target, 1), begin, end);
  });
}

std::vector<float> Trajectory::mix(std::span<const double> alpha, int threads) const {
  std::vector<float> out(static_cast<std::size_t>(data_->floats));
  mix(alpha, out, threads);
  return out;
}

std::vector<double> Trajectory::project(std::span<const float> gradient, int threads) const {
  if (static_cast<std::int64_t>(gradient.size()) != data_->floats)
    throw std::invalid_argument("project: a gradient of one model is needed");
  const std::int64_t blocks = kernels::dot_blocks(data_->floats);
  const auto totals = [&](const auto& streams) {
    const std::size_t count = streams.size();
    std::vector<double> sums(static_cast<std::size_t>(blocks) * count), total(count);
    split(blocks * 16, threads, [&](std::int64_t begin, std::int64_t end) {
      kernels::dots(gradient.data(), std::span(streams), data_->floats, sums.data(), begin / 16,
                    end / 16);
    });
    for (std::size_t i = 0; i < sums.size(); ++i) total[i % count] += sums[i];
    return total;
  };
  if (!data_->exact.empty()) return totals(data_->exact);
  std::vector<double> result = totals(data_->compact);
  const double of_mean = totals(std::vector<const float*>{data_->mean.data()}).front();
  for (double& value : result) value += of_mean;
  return result;
}

void save_trajectory(const std::filesystem::path& path,
                     std::span<const std::vector<float>> snapshots) {
  DataHash hash;
  for (const auto& snapshot : snapshots) hash.add(snapshot);
  Header header;
  header.snapshots = static_cast<std::int64_t>(snapshots.size());
  header.floats = static_cast<std::int64_t>(snapshots.front().size());
  std::memcpy(header.hash, hash.value().data(), sizeof header.hash);
  std::string start(kDataOffset, '\0');
  std::memcpy(start.data(), &header, sizeof header);
  io::AtomicFile file(path);
  file.write(start);
  for (const auto& snapshot : snapshots) file.write(bytes_of(snapshot));
  file.commit();
}

}  // namespace runner::fusion
