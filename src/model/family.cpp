#include "model/family.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace runner::model {
namespace {

constexpr ConfigKeys kKeys = {.hidden_size = "hidden_size",
                              .layers = "num_hidden_layers",
                              .heads = "num_attention_heads",
                              .intermediate_size = "intermediate_size",
                              .activation = "hidden_act",
                              .dropout = "hidden_dropout_prob",
                              .attention_dropout = "attention_probs_dropout_prob",
                              .head_dropout = "classifier_dropout"};

constexpr std::array<std::string_view, kEncoderParts> kNames = {
    "embeddings.word_embeddings",
    "embeddings.position_embeddings",
    "embeddings.token_type_embeddings",
    "embeddings.LayerNorm",
    "encoder.layer.{}.attention.self.query",
    "encoder.layer.{}.attention.self.key",
    "encoder.layer.{}.attention.self.value",
    "encoder.layer.{}.attention.output.dense",
    "encoder.layer.{}.attention.output.LayerNorm",
    "encoder.layer.{}.intermediate.dense",
    "encoder.layer.{}.output.dense",
    "encoder.layer.{}.output.LayerNorm",
};

constexpr std::array kFamilies = {
    Family{.model_type = "roberta",
           .architecture = "RobertaForSequenceClassification",
           .prefix = "roberta.",
           .keys = &kKeys,
           .names = &kNames,
           .head = {"classifier.dense", "classifier.out_proj", true, false},
           .positions_from_pad = true,
           .type_vocab_size = 1,
           .pad_token_id = 1},  // some published configs say null
    Family{.model_type = "bert",
           .architecture = "BertForSequenceClassification",
           .prefix = "bert.",
           .keys = &kKeys,
           .names = &kNames,
           .head = {"bert.pooler.dense", "classifier", false, true},
           .positions_from_pad = false,
           .type_vocab_size = 2,
           .pad_token_id = 0},
};

}  // namespace

std::span<const Family> families() { return kFamilies; }

const Family* find_family(std::string_view model_type) {
  const auto found = std::ranges::find(kFamilies, model_type, &Family::model_type);
  return found != kFamilies.end() ? &*found : nullptr;
}

std::string tensor_name(const Family& family, Part part, int layer) {
  if (part == Part::dense) return std::string(family.head.dense);
  if (part == Part::output) return std::string(family.head.output);
  const std::string_view name = (*family.names)[static_cast<std::size_t>(part)];
  return fmt::format("{}{}", family.prefix, fmt::format(fmt::runtime(name), layer));
}

}  // namespace runner::model
