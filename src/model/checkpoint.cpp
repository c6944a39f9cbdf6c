#include "model/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>

#include "io/error.hpp"
#include "io/file.hpp"
#include "model/safetensors.hpp"
#include "random/philox.hpp"

namespace runner::model {
namespace fs = std::filesystem;
namespace {

// All tensors of a folder, from one file or from the shards that an index names.
class TensorSource {
 public:
  explicit TensorSource(const fs::path& folder) {
    const fs::path single = folder / "model.safetensors";
    const fs::path index = folder / "model.safetensors.index.json";
    if (fs::exists(single)) {
      name_ = single.string();
      add_file(single, nullptr);
    } else if (fs::exists(index)) {
      name_ = index.string();
      read_index(folder, index);
    } else {
      throw InputError(
          fmt::format("{}: there is no model.safetensors and no model.safetensors.index.json",
                      folder.string()));
    }
  }

  const std::string& name() const { return name_; }
  const std::map<std::string, const TensorView*>& tensors() const { return tensors_; }

 private:
  using WeightMap = std::map<std::string, std::string>;

  void read_index(const fs::path& folder, const fs::path& index) {
    WeightMap weight_map;
    try {
      const auto json = nlohmann::json::parse(io::read_file(index));
      weight_map = json.at("weight_map").get<WeightMap>();
    } catch (const nlohmann::json::exception& error) {
      throw InputError(fmt::format("{}: a 'weight_map' from tensor to file is needed: {}",
                                   index.string(), error.what()));
    }
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : weight_map) {
      if (fs::path(shard).filename() != shard)
        throw InputError(
            fmt::format("{}: shard '{}' is not a plain file name", index.string(), shard));
      shards.insert(shard);
    }
    for (const std::string& shard : shards) add_file(folder / shard, &weight_map);
    for (const auto& [tensor, shard] : weight_map)
      if (!tensors_.contains(tensor))
        throw InputError(
            fmt::format("{}: tensor '{}' is not in {}", index.string(), tensor, shard));
  }

  void add_file(const fs::path& path, const WeightMap* weight_map) {
    files_.push_back(std::make_unique<Safetensors>(path));
    for (const TensorView& tensor : files_.back()->tensors()) {
      if (weight_map != nullptr && !weight_map->contains(tensor.name))
        throw InputError(
            fmt::format("{}: tensor '{}' is not in the index", path.string(), tensor.name));
      if (!tensors_.emplace(tensor.name, &tensor).second)
        throw InputError(
            fmt::format("{}: tensor '{}' is in another shard too", path.string(), tensor.name));
    }
  }

  std::string name_;
  std::vector<std::unique_ptr<Safetensors>> files_;
  std::map<std::string, const TensorView*> tensors_;
};

// A name as the layout writes it: with the family's prefix and LayerNorm's newer names.
std::string canonical(const EncoderConfig& config, std::string name) {
  const auto replace_end = [&](std::string_view old_end, std::string_view new_end) {
    if (name.ends_with(old_end))
      name.replace(name.size() - old_end.size(), old_end.size(), new_end);
  };
  replace_end("LayerNorm.gamma", "LayerNorm.weight");
  replace_end("LayerNorm.beta", "LayerNorm.bias");
  for (const char* part :
       {"embeddings.", "embeddings_project.", "encoder.", "transformer.", "pooler."})
    if (name.starts_with(part)) return fmt::format("{}{}", config.family->prefix, name);
  return name;
}

bool is_ignored(const EncoderConfig& config, const std::string& name) {
  return name.starts_with("lm_head.") || name.starts_with("cls.") ||
         name.ends_with("embeddings.position_ids") ||
         (!config.family->head.pretrained_dense &&
          canonical(config, name).starts_with(fmt::format("{}pooler.", config.family->prefix)));
}

std::span<float> values_of(const Parameter& parameter, std::vector<float>& weights) {
  return std::span(weights).subspan(static_cast<std::size_t>(parameter.offset),
                                    static_cast<std::size_t>(parameter.size));
}

// N(0, stddev); both values of each Box-Muller draw, since a model has many weights.
void fill_normal(std::span<float> values, double stddev, std::uint64_t seed) {
  random::Stream stream(seed);
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = stddev * std::sqrt(-2.0 * std::log(1.0 - stream.uniform()));
    const double angle = 2.0 * std::numbers::pi * stream.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
}

// The head alone, which another task replaces.
bool is_head(const Family& family, Part part) {
  return part == Part::output || (part == Part::dense && !family.head.pretrained_dense);
}
bool is_head(const Family& family, std::string_view name) {
  return name.starts_with(tensor_name(family, Part::output, 0)) ||
         (!family.head.pretrained_dense && name.starts_with(tensor_name(family, Part::dense, 0)));
}

// For each wanted label its row in the file's head; empty when the names are not the same.
std::vector<std::size_t> head_rows(const std::vector<std::string>& have,
                                   const std::vector<std::string>& wanted) {
  if (wanted.empty())
    return have.size() == 1 ? std::vector<std::size_t>{0} : std::vector<std::size_t>{};
  if (have.size() != wanted.size()) return {};
  std::vector<std::size_t> rows;
  for (const std::string& label : wanted) {
    const auto found = std::ranges::find(have, label);
    if (found == have.end()) return {};
    rows.push_back(static_cast<std::size_t>(found - have.begin()));
  }
  return rows;
}

void permute_rows(const std::vector<std::size_t>& rows, std::span<float> values) {
  const std::vector<float> old(values.begin(), values.end());
  const std::size_t width = values.size() / rows.size();
  for (std::size_t row = 0; row < rows.size(); ++row)
    std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(rows[row] * width), width,
                values.begin() + static_cast<std::ptrdiff_t>(row * width));
}

std::string quoted(const std::vector<std::string>& names) {
  return names.empty() ? "regression" : fmt::format("[{}]", fmt::join(names, ", "));
}

Checkpoint empty_checkpoint(const fs::path& folder, const std::vector<std::string>& labels) {
  Checkpoint checkpoint;
  checkpoint.config = read_config(folder);
  checkpoint.config.labels = labels;
  checkpoint.layout = make_layout(checkpoint.config, std::max(1, static_cast<int>(labels.size())));
  checkpoint.weights.resize(static_cast<std::size_t>(checkpoint.layout.size));
  return checkpoint;
}

}  // namespace

Checkpoint load_checkpoint(const fs::path& folder, const std::vector<std::string>& labels) {
  Checkpoint checkpoint = empty_checkpoint(folder, labels);
  const Family& family = *checkpoint.config.family;
  std::vector<std::string> file_labels = read_config(folder).labels;
  if (file_labels.empty()) file_labels = {"LABEL_0", "LABEL_1"};  // what Hugging Face leaves out
  const TensorSource source(folder);
  std::map<std::string, const TensorView*> found;
  std::vector<std::string> problems;
  bool has_head = false;
  for (const auto& [name, tensor] : source.tensors()) {
    if (is_ignored(checkpoint.config, name)) continue;
    const std::string canonical_name = canonical(checkpoint.config, name);
    has_head |= is_head(family, canonical_name);
    if (!found.emplace(canonical_name, tensor).second)
      problems.push_back(fmt::format("'{}' is there under two names", canonical_name));
  }

  const std::vector<std::size_t> rows = head_rows(file_labels, labels);
  checkpoint.fresh_head = !has_head || rows.empty();
  if (has_head && rows.empty())
    checkpoint.note = fmt::format("{}: the head for {} is replaced by a fresh one for {}",
                                  folder.string(), quoted(file_labels), quoted(labels));
  if (checkpoint.fresh_head)
    std::erase_if(found, [&](const auto& entry) { return is_head(family, entry.first); });

  for (const Parameter& parameter : checkpoint.layout.parameters) {
    const auto entry = found.find(parameter.name);
    if (entry == found.end()) {
      if (!(is_head(family, parameter.part) && checkpoint.fresh_head))
        problems.push_back(fmt::format("'{}' is missing", parameter.name));
      continue;
    }
    const TensorView& tensor = *entry->second;
    found.erase(entry);
    if (!is_float(tensor)) {
      problems.push_back(
          fmt::format("'{}' is {}: F32, F16 or BF16 is needed", parameter.name, tensor.dtype));
    } else if (tensor.shape != parameter.shape) {
      problems.push_back(fmt::format("'{}' has shape [{}] but [{}] is needed", parameter.name,
                                     fmt::join(tensor.shape, ", "),
                                     fmt::join(parameter.shape, ", ")));
    } else if (const std::int64_t bad =
                   read_floats(tensor, values_of(parameter, checkpoint.weights));
               bad > 0) {
      problems.push_back(
          fmt::format("'{}' holds {} values that are NaN or infinite", parameter.name, bad));
    }
  }
  for (const auto& [name, tensor] : found)
    problems.push_back(fmt::format("'{}' is unexpected", name));
  if (!problems.empty())
    throw InputError(fmt::format("{}: does not fit {}:\n  {}", source.name(),
                                 (folder / "config.json").string(), fmt::join(problems, "\n  ")));

  if (!checkpoint.fresh_head)
    for (const Parameter& parameter : checkpoint.layout.parameters)
      if (parameter.part == Part::output)
        permute_rows(rows, values_of(parameter, checkpoint.weights));
  return checkpoint;
}

Checkpoint random_checkpoint(const fs::path& folder, const std::vector<std::string>& labels,
                             std::uint64_t seed) {
  Checkpoint checkpoint = empty_checkpoint(folder, labels);
  const EncoderConfig& config = checkpoint.config;
  for (std::size_t index = 0; index < checkpoint.layout.parameters.size(); ++index) {
    const Parameter& parameter = checkpoint.layout.parameters[index];
    const std::span<float> values = values_of(parameter, checkpoint.weights);
    if (parameter.decay || parameter.part == Part::relative) {
      fill_normal(values, config.initializer_range,
                  random::derive(random::derive(seed, "init"), parameter.name));
    } else if (is_norm(parameter.part) && !parameter.bias) {
      std::ranges::fill(values, 1.0F);
    }
    const auto width = static_cast<std::size_t>(config.table_width());
    // nn.Embedding(padding_idx): that row is zero and stays so.
    const bool padded = parameter.part == Part::word ||
                        (parameter.part == Part::position && config.family->positions_from_pad);
    if (padded)
      std::ranges::fill(
          values.subspan(static_cast<std::size_t>(config.pad_token_id) * width, width), 0.0F);
  }
  return checkpoint;
}

void init_head(const EncoderConfig& config, const Layout& layout, std::span<float> weights,
               HeadInit init, std::uint64_t seed) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(config.hidden_size));  // nn.Linear
  for (const Parameter& parameter : layout.parameters) {
    if (!is_head(*config.family, parameter.part)) continue;
    const std::uint64_t own = random::derive(random::derive(seed, "head"), parameter.name);
    const std::span<float> values = weights.subspan(static_cast<std::size_t>(parameter.offset),
                                                    static_cast<std::size_t>(parameter.size));
    if (init == HeadInit::normal && parameter.decay) {
      fill_normal(values, config.initializer_range, own);
    } else if (init == HeadInit::normal) {
      std::ranges::fill(values, 0.0F);
    } else {
      random::Stream stream(own);
      for (float& value : values)
        value = static_cast<float>(bound * (2.0 * stream.uniform() - 1.0));
    }
  }
}

void save_checkpoint(const fs::path& folder, const EncoderConfig& config, const Layout& layout,
                     std::span<const float> weights, const fs::path& source) {
  std::vector<NamedTensor> tensors;
  for (const Parameter& parameter : layout.parameters)
    tensors.push_back({parameter.name, parameter.shape,
                       weights.subspan(static_cast<std::size_t>(parameter.offset),
                                       static_cast<std::size_t>(parameter.size))});
  for (const char* file :
       {"vocab.json", "merges.txt", "vocab.txt", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "sentencepiece.bpe.model"})
    if (fs::exists(source / file))
      io::write_file_atomic(folder / file, io::read_file(source / file));
  io::write_file_atomic(folder / "config.json", config_json(config));
  write_safetensors(folder / "model.safetensors", tensors);
}

}  // namespace runner::model
