#include "model/config.hpp"

#include <filesystem>
#include <string>
#include <utility>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "tiny_config.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::temp_directory_path() / "runner_config_test";

// What reading a small config with one key of another value complains of; empty: nothing.
std::string message(const std::string& key, const io::Json& value) {
  auto json = io::Json::parse(model::config_json(tiny_config({"no", "yes"})));
  json[key] = value;
  io::write_file_atomic(kFolder / "config.json", json.dump());
  try {
    model::read_config(kFolder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a config that cannot be served names the key") {
  CHECK(message("hidden_size", "x").find("key 'hidden_size' is \"x\"") != std::string::npos);
  CHECK(message("hidden_size", nullptr).find("key 'hidden_size' is missing") != std::string::npos);
  CHECK(message("num_attention_heads", 3).find("not a multiple") != std::string::npos);
  CHECK(message("model_type", "t5")
            .find("one of roberta, xlm-roberta, camembert, bert, distilbert, electra, mpnet is "
                  "needed") != std::string::npos);
  CHECK(message("hidden_act", "relu").find("only gelu is known") != std::string::npos);
  CHECK(message("is_decoder", true).find("key 'is_decoder' is true") != std::string::npos);
  CHECK(message("add_cross_attention", true).find("key 'add_cross_attention'") !=
        std::string::npos);
  CHECK(message("position_embedding_type", "relative_key").find("key 'position_embedding_type'") !=
        std::string::npos);
  CHECK(message("pruned_heads", {{"1", {0}}}).find("key 'pruned_heads'") != std::string::npos);
  CHECK(message("hidden_act", "gelu_new").find("key 'hidden_act'") != std::string::npos);
  for (const auto& [key, value] : {std::pair<const char*, io::Json>("is_decoder", false),
                                   {"pruned_heads", io::Json::object()},
                                   {"position_embedding_type", "absolute"},
                                   {"hidden_act", "gelu_python"},
                                   {"id2label", 7}})
    CHECK(message(key, value).empty());
  CHECK(message("max_position_embeddings", 2).find("no position") != std::string::npos);
  CHECK(message("pad_token_id", nullptr).empty());
  CHECK(model::read_config(kFolder).pad_token_id == 1);
  CHECK(model::read_config(kFolder).max_length() == 10);
  io::write_file_atomic(kFolder / "config.json", "{");
  CHECK_THROWS_AS(model::read_config(kFolder), InputError);
}

TEST_CASE("sizes beyond any encoder's are refused with their key") {
  CHECK(message("num_hidden_layers", 1'000'000'000)
            .find("key 'num_hidden_layers' is 1000000000: an integer from 1 to 10000 is needed") !=
        std::string::npos);
  CHECK(
      message("vocab_size", 1'000'000'000'000).find("an integer from 1 to 1000000000 is needed") !=
      std::string::npos);
  CHECK(message("hidden_size", 1'000'000'000).find("config.json: describes a network of 4.0e+18") !=
        std::string::npos);
}
