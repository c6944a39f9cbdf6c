#include "cli/model_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "io/error.hpp"
#include "io/file.hpp"
#include "model/checkpoint.hpp"

namespace runner::cli {
namespace fs = std::filesystem;

void require_new_folder(const fs::path& folder) {
  if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
    throw InputError(
        fmt::format("{}: is there already; a model goes into a new folder", folder.string()));
  }
}

void write_model_folder(const fs::path& folder, const model::EncoderConfig& config,
                        std::span<const float> weights, const fs::path& tokenizer,
                        const std::string& card) {
  require_new_folder(folder);
  fs::path whole = fs::absolute(folder / "").lexically_normal().parent_path();
  const fs::path part = whole.string() + fmt::format(".new.{}", ::getpid());
  struct Removed {
    const fs::path& path;
    ~Removed() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } const removed{part};
  const int classes = std::max(1, static_cast<int>(config.labels.size()));
  model::save_checkpoint(part, config, model::make_layout(config, classes), weights, tokenizer);
  io::write_file_atomic(part / "README.md", card);
  std::error_code error;
  fs::rename(part, whole, error);  // an empty folder may be there
  if (error) throw InputError(fmt::format("{}: {}", whole.string(), error.message()));
}

}  // namespace runner::cli
