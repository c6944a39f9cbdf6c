#include "targets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/example_stream.hpp"
#include "data/glue.hpp"
#include "data/submission.hpp"
#include "data/tokenizer.hpp"
#include "data/tokenizer_folder.hpp"
#include "experiment/holder.hpp"
#include "experiment/journal.hpp"
#include "experiment/lease.hpp"
#include "experiment/record.hpp"
#include "experiment/store.hpp"
#include "fusion/trajectory.hpp"
#include "inputs.hpp"
#include "io/checked.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "model/checkpoint.hpp"
#include "model/fine_tuned.hpp"
#include "model/safetensors.hpp"
#include "spec/history.hpp"
#include "spec/load.hpp"
#include "spec/resolved.hpp"
#include "spec/suggest_space.hpp"

namespace runner::fuzz {
namespace fs = std::filesystem;
namespace {

void read_csv(std::string_view bytes) {
  const char separator = io::find_separator(bytes);
  const auto records = io::parse_csv(bytes, "x.csv", separator);
  std::string again;
  for (const io::CsvRecord& record : records) {
    again += io::csv_row(record.fields);
    for (const std::string& field : record.fields) {
      double value = 0.0;
      if (!io::parse_number(field, value) || std::isnan(value)) continue;
      double same = 0.0;
      require(io::parse_number(io::number(value), same) && same == value, "a number reads back");
    }
  }
  // A mark at the begin of the first field would be taken for the file's own.
  if (again.starts_with("\xEF\xBB\xBF")) return;
  const auto back = io::parse_csv(again, "again.csv");
  require(std::ranges::equal(back, records, {}, &io::CsvRecord::fields, &io::CsvRecord::fields),
          "what csv_row writes reads as the same fields");
}

constexpr std::string_view kSpace = R"(objective: loss
stddev: loss_sd
variables:
  lr: {type: real, low: 1e-5, high: 1e-1, scale: log}
  batch: {type: choice, values: [8, 16, 32]}
  layers: {type: integer, low: 1, high: 12}
  w: {type: simplex, size: 3}
)";

void read_history(std::string_view bytes) {
  static const spec::SuggestSpace space = spec::load_space(put("space.yaml", kSpace));
  for (const bool keep : {false, true}) {
    spec::SuggestSpace own = space;
    spec::read_history(bytes, "history.csv", {.keep_outside = keep}, own);
  }
}

void read_space(std::string_view bytes) { spec::load_space(put("space.yaml", bytes)); }

void read_spec(std::string_view bytes) {
  const spec::Spec read = spec::load(put("spec.yaml", bytes));
  const std::string resolved = spec::resolved_yaml(read);
  const spec::Spec again = spec::load(put("resolved.yaml", resolved));
  require(spec::difference(read, again).empty(), "a resolved spec is the same spec");
  require(spec::resolved_yaml(again) == resolved, "a resolved spec resolves to itself");
}

// Texts that come by all ways through a tokenizer.
constexpr std::array kTexts = {
    std::string_view("The quick, brown fox's 12 jumps!"),
    std::string_view(" \xC3\x89t\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80\xFF <mask> ")};

void tokenize(const fs::path& folder) {
  const data::Tokenizer tokenizer = data::Tokenizer::load(folder);
  for (const std::string_view text : kTexts) {
    const data::Encoding encoding = tokenizer.encode(text, kTexts[0], 32);
    require(encoding.ids.size() <= 32, "no row is longer than asked for");
    require(encoding.types.size() == encoding.ids.size(), "each token has a segment");
    for (const std::int32_t id : encoding.ids)
      require(id >= 0 && id < tokenizer.vocab_size(), "an id lies in the vocabulary");
  }
}

void read_tokenizer_json(std::string_view bytes) {
  constexpr std::array kNames = {std::string_view("tokenizer.json")};
  tokenize(unpack("=== tokenizer.json\n" + std::string(bytes), kNames));
}

void read_tokenizer_folder(std::string_view bytes) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
       "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "sentencepiece.bpe.model"});
  const fs::path folder = unpack(bytes, kNames);
  data::missing_tokenizer_files(folder);
  tokenize(folder);
}

void read_safetensors(std::string_view bytes) {
  const model::Safetensors file(put("x.safetensors", bytes));
  std::vector<std::vector<float>> values;
  std::vector<model::NamedTensor> tensors;
  values.reserve(file.tensors().size());
  for (const model::TensorView& tensor : file.tensors()) {
    if (!model::is_float(tensor)) continue;
    std::vector<float>& own = values.emplace_back(static_cast<std::size_t>(tensor.elements()));
    model::read_floats(tensor, own);
    tensors.push_back({tensor.name, tensor.shape, own});
  }
  const fs::path again = scratch() / "again.safetensors";
  model::write_safetensors(again, tensors);
  const model::Safetensors back(again);
  require(back.tensors().size() == tensors.size(), "all tensors that were written are read");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto same = std::ranges::find(back.tensors(), tensors[i].name, &model::TensorView::name);
    require(same != back.tensors().end() && same->shape == tensors[i].shape &&
                same->bytes.size() == tensors[i].values.size_bytes(),
            "a tensor keeps its name, shape and size");
  }
}

void read_checkpoint(std::string_view bytes) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"config.json", "model.safetensors", "model.safetensors.index.json", "a.safetensors",
       "b.safetensors"});
  const fs::path folder = unpack(bytes, kNames);
  model::EncoderConfig config = model::read_config(folder);
  config.labels = {"no", "yes"};
  const std::string text = model::config_json(config);
  const fs::path again = scratch() / "again";
  fs::create_directories(again);
  put("again/config.json", text);
  require(model::config_json(model::read_config(again)) == text, "a config reads back");
  try {
    model::load_fine_tuned(folder);
  } catch (const InputError&) {  // which asks for more than a model to begin with
  }
  const model::Checkpoint checkpoint = model::load_checkpoint(folder, {"no", "yes"});
  require(checkpoint.weights.size() == static_cast<std::size_t>(checkpoint.layout.size),
          "a checkpoint is whole");
}

// The first letter says how the rows are written.
void read_rows(std::string_view bytes) {
  data::Task task;
  task.labels = {"0", "1", "maybe"};
  data::SplitFile split;
  split.text_columns = {0, 1};
  split.label_column = -1;
  const char kind = bytes.empty() ? 't' : bytes.front();
  if (!bytes.empty()) bytes.remove_prefix(1);
  if (kind == 'c') {
    split.format = data::SplitFile::Format::csv;
    split.quoting = true;
    split.text_fields = {"a", "b"};
    split.label_field = "label";
  } else if (kind == 'j') {
    split.format = data::SplitFile::Format::jsonl;
    split.text_fields = {"a"};
    split.label_field = "label";
  } else if (kind == 'r') {  // a regression, whose malformed rows are left out
    task.labels.clear();
    task.regression = task.skip_malformed_rows = true;
    split.header = false;
  }
  const fs::path path = put("rows", bytes);
  std::vector<data::Example> streamed;
  std::optional<std::string> refused;
  try {
    data::ExampleStream stream(task, split, path);
    data::Example example;
    while (stream.next(example)) streamed.push_back(example);
  } catch (const InputError& error) {
    refused = error.what();
  }
  const auto rows = data::parse_split(task, split, bytes, path.string());
  require(!refused, "what is read at once can be read row by row");
  require(rows.size() == streamed.size(), "row by row come as many");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    require(rows[i].text_a == streamed[i].text_a && rows[i].text_b == streamed[i].text_b &&
                rows[i].label == streamed[i].label,
            "row by row come the same");
  }
}

void read_json(std::string_view bytes) {
  const io::Json json = io::parse_json(bytes, "x.json");
  require(io::parse_json(json.dump(), "again.json") == json, "JSON reads back");
  data::texts_of(json, "x.json:1");
}

// The bytes' lines as records whose checksums are right; a line that begins with '!' is taken as it
// stands, without the mark.
std::string checked_lines(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    text += line.starts_with('!') ? std::string(line.substr(1)) + "\n" : io::checked_line(line);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return text;
}

template <typename Record>
void read_back(const Record& record) {
  const io::Json json = record;
  require(io::Json(json.get<Record>()) == json, "a record reads back");
}

void read_journal(std::string_view bytes) {
  const experiment::JournalOwner owner{"RTE", "swa", 0};
  const fs::path path = put("journal.jsonl", checked_lines(bytes));
  const experiment::History history = experiment::read_journal(path, owner);
  for (const auto& record : history.trials) read_back(record);
  for (const auto& record : history.inner) read_back(record);
  experiment::best_trial(history.trials);
}

void read_run(std::string_view bytes) {
  const std::string key(32, '0');
  const fs::path run = scratch() / "store" / key;
  if (!fs::exists(run)) {
    fs::create_directories(run);
    const std::vector<std::vector<float>> snapshots = {{1.0F, 2.0F}, {3.0F, 4.0F}};
    fusion::save_trajectory(run / "snapshots", snapshots);
  }
  put("store/" + key + "/run.json", checked_lines(bytes));
  std::string said;
  const experiment::Store store(scratch() / "store", 1'000'000,
                                [&](const std::string& text) { said = text; });
  const auto found = store.open(key);
  require(found.has_value() == said.empty(), "what counts as absent is said");
  if (!found) throw InputError(said);
  read_back(found->record);
}

void read_snapshots(std::string_view bytes) {
  const fusion::Trajectory trajectory(std::vector{put("snapshots", bytes)});
  const std::vector<double> alpha(static_cast<std::size_t>(trajectory.size()),
                                  1.0 / trajectory.size());
  const std::vector<float> mixed = trajectory.mix(alpha);
  require(static_cast<std::int64_t>(mixed.size()) == trajectory.parameters(), "snapshots mix");
}

void read_lease(std::string_view bytes) {
  const fs::path path = put("owner.json", bytes);
  experiment::lease_holder(path);
  experiment::holder_of_lease(path);
}

constexpr std::array kTargets = {
    Target{"checkpoint", "a model's folder: config.json, weights, their index", read_checkpoint},
    Target{"csv", "a CSV, and its numbers", read_csv},
    Target{"history", "the history that suggest is given", read_history},
    Target{"journal", "a cell's journal, its checksums aside", read_journal},
    Target{"json", "JSON of others, and a row of texts", read_json},
    Target{"lease", "a lease", read_lease},
    Target{"rows", "a task's TSV, CSV, JSON lines", read_rows},
    Target{"run", "run.json of the store, its checksum aside", read_run},
    Target{"safetensors", "weights", read_safetensors},
    Target{"snapshots", "a trajectory's snapshots", read_snapshots},
    Target{"space", "the space that suggest is given", read_space},
    Target{"spec", "an experiment's spec", read_spec},
    Target{"tokenizer_folder", "a tokenizer's files", read_tokenizer_folder},
    Target{"tokenizer_json", "tokenizer.json", read_tokenizer_json},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  const auto found = std::ranges::find(kTargets, name, &Target::name);
  return found == kTargets.end() ? nullptr : &*found;
}

bool accepts(const Target& target, std::string_view bytes) {
  try {
    target.read(bytes);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace runner::fuzz
