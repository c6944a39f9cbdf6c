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
                              .head_dropout = "classifier_dropout",
                              .layer_norm_eps = "layer_norm_eps",
                              .pad_token_id = "pad_token_id"};

constexpr ConfigKeys kDistilBertKeys = {.hidden_size = "dim",
                                        .layers = "n_layers",
                                        .heads = "n_heads",
                                        .intermediate_size = "hidden_dim",
                                        .activation = "activation",
                                        .dropout = "dropout",
                                        .attention_dropout = "attention_dropout",
                                        .head_dropout = "seq_classif_dropout",
                                        .layer_norm_eps = "",
                                        .pad_token_id = "pad_token_id"};

// MPNet's padding is fixed, and its head has the hidden states' dropout.
constexpr ConfigKeys kMPNetKeys = [] {
  ConfigKeys keys = kKeys;
  keys.head_dropout = keys.pad_token_id = "";
  return keys;
}();

constexpr std::array<std::string_view, kEncoderParts> kNames = {
    "embeddings.word_embeddings",
    "embeddings.position_embeddings",
    "embeddings.token_type_embeddings",
    "embeddings.LayerNorm",
    "embeddings_project",
    "",
    "encoder.layer.{}.attention.self.query",
    "encoder.layer.{}.attention.self.key",
    "encoder.layer.{}.attention.self.value",
    "encoder.layer.{}.attention.output.dense",
    "encoder.layer.{}.attention.output.LayerNorm",
    "encoder.layer.{}.intermediate.dense",
    "encoder.layer.{}.output.dense",
    "encoder.layer.{}.output.LayerNorm",
};

constexpr std::array<std::string_view, kEncoderParts> kDistilBertNames = {
    "embeddings.word_embeddings",
    "embeddings.position_embeddings",
    "",
    "embeddings.LayerNorm",
    "",
    "",
    "transformer.layer.{}.attention.q_lin",
    "transformer.layer.{}.attention.k_lin",
    "transformer.layer.{}.attention.v_lin",
    "transformer.layer.{}.attention.out_lin",
    "transformer.layer.{}.sa_layer_norm",
    "transformer.layer.{}.ffn.lin1",
    "transformer.layer.{}.ffn.lin2",
    "transformer.layer.{}.output_layer_norm",
};

constexpr std::array<std::string_view, kEncoderParts> kMPNetNames = {
    "embeddings.word_embeddings",
    "embeddings.position_embeddings",
    "",
    "embeddings.LayerNorm",
    "",
    "encoder.relative_attention_bias",
    "encoder.layer.{}.attention.attn.q",
    "encoder.layer.{}.attention.attn.k",
    "encoder.layer.{}.attention.attn.v",
    "encoder.layer.{}.attention.attn.o",
    "encoder.layer.{}.attention.LayerNorm",
    "encoder.layer.{}.intermediate.dense",
    "encoder.layer.{}.output.dense",
    "encoder.layer.{}.output.LayerNorm",
};

constexpr Head kRobertaHead = {.dense = "classifier.dense", .output = "classifier.out_proj"};
constexpr Head kElectraHead = {
    .dense = "classifier.dense", .output = "classifier.out_proj", .activation = Activation::gelu};
constexpr Head kBertHead = {.dense = "bert.pooler.dense",
                            .output = "classifier",
                            .input_dropout = false,
                            .pretrained_dense = true};
constexpr Head kDistilBertHead = {.dense = "pre_classifier",
                                  .output = "classifier",
                                  .activation = Activation::relu,
                                  .input_dropout = false,
                                  .dropout = 0.2};

constexpr std::array kFamilies = {
    Family{.model_type = "roberta",
           .architecture = "RobertaForSequenceClassification",
           .prefix = "roberta.",
           .keys = &kKeys,
           .names = &kNames,
           .head = kRobertaHead,
           .positions_from_pad = true,
           .pad_token_id = 1,  // some published configs say null
           .type_vocab_size = 1},
    Family{.model_type = "xlm-roberta",
           .architecture = "XLMRobertaForSequenceClassification",
           .prefix = "roberta.",
           .keys = &kKeys,
           .names = &kNames,
           .head = kRobertaHead,
           .positions_from_pad = true,
           .pad_token_id = 1,
           .type_vocab_size = 1},
    Family{.model_type = "camembert",
           .architecture = "CamembertForSequenceClassification",
           .prefix = "roberta.",
           .keys = &kKeys,
           .names = &kNames,
           .head = kRobertaHead,
           .positions_from_pad = true,
           .pad_token_id = 1,
           .type_vocab_size = 1},
    Family{.model_type = "bert",
           .architecture = "BertForSequenceClassification",
           .prefix = "bert.",
           .keys = &kKeys,
           .names = &kNames,
           .head = kBertHead,
           .positions_from_pad = false,
           .pad_token_id = 0,
           .type_vocab_size = 2},
    Family{.model_type = "distilbert",
           .architecture = "DistilBertForSequenceClassification",
           .prefix = "distilbert.",
           .keys = &kDistilBertKeys,
           .names = &kDistilBertNames,
           .head = kDistilBertHead,
           .positions_from_pad = false,
           .pad_token_id = 0,
           .attention_output_dropout = false},
    Family{.model_type = "electra",
           .architecture = "ElectraForSequenceClassification",
           .prefix = "electra.",
           .keys = &kKeys,
           .names = &kNames,
           .head = kElectraHead,
           .positions_from_pad = false,
           .pad_token_id = 0,
           .type_vocab_size = 2,
           .embedding_size = 128},
    Family{.model_type = "mpnet",
           .architecture = "MPNetForSequenceClassification",
           .prefix = "mpnet.",
           .keys = &kMPNetKeys,
           .names = &kMPNetNames,
           .head = kRobertaHead,
           .positions_from_pad = true,
           .pad_token_id = 1,
           .relative_bias = true},
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
