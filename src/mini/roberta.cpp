#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "mini/bpe.hpp"
#include "mini/glue.hpp"
#include "mini/tasks.hpp"
#include "mini/weights.hpp"

namespace runner::mini {

namespace {

// Round to nearest, ties to even. Every weight here is below 65504; below 2^-14 it is subnormal.
std::uint16_t half(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double size = std::fabs(value);
  if (size < 0x1p-14) return sign | static_cast<std::uint16_t>(std::nearbyint(size * 0x1p24));
  int exponent = 0;
  const double mantissa = std::frexp(size, &exponent);                     // in [0.5, 1)
  const auto steps = static_cast<int>(std::nearbyint(mantissa * 2048.0));  // [1024, 2048]
  return sign | static_cast<std::uint16_t>(((exponent + 14) << 10) + steps - 1024);
}

std::string safetensors(const std::vector<Tensor>& tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::string payload;
  for (const Tensor& tensor : tensors) {
    const std::size_t begin = payload.size();
    for (const double value : tensor.values) {
      const std::uint16_t bits = half(value);
      payload += static_cast<char>(bits & 0xFF);
      payload += static_cast<char>(bits >> 8);
    }
    header[tensor.name] = {
        {"dtype", "F16"}, {"shape", tensor.shape}, {"data_offsets", {begin, payload.size()}}};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string bytes;
  for (std::size_t shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>((text.size() >> shift) & 0xFF);
  }
  return bytes + text + payload;
}

std::string config_json(std::size_t vocabulary) {
  nlohmann::ordered_json config;
  config["architectures"] = {"RobertaModel"};
  config["attention_probs_dropout_prob"] = 0.1;
  config["bos_token_id"] = 0;
  config["eos_token_id"] = 2;
  config["hidden_act"] = "gelu";
  config["hidden_dropout_prob"] = 0.1;
  config["hidden_size"] = kHidden;
  config["initializer_range"] = 0.02;
  config["intermediate_size"] = kInner;
  config["layer_norm_eps"] = 1e-5;
  config["max_position_embeddings"] = kPositions;
  config["model_type"] = "roberta";
  config["num_attention_heads"] = kHeads;
  config["num_hidden_layers"] = kLayers;
  config["pad_token_id"] = 1;
  config["type_vocab_size"] = 1;
  config["vocab_size"] = vocabulary;
  return config.dump(2) + '\n';
}

// What the tokenizer learns from: the tasks' sentences, but not the very rows of the data.
std::string corpus(std::uint64_t seed) {
  constexpr std::array kTasks = {cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli};
  std::string text;
  random::Stream draw(random::derive(seed, "corpus"));
  for (const auto make : kTasks) {
    for (int i = 0; i < 400; ++i) {
      const Example row = make(draw);
      text += row.a + '\n' + row.b + '\n';
    }
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> tiny_roberta(std::uint64_t seed) {
  constexpr std::size_t kMerges = 900;  // all but a few words are then one token
  const LearntBpe bpe = learn_bpe(corpus(seed), kMerges);
  return {{"config.json", config_json(bpe.tokens.size())},
          {"vocab.json", vocab_json(bpe)},
          {"merges.txt", merges_txt(bpe)},
          {"model.safetensors", safetensors(tiny_weights(bpe, seed))}};
}

}  // namespace runner::mini
