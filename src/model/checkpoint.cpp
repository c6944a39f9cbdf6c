#include "model/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "io/error.hpp"
#include "io/file.hpp"
#include "model/safetensors.hpp"
#include "model/tensor_source.hpp"
#include "random/philox.hpp"

namespace runner::model {
namespace fs = std::filesystem;
namespace {

// The parts of a network that a file without the family's prefix begins its names with.
constexpr std::array kNetworkParts = {"embeddings.", "embeddings_project.", "encoder.",
                                      "transformer."};

// A name as the layout writes it: with the family's prefix and LayerNorm's newer names.
std::string canonical(const EncoderConfig& config, std::string name) {
  const auto replace_end = [&](std::string_view old_end, std::string_view new_end) {
    if (name.ends_with(old_end))
      name.replace(name.size() - old_end.size(), old_end.size(), new_end);
  };
  replace_end("LayerNorm.gamma", "LayerNorm.weight");
  replace_end("LayerNorm.beta", "LayerNorm.bias");
  const auto begins = [&](const char* part) { return name.starts_with(part); };
  if (std::ranges::any_of(kNetworkParts, begins) || begins("pooler."))
    return fmt::format("{}{}", config.family->prefix, name);
  return name;
}

// Whether a tensor that the layout does not have would take part in the network: then another
// network is meant. Buffers are none, nor are heads and a pooler that nothing reads.
bool changes_network(const Family& family, std::string_view name) {
  if (name.ends_with(".position_ids") || name.ends_with(".token_type_ids")) return false;
  if (!name.starts_with(family.prefix)) return false;
  name.remove_prefix(family.prefix.size());
  return std::ranges::any_of(kNetworkParts, [&](const char* p) { return name.starts_with(p); });
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

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// For each wanted label its row in the file's head; empty when the names are not the same, whatever
// their case.
std::vector<std::size_t> head_rows(const std::vector<std::string>& have,
                                   const std::vector<std::string>& wanted) {
  if (wanted.empty())
    return have.size() == 1 ? std::vector<std::size_t>{0} : std::vector<std::size_t>{};
  if (have.size() != wanted.size()) return {};
  std::map<std::string, std::size_t> exact, in_lower_case;
  for (std::size_t row = 0; row < have.size(); ++row) {
    exact.emplace(have[row], row);
    in_lower_case.emplace(lower(have[row]), row);
  }
  std::vector<std::size_t> rows;
  for (const std::string& label : wanted) {
    if (const auto found = exact.find(label); found != exact.end()) {
      rows.push_back(found->second);
    } else if (const auto alike = in_lower_case.find(lower(label)); alike != in_lower_case.end()) {
      rows.push_back(alike->second);
    } else {
      return {};
    }
  }
  // Names that case alone tells apart may both have found one.
  const std::set<std::size_t> distinct(rows.begin(), rows.end());
  return distinct.size() == rows.size() ? rows : std::vector<std::size_t>{};
}

void permute_rows(const std::vector<std::size_t>& rows, std::span<float> values) {
  const std::vector<float> old(values.begin(), values.end());
  const std::size_t width = values.size() / rows.size();
  for (std::size_t row = 0; row < rows.size(); ++row)
    std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(rows[row] * width), width,
                values.begin() + static_cast<std::ptrdiff_t>(row * width));
}

// Of a head's matrix; 0 for a tensor that is none.
std::int64_t rows_of(const TensorView& tensor) {
  return tensor.shape.empty() ? 0 : tensor.shape.front();
}

// The first of some lines, and how many there are beyond them.
std::vector<std::string> first_of(std::vector<std::string> lines) {
  constexpr std::size_t kShown = 20;
  if (lines.size() > kShown) {
    const std::size_t more = lines.size() - kShown;
    lines.resize(kShown);
    lines.push_back(fmt::format("and {} more", more));
  }
  return lines;
}

std::string quoted(const std::vector<std::string>& names) {
  return names.empty() ? "regression" : fmt::format("[{}]", fmt::join(first_of(names), ", "));
}

// Without room for the weights, which is made once it is known to be needed.
Checkpoint empty_checkpoint(const fs::path& folder, const std::vector<std::string>& labels) {
  Checkpoint checkpoint;
  checkpoint.config = read_config(folder);
  checkpoint.config.labels = labels;
  checkpoint.layout = make_layout(checkpoint.config, std::max(1, static_cast<int>(labels.size())));
  return checkpoint;
}

// Puts a file's tensors into a checkpoint's weights.
class Loader {
 public:
  Loader(const fs::path& folder, const std::vector<std::string>& labels)
      : folder_(folder), checkpoint_(empty_checkpoint(folder, labels)), source_(folder) {
    for (const auto& [name, tensor] : source_.tensors()) {
      std::string canonical_name = canonical(checkpoint_.config, name);
      if (!found_.emplace(canonical_name, tensor).second)
        problems_.push_back(fmt::format("'{}' is there under two names", canonical_name));
    }
  }

  Checkpoint load() {
    const std::vector<std::size_t> rows = choose_head();
    choose_pooler();
    if (checkpoint_.fresh_pooler)
      note("there is no pooler: it begins fresh, as the head does");
    else if (checkpoint_.fresh_head && checkpoint_.notes.empty())
      note("there is no head for classification: it begins fresh");
    std::vector<std::pair<const Parameter*, const TensorView*>> wanted;
    for (const Parameter& parameter : checkpoint_.layout.parameters)
      if (!is_fresh(parameter.part)) wanted.emplace_back(&parameter, take(parameter));
    leave_the_rest();
    throw_problems();
    // The sizes are those of the file now.
    checkpoint_.weights.resize(static_cast<std::size_t>(checkpoint_.layout.size));
    for (const auto& [parameter, tensor] : wanted) {
      const std::span<float> values = values_of(*parameter, checkpoint_.weights);
      if (const std::int64_t bad = read_floats(*tensor, values); bad > 0)
        problems_.push_back(
            fmt::format("'{}' holds {} values that are NaN or infinite", parameter->name, bad));
      else if (parameter->part == Part::output)
        permute_rows(rows, values);
    }
    throw_problems();
    return std::move(checkpoint_);
  }

 private:
  const Family& family() const { return *checkpoint_.config.family; }
  bool is_fresh(Part part) const {
    return (checkpoint_.fresh_head && is_head(family(), part)) ||
           (checkpoint_.fresh_pooler && part == Part::dense);
  }
  const TensorView* tensor_of(const Parameter& parameter) const {
    const auto entry = found_.find(parameter.name);
    return entry != found_.end() ? entry->second : nullptr;
  }
  void note(std::string text) {
    checkpoint_.notes.push_back(fmt::format("{}: {}", folder_.string(), text));
  }

  // Whether the file's head is one for the wanted labels: then their rows in it.
  std::vector<std::size_t> choose_head() {
    const TensorView* output = tensor_of(checkpoint_.layout.weight(Part::output));
    std::vector<std::string> have = read_config(folder_).labels;
    if (have.empty() && output != nullptr && rows_of(*output) == 2)
      have = {"LABEL_0", "LABEL_1"};  // what Hugging Face leaves out
    const std::vector<std::string>& wanted = checkpoint_.config.labels;
    std::vector<std::size_t> rows = head_rows(have, wanted);
    bool whole = true;
    for (const Parameter& parameter : checkpoint_.layout.parameters)
      if (is_head(family(), parameter.part)) {
        const TensorView* tensor = tensor_of(parameter);
        whole = whole && tensor != nullptr && tensor->shape == parameter.shape;
      }
    checkpoint_.fresh_head = !whole || rows.empty();
    if (!checkpoint_.fresh_head) return rows;
    if (output != nullptr)
      note(fmt::format("the head for {} is replaced by a fresh one for {}",
                       have.size() == 1 ? "regression"
                       : have.empty()   ? fmt::format("{} labels without names", rows_of(*output))
                                        : quoted(have),
                       quoted(wanted)));
    drop([&](Part part) { return is_head(family(), part); });
    return rows;
  }

  // Takes the tensors of some parts for absent.
  template <typename Of>
  void drop(const Of& of) {
    for (const Parameter& parameter : checkpoint_.layout.parameters)
      if (of(parameter.part)) found_.erase(parameter.name);
  }

  // A pooler is trained with a head: without one the head's input is new, and it begins anew too.
  void choose_pooler() {
    if (!family().head.pretrained_dense) return;
    if (tensor_of(checkpoint_.layout.weight(Part::dense)) != nullptr ||
        tensor_of(checkpoint_.layout.bias(Part::dense)) != nullptr)
      return;
    checkpoint_.fresh_head = checkpoint_.fresh_pooler = true;
    drop([](Part part) { return part == Part::output; });
  }

  // A parameter's tensor, checked but for its values.
  const TensorView* take(const Parameter& parameter) {
    const TensorView* tensor = tensor_of(parameter);
    if (tensor == nullptr) {
      problems_.push_back(fmt::format("'{}' is missing", parameter.name));
      return nullptr;
    }
    found_.erase(parameter.name);
    if (!is_float(*tensor))
      problems_.push_back(
          fmt::format("'{}' is {}: F32, F16 or BF16 is needed", parameter.name, tensor->dtype));
    else if (tensor->shape != parameter.shape)
      problems_.push_back(fmt::format("'{}' has shape [{}] but [{}] is needed", parameter.name,
                                      fmt::join(tensor->shape, ", "),
                                      fmt::join(parameter.shape, ", ")));
    return tensor;
  }

  void throw_problems() const {
    if (!problems_.empty())
      throw InputError(fmt::format("{}: does not fit {}:\n  {}", source_.name(),
                                   (folder_ / "config.json").string(),
                                   fmt::join(first_of(problems_), "\n  ")));
  }

  // Tensors of the network are a problem; others are named, by what they have in common.
  void leave_the_rest() {
    std::map<std::string, std::vector<std::string>> aside;  // by the names' first part
    for (const auto& [name, tensor] : found_) {
      if (changes_network(family(), name)) {
        problems_.push_back(fmt::format("'{}' is unexpected", name));
        continue;
      }
      std::string_view rest = name;
      if (rest.starts_with(family().prefix)) rest.remove_prefix(family().prefix.size());
      aside[std::string(rest.substr(0, rest.find('.')))].push_back(name);
    }
    if (aside.empty()) return;
    std::vector<std::string> groups;
    for (const auto& [group, names] : aside)
      groups.push_back(names.size() == 1 ? names.front()
                                         : fmt::format("{} ({} tensors)", group, names.size()));
    note(fmt::format("left aside, for nothing reads it: {}", fmt::join(groups, ", ")));
  }

  fs::path folder_;
  Checkpoint checkpoint_;
  TensorSource source_;
  std::map<std::string, const TensorView*> found_;  // by canonical name; what is not used yet
  std::vector<std::string> problems_;
};

}  // namespace

Checkpoint load_checkpoint(const fs::path& folder, const std::vector<std::string>& labels) {
  return Loader(folder, labels).load();
}

Checkpoint random_checkpoint(const fs::path& folder, const std::vector<std::string>& labels,
                             std::uint64_t seed) {
  Checkpoint checkpoint = empty_checkpoint(folder, labels);
  checkpoint.weights.resize(static_cast<std::size_t>(checkpoint.layout.size));
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
               HeadInit init, std::uint64_t seed, bool pooler) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(config.hidden_size));  // nn.Linear
  for (const Parameter& parameter : layout.parameters) {
    if (!is_head(*config.family, parameter.part) && !(pooler && parameter.part == Part::dense))
      continue;
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
