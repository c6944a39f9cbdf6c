#include "train/progress.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <type_traits>

#include "io/csv.hpp"
#include "io/file.hpp"

namespace runner::train {
namespace fs = std::filesystem;
namespace {

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Parts of bytes, each with its length and hash before it.
class PartWriter {
 public:
  explicit PartWriter(const fs::path& path) : file_(path) {}
  void write(std::string_view bytes) {
    const std::uint64_t size = bytes.size();
    file_.write({reinterpret_cast<const char*>(&size), sizeof size});
    file_.write(io::content_hash(bytes));
    file_.write(bytes);
  }
  void commit() { file_.commit(); }

 private:
  io::AtomicFile file_;
};

class PartReader {
 public:
  explicit PartReader(const fs::path& path) : file_(path), rest_(file_.bytes()) {}

  // The next part; not whole() from the first that is torn on.
  std::string_view next() {
    std::uint64_t size = 0;
    if (!whole_ || rest_.size() < sizeof size + kHash) return fail();
    std::memcpy(&size, rest_.data(), sizeof size);
    const std::string_view hash = rest_.substr(sizeof size, kHash);
    rest_.remove_prefix(sizeof size + kHash);
    if (rest_.size() < size) return fail();
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return io::content_hash(part) == hash ? part : fail();
  }
  template <typename T>
  std::vector<T> next_vector() {
    const std::string_view part = next();
    if (part.size() % sizeof(T) != 0) fail();
    std::vector<T> values(part.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), part.data(), values.size() * sizeof(T));
    return values;
  }
  bool whole() const { return whole_; }

 private:
  static constexpr std::size_t kHash = 32;
  std::string_view fail() {
    whole_ = false;
    return {};
  }
  io::MappedFile file_;
  std::string_view rest_;
  bool whole_ = true;
};

struct Counters {
  std::int64_t step, examples, tokens;
  double flops, seconds;
};

}  // namespace

std::string job_fingerprint(const Job& job) {
  const Options& o = job.options;
  std::string text = "progress 4\n" + model::config_json(job.config);
  const auto add = [&](std::string_view name, double value) {
    text += fmt::format("{}={}\n", name, io::number(value));
  };
  add("classes", job.classes);
  add("fresh_head", job.fresh_head ? 1 : 0);
  if (job.fresh_pooler) add("fresh_pooler", 1);
  text += fmt::format("seed={} device={}\n", job.seed, job.device.is_cpu() ? "cpu" : "cuda");
  add("epochs", o.epochs);
  add("max_steps", static_cast<double>(o.max_steps));
  add("batch_size", o.batch_size);
  add("accumulation", o.accumulation);
  add("lr", o.lr);
  add("schedule", static_cast<int>(o.schedule));
  add("warmup", o.warmup);
  add("first_step", static_cast<int>(o.first_step));
  add("beta1", o.beta1);
  add("beta2", o.beta2);
  add("eps", o.eps);
  add("weight_decay", o.weight_decay);
  add("decay_all", o.decay_all ? 1 : 0);
  add("max_grad_norm", o.max_grad_norm);
  add("dropout", o.dropout);
  add("attention_dropout", o.attention_dropout);
  add("head_dropout", o.head_dropout);
  add("head_init", static_cast<int>(o.head_init));
  add("precision", static_cast<int>(o.precision));
  add("group_by_length", o.group_by_length ? 1 : 0);
  add("frozen_layers", o.frozen_layers);
  add("frozen_dropout", o.frozen_dropout ? 1 : 0);
  add("snapshots", o.snapshots);
  add("snapshot_start", o.snapshot_start);
  add("ema_decay", o.ema_decay);
  add("target_scale", o.target_scale);
  for (const Rung& rung : job.rungs) add("rung", static_cast<double>(rung.step));
  for (const std::string_view part :
       {bytes_of(job.data->ids), bytes_of(job.data->types), bytes_of(job.data->offsets),
        bytes_of(job.data->labels),
        std::string_view(reinterpret_cast<const char*>(job.weights.data()),
                         job.weights.size_bytes())})
    text += io::content_hash(part) + "\n";
  return io::content_hash(text);
}

void save_progress(const fs::path& folder, const Progress& progress) {
  const std::vector<Counters> counters = {
      {progress.step, progress.examples, progress.tokens, progress.flops, progress.seconds}};
  PartWriter writer(folder / "progress");
  writer.write(progress.job);
  writer.write(bytes_of(counters));
  writer.write(bytes_of(progress.curve));
  writer.write(bytes_of(progress.rungs));
  for (const auto* values : {&progress.weights, &progress.m, &progress.v, &progress.ema})
    writer.write(bytes_of(*values));
  writer.commit();
}

std::optional<Progress> load_progress(const fs::path& folder, const std::string& job) {
  if (!fs::exists(folder / "progress")) return std::nullopt;
  PartReader reader(folder / "progress");
  Progress progress;
  progress.job = std::string(reader.next());
  if (progress.job != job) return std::nullopt;
  const auto counters = reader.next_vector<Counters>();
  progress.curve = reader.next_vector<StepRecord>();
  progress.rungs = reader.next_vector<RungRecord>();
  for (auto* values : {&progress.weights, &progress.m, &progress.v, &progress.ema})
    *values = reader.next_vector<float>();
  if (!reader.whole() || counters.size() != 1) return std::nullopt;
  progress.step = counters[0].step;
  progress.examples = counters[0].examples;
  progress.tokens = counters[0].tokens;
  progress.flops = counters[0].flops;
  progress.seconds = counters[0].seconds;
  return progress;
}

void remove_progress(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "progress", ignored);
}

}  // namespace runner::train
