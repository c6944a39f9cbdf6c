#include "cli/loaded_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options/value_semantic.hpp>
#include <cmath>

#include "cli/cell_model.hpp"
#include "cli/engine.hpp"
#include "cli/streams.hpp"
#include "experiment/cells.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "model/fine_tuned.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

train::Precision precision_of(const CommandLine& line, train::Precision otherwise) {
  if (!line.has("precision")) return otherwise;
  const auto text = line.get<std::string>("precision");
  if (text == "fp32") return train::Precision::fp32;
  if (text == "bf16") return train::Precision::bf16;
  throw InputError(fmt::format("command line: --precision {}: known are fp32, bf16", text));
}

int max_length_of(const CommandLine& line, int limit, int otherwise) {
  if (!line.has("max-length")) return std::min(limit, otherwise);
  const int length = line.get<int>("max-length");
  if (length < 1 || length > limit) {
    throw InputError(fmt::format("command line: --max-length {}: the model takes 1 to {} tokens",
                                 length, limit));
  }
  return length;
}

std::string folded(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string said(const std::vector<std::string>& labels) {
  return labels.empty() ? "a number" : fmt::format("{}", fmt::join(labels, ", "));
}

// --labels in the place of the model's own.
void rename(const CommandLine& line, std::vector<std::string>& labels) {
  if (!line.has("labels")) return;
  const auto text = line.get<std::string>("labels");
  std::vector<std::string> names = io::parse_csv(text, "command line: --labels").at(0).fields;
  if (names.size() != labels.size()) {
    throw InputError(
        fmt::format("command line: --labels {}: {} names for the model's {} outputs "
                    "({})",
                    text, names.size(), std::max<std::size_t>(1, labels.size()), said(labels)));
  }
  labels = std::move(names);
}

}  // namespace

void add_model_flags(po::options_description& flags) {
  flags.add_options()("labels", po::value<std::string>()->value_name("A,B,..."),
                      "what the model's outputs mean, by id, where its config.json does not say")(
      "max-length", po::value<int>()->value_name("N"),
      "tokens per row, specials included; what is longer is cut (the model's limit)")(
      "precision", po::value<std::string>()->value_name("fp32|bf16"),
      "of the encoder's matrix products; bf16 is faster (fp32)")(
      "device", po::value<std::string>()->default_value("auto")->value_name("NAME"),
      "auto, cpu or cuda:N")("threads", po::value<int>()->default_value(0)->value_name("N"),
                             "0: all cores of this process");
}

struct LoadedModel::Source {
  std::string name;
  fs::path tokenizer;  // whose folder
  model::EncoderConfig config;
  std::vector<float> weights;
  ModelDefaults defaults;
};

LoadedModel::Source LoadedModel::read(const fs::path& folder, const ModelDefaults& defaults) {
  if (is_cell_folder(folder)) {
    const spec::Spec spec = spec_of(folder);
    const std::vector<report::CellData> cells = report::read_cells(spec);
    const auto data = std::ranges::find_if(cells, [&](const report::CellData& each) {
      std::error_code gone;
      return fs::equivalent(experiment::cell_folder(each.cell), folder, gone);
    });
    if (data == cells.end()) {
      throw InputError(fmt::format("{}: is no cell of {}", folder.string(), spec.file.string()));
    }
    CellModel model = read_cell_model(*data);
    return {folder.string(),
            spec.model,
            std::move(model.config),
            std::move(model.weights),
            {model.settings.train.max_length, model.settings.train.precision}};
  }
  if (!fs::is_directory(folder)) {
    throw InputError(fmt::format("{}: there is no such folder", folder.string()));
  }
  model::Checkpoint checkpoint = model::load_fine_tuned(folder);
  for (const std::string& note : checkpoint.notes) print_error("note: {}\n", note);
  return {folder.string(), folder, std::move(checkpoint.config), std::move(checkpoint.weights),
          defaults};
}

LoadedModel::LoadedModel(const fs::path& folder, const CommandLine& line,
                         const ModelDefaults& defaults)
    : LoadedModel(
          [&] {
            const std::jthread loading = load_engine_ahead();
            return read(folder, defaults);
          }(),
          line) {}

LoadedModel::LoadedModel(Source source, const CommandLine& line)
    : name_(std::move(source.name)),
      tokenizer_(data::Tokenizer::load(source.tokenizer)),
      config_(std::move(source.config)) {
  const train::Precision precision = precision_of(line, source.defaults.precision);
  for (const std::string& note : tokenizer_.notes()) print_error("note: {}\n", note);
  rename(line, config_.labels);
  max_length_ = max_length_of(line, std::min(config_.max_length(), tokenizer_.max_length()),
                              source.defaults.max_length);
  if (tokenizer_.vocab_size() > config_.vocab_size) {
    throw InputError(fmt::format("{}: the vocabulary has {} tokens, but config.json says {}", name_,
                                 tokenizer_.vocab_size(), config_.vocab_size));
  }
  const lab::Engine& compute = engine();
  const int threads = line.get<int>("threads");
  compute.set_threads(threads > 0 ? threads : compute.auto_threads());
  scorer_ = compute.make_scorer(config_, classes(),
                                compute.resolve_device(line.get<std::string>("device")), precision,
                                /*target_scale=*/1.0);
  scorer_->load(std::move(source.weights));
}

std::vector<std::size_t> LoadedModel::outputs_of(const std::vector<std::string>& wanted) const {
  const auto refuse = [&] {
    throw InputError(fmt::format(
        "{}: its outputs are {}, not {}{}", name_, said(labels()), said(wanted),
        labels().size() == wanted.size() ? "; --labels says what they mean, if it is the same"
                                         : ""));
  };
  if (labels().size() != wanted.size()) refuse();
  std::vector<std::size_t> outputs;
  for (const std::string& label : wanted) {
    const auto found = std::ranges::find_if(
        labels(), [&](const std::string& name) { return folded(name) == folded(label); });
    if (found == labels().end()) refuse();
    outputs.push_back(static_cast<std::size_t>(found - labels().begin()));
  }
  if (wanted.empty()) outputs.push_back(0);
  return outputs;
}

std::vector<float> LoadedModel::logits(const data::EncodedSplit& rows) {
  std::vector<float> logits = scorer_->score(rows).logits;
  for (const float logit : logits) {
    if (!std::isfinite(logit)) {
      throw InputError(fmt::format("{}: its outputs are not finite: it has diverged", name_));
    }
  }
  return logits;
}

}  // namespace runner::cli
