#include "fusion/trajectory.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"
#include "random/philox.hpp"

using namespace runner;
using fusion::Storage;
using fusion::Trajectory;
namespace fs = std::filesystem;

namespace {

// K models near each other, as the snapshots of one run are.
std::vector<std::vector<float>> snapshots(int count, std::size_t size) {
  std::vector<std::vector<float>> out(static_cast<std::size_t>(count), std::vector<float>(size));
  random::Stream stream(3);
  for (std::size_t i = 0; i < size; ++i) {
    const double centre = stream.normal();
    for (auto& snapshot : out) snapshot[i] = static_cast<float>(centre + 0.01 * stream.normal());
  }
  return out;
}

double largest_error(const std::vector<float>& mixed, const std::vector<std::vector<float>>& models,
                     const std::vector<double>& alpha) {
  double largest = 0.0;
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    double sum = 0.0;
    for (std::size_t k = 0; k < models.size(); ++k) sum += alpha[k] * double{models[k][i]};
    largest = std::max(largest, std::abs(sum - double{mixed[i]}));
  }
  return largest;
}

}  // namespace

TEST_CASE("a vertex of an exact trajectory gives the snapshot's own bits") {
  const auto models = snapshots(4, 1003);
  const Trajectory trajectory(models);
  for (std::size_t k = 0; k < 4; ++k) {
    std::vector<double> alpha(4);
    alpha[k] = 1.0;
    CHECK(trajectory.mix(alpha) == models[k]);
  }
}

TEST_CASE("mixing is the weighted sum of the snapshots, exact or compact, on any threads") {
  const auto models = snapshots(5, 20011);
  const std::vector<double> alpha = {0.1, 0.25, 0.0, 0.05, 0.6};
  const Trajectory exact(models), compact(models, Storage::compact);
  CHECK(exact.size() == 5);
  CHECK(compact.parameters() == 20011);
  CHECK(largest_error(exact.mix(alpha), models, alpha) < 1e-6);
  // 2^-9 of differences of about 0.01
  CHECK(largest_error(compact.mix(alpha), models, alpha) < 1e-4);
  CHECK(exact.mix(alpha, 3) == exact.mix(alpha, 1));
  CHECK(compact.mix(alpha, 3) == compact.mix(alpha, 1));
}

TEST_CASE("a saved trajectory reads back, and a damaged file is refused") {
  const fs::path path = fs::temp_directory_path() / "runner_trajectory_test";
  const auto models = snapshots(3, 501);
  fusion::save_trajectory(path, models);
  const std::vector<double> alpha = {0.2, 0.3, 0.5};
  const Trajectory original(models);
  CHECK(Trajectory(std::vector{path}).mix(alpha) == original.mix(alpha));
  CHECK(Trajectory(std::vector{path}, Storage::compact).mix(alpha) ==
        Trajectory(models, Storage::compact).mix(alpha));

  // Snapshots may lie in files of their own.
  std::vector<fs::path> files;
  for (std::size_t k = 0; k < models.size(); ++k) {
    files.push_back(path.string() + std::to_string(k));
    fusion::save_trajectory(files.back(), {&models[k], 1});
  }
  CHECK(Trajectory(files).mix(alpha) == original.mix(alpha));
  const auto shorter = snapshots(1, 500);
  fusion::save_trajectory(files.back(), shorter);
  CHECK_THROWS_AS(Trajectory(files, Storage::exact), InputError);
  for (const fs::path& file : files) fs::remove(file);

  // Every bit of the header, and one of the data.
  const std::string whole = io::read_file(path);
  constexpr std::size_t kHeader = std::size_t{8} * 128, kLast = std::size_t{8} * 700;  // in bits
  for (std::size_t bit = 0; bit <= kLast; bit += bit < kHeader ? 1 : 4576) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    io::write_file_atomic(path, damaged);
    CAPTURE(bit);
    CHECK_THROWS_AS(Trajectory(std::vector{path}), InputError);
  }
  fusion::save_trajectory(path, models);
  fs::resize_file(path, fs::file_size(path) - 4);
  CHECK_THROWS_AS(Trajectory(std::vector{path}), InputError);
  fs::resize_file(path, 10);
  CHECK_THROWS_AS(Trajectory(std::vector{path}), InputError);
  fs::remove(path);
}
