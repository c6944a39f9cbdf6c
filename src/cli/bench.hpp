#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/options.hpp"

namespace runner::cli {

// What `runner bench` measures. Each prints a table of this machine's figures: medians and, in
// brackets, the least and the largest of several repetitions.
int bench_bo(const std::vector<std::string>& arguments);
int bench_train(const std::vector<std::string>& arguments);
int bench_fusion(const std::vector<std::string>& arguments);
int bench_tokenise(const std::vector<std::string>& arguments);
int bench_statistics(const std::vector<std::string>& arguments);
int bench_study(const std::vector<std::string>& arguments);

// Median and range of repeated measurements.
struct Spread {
  double median = 0.0, least = 0.0, largest = 0.0;
};
Spread spread_of(std::vector<double> values);
// "12.3 [11.9, 13.0]" with that many significant digits.
std::string written(const Spread& spread, int digits = 3);

// Folders by flag (--model, --glue, --peers), else by variable (RUNNER_MODELS/minilm-roberta,
// RUNNER_GLUE, RUNNER_PEERS), else, for the first two, the embedded ones below data/.
std::filesystem::path model_folder(const CommandLine& line);
std::filesystem::path glue_folder(const CommandLine& line);
std::filesystem::path peers_folder(const CommandLine& line);

// Runs a peer's command and returns what it printed. Throws InputError when it fails.
std::string output_of(const std::string& command);

}  // namespace runner::cli
