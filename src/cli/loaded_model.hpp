#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "data/encoded.hpp"
#include "data/glue.hpp"
#include "data/tokenizer.hpp"
#include "lab/engine.hpp"
#include "model/config.hpp"

namespace runner::cli {

// --labels, --max-length, --precision, --device, --threads: how a model is put to work.
void add_model_flags(boost::program_options::options_description& flags);

// What holds where no flag says otherwise.
struct ModelDefaults {
  int max_length = std::numeric_limits<int>::max();  // the model's limit, if that is less
  train::Precision precision = train::Precision::fp32;
};

// A fine-tuned model that a verb uses.
class LoadedModel {
 public:
  // From a Hugging Face folder, or a cell's of a run: its chosen model, at its own max_length and
  // precision. Throws InputError on what is wrong with it or with the flags.
  LoadedModel(const std::filesystem::path& folder, const CommandLine& line,
              const ModelDefaults& defaults = {});

  const std::vector<std::string>& labels() const { return config_.labels; }  // empty: a number
  int classes() const { return std::max(1, static_cast<int>(labels().size())); }
  const data::Tokenizer& tokenizer() const { return tokenizer_; }
  int max_length() const { return max_length_; }

  // For each wanted label the output that has its name, upper and lower case aside; {0} of two
  // regressions. Throws InputError naming both when they are not the same.
  std::vector<std::size_t> outputs_of(const std::vector<std::string>& wanted) const;

  // [rows x classes]. Throws InputError where one is not finite.
  std::vector<float> logits(const data::EncodedSplit& rows);

 private:
  struct Source;
  LoadedModel(Source source, const CommandLine& line);
  static Source read(const std::filesystem::path& folder, const ModelDefaults& defaults);

  std::string name_;
  data::Tokenizer tokenizer_;
  model::EncoderConfig config_;
  int max_length_ = 0;
  std::unique_ptr<lab::Scorer> scorer_;
};

}  // namespace runner::cli
