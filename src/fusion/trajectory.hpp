#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace runner::fusion {

// How a trajectory is held in memory. exact: the fp32 snapshots themselves, read from their file
// as they are needed. compact: their fp32 mean and bf16 differences to it (theta_k = mean + d_k),
// half the memory and traffic; rounding is 2^-9 of a difference, not of a weight.
enum class Storage { exact, compact };

// The K snapshots of one training run, K >= 1, all of one size. Immutable.
class Trajectory {
 public:
  // Takes the snapshots over.
  explicit Trajectory(std::vector<std::vector<float>> snapshots, Storage storage = Storage::exact);
  // Reads files that save_trajectory wrote, all their snapshots in order. Throws InputError on a
  // file that is not whole (its checksum is verified) and on snapshots of different sizes.
  explicit Trajectory(const std::vector<std::filesystem::path>& files,
                      Storage storage = Storage::exact);
  ~Trajectory();
  Trajectory(Trajectory&&) noexcept;
  Trajectory& operator=(Trajectory&&) noexcept;

  int size() const;                 // K
  std::int64_t parameters() const;  // floats per snapshot

  // out = sum_k alpha[k] theta_k, in one pass. alpha: [K]; exact storage with a vertex gives that
  // snapshot's own bits. The result does not depend on the number of threads.
  void mix(std::span<const double> alpha, std::span<float> out, int threads = 1) const;
  std::vector<float> mix(std::span<const double> alpha, int threads = 1) const;

  // <gradient, theta_k> of every snapshot [K]: with the gradient of a loss at theta(alpha), the
  // loss's derivatives by alpha. `gradient`: [parameters]. The result does not depend on the number
  // of threads.
  std::vector<double> project(std::span<const float> gradient, int threads = 1) const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

// All snapshots as fp32 in one file, atomically (io::write_file_atomic), with a checksum.
void save_trajectory(const std::filesystem::path& path,
                     std::span<const std::vector<float>> snapshots);

}  // namespace runner::fusion
