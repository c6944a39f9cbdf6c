#pragma once

#include <filesystem>
#include <string>
#include <string_view>
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
// RUNNER_GLUE, RUNNER_PEERS), else the embedded ones below data/ and tests/peers.
std::filesystem::path model_folder(const CommandLine& line);
std::filesystem::path glue_folder(const CommandLine& line);
std::filesystem::path peers_folder(const CommandLine& line);

// --peer PYTHON, an environment with `packages` whose `script` does `work`, and --peers DIR, the
// script's folder.
void add_peer_flags(boost::program_options::options_description& flags, std::string_view packages,
                    std::string_view script, std::string_view work);

// Runs a peer's command and returns what it printed. Throws InputError when it fails.
std::string output_of(const std::string& command);

}  // namespace runner::cli
