// The verb predict: what a fine-tuned model says of rows.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>

#include "cli/cell_model.hpp"
#include "cli/loaded_model.hpp"
#include "cli/options.hpp"
#include "cli/row_flags.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "data/cache.hpp"
#include "data/example_stream.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/json.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// Rows that are sorted by length together: enough for batches of equal lengths, few enough for the
// first answers to come soon.
constexpr std::size_t kRowsAtOnce = 4096;

// softmax, in double.
std::vector<float> probabilities(std::span<const float> logits) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  std::vector<float> out;
  for (const float logit : logits) {
    out.push_back(static_cast<float>(std::exp(logit - largest) / sum));
  }
  return out;
}

// How answers are written. Numbers are the shortest that read back as the same float.
class Answers {
 public:
  Answers(const std::vector<std::string>& labels, bool csv) : labels_(labels), csv_(csv) {
    for (const std::string& label : labels) {
      // JSON escapes what a CSV quotes.
      std::string name = csv ? io::csv_row({label}) : io::Json(label).dump();
      if (csv) name.pop_back();
      names_.push_back(std::move(name));
    }
  }

  std::string header() const {
    if (!csv_) return "";
    std::vector<std::string> fields = {labels_.empty() ? "value" : "label"};
    for (const std::string& label : labels_) fields.push_back("probability_" + label);
    return io::csv_row(fields);
  }

  void add(std::span<const float> logits, std::string& text) const {
    if (labels_.empty()) {
      text += csv_ ? fmt::format("{}\n", logits[0]) : fmt::format("{{\"value\": {}}}\n", logits[0]);
      return;
    }
    const std::vector<float> values = probabilities(logits);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
    text +=
        csv_ ? names_[best] : fmt::format("{{\"label\": {}, \"probabilities\": {{", names_[best]);
    for (std::size_t id = 0; id < values.size(); ++id) {
      text += csv_ ? fmt::format(",{}", values[id])
                   : fmt::format("{}{}: {}", id > 0 ? ", " : "", names_[id], values[id]);
    }
    text += csv_ ? "\n" : "}}\n";
  }

 private:
  const std::vector<std::string>& labels_;
  bool csv_;
  std::vector<std::string> names_;
};

// Answers all rows; the exit code.
int answer(data::ExampleStream& rows, LoadedModel& model, bool csv) {
  const Answers answers(model.labels(), csv);
  write_out(answers.header());
  std::vector<data::Example> examples;
  for (bool more = true; more;) {
    // Whoever writes row by row and waits for the answers gets them.
    examples.clear();
    std::string broken;
    while (more && examples.size() < kRowsAtOnce && (examples.empty() || rows.ready())) {
      data::Example example;
      try {
        more = rows.next(example);
      } catch (const InputError& error) {  // after what stands before it
        broken = error.what();
        break;
      }
      if (more) examples.push_back(std::move(example));
    }
    std::string text;
    if (!examples.empty()) {
      const data::EncodedSplit encoded =
          data::encode(model.tokenizer(), examples, model.max_length());
      const std::vector<float> logits = model.logits(encoded);
      const auto classes = static_cast<std::size_t>(model.classes());
      for (std::size_t at = 0; at < logits.size(); at += classes) {
        answers.add(std::span(logits).subspan(at, classes), text);
      }
    }
    write_out(text);
    if (!broken.empty()) throw InputError(broken);
    if (!flush_out()) return kUsage;
  }
  return kDone;
}

}  // namespace

int predict_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kCall =
      "runner predict MODEL [--columns A,B] [--max-length N] [--format csv|jsonl] [FILE]";
  po::options_description flags("flags");
  add_row_flags(flags);
  flags.add_options()("format",
                      po::value<std::string>()->default_value("jsonl")->value_name("csv|jsonl"),
                      "of the answers");
  add_model_flags(flags);
  bool helped = false;
  const CommandLine line = parse(arguments, kCall, flags, helped);
  if (helped) return kDone;
  if (line.words.empty() || line.words.size() > 2) {
    throw InputError(fmt::format("MODEL, and perhaps a FILE, is needed\nusage: {}", kCall));
  }
  const auto format = line.get<std::string>("format");
  if (format != "csv" && format != "jsonl") {
    throw InputError(fmt::format("command line: --format {}: known are csv, jsonl", format));
  }
  const fs::path file = line.words.size() == 2 ? line.words[1] : "";
  const data::SplitFile split = row_format(line, file);
  const data::Task no_task;
  data::ExampleStream rows(no_task, split, file);
  return unless_stopped([&] {
    LoadedModel model(line.words[0], line);
    return answer(rows, model, format == "csv");
  });
}

}  // namespace runner::cli
