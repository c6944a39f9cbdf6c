#include "spec/presets.hpp"

#include <algorithm>
#include <array>

namespace runner::spec {
namespace {

using train::FirstStep;
using train::HeadInit;
using train::Options;
using train::Schedule;

bool is_one_of(std::string_view task, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, task) != names.end();
}

// fairseq's examples/roberta (README.glue.md and config/finetuning): what Liu et al. 2019 report
// per task out of lr {1, 2, 3}e-5 and batch {16, 32}. WNLI is not there and is treated as RTE is.
void roberta_paper(Trial& trial, std::string_view task) {
  Options& options = trial.train;
  const bool large = is_one_of(task, {"MNLI", "QNLI", "QQP", "SST-2"});
  options.lr = large || is_one_of(task, {"CoLA", "MRPC"}) ? 1e-5 : 2e-5;
  options.batch_size = large ? 32 : 16;
  options.epochs = 10;
  options.schedule = Schedule::linear;
  options.warmup = 0.06;
  options.first_step = FirstStep::one;
  options.beta1 = 0.9;
  options.beta2 = 0.98;
  options.eps = 1e-6;
  options.weight_decay = 0.1;
  options.decay_all = true;
  options.max_grad_norm = 0.0;
  options.dropout = 0.1;
  options.attention_dropout = 0.1;
  options.head_dropout = 0.0;
  options.head_init = HeadInit::uniform;
  options.max_length = 512;
  options.target_scale = task == "STS-B" ? 5.0 : 1.0;
}

// transformers' run_glue.py and TrainingArguments, nothing changed.
void hf_default(Trial& trial, std::string_view) {
  Options& options = trial.train;
  options.lr = 5e-5;
  options.batch_size = 8;
  options.epochs = 3;
  options.schedule = Schedule::linear;
  options.warmup = 0.0;
  options.first_step = FirstStep::zero;
  options.beta1 = 0.9;
  options.beta2 = 0.999;
  options.eps = 1e-8;
  options.weight_decay = 0.0;
  options.decay_all = false;
  options.max_grad_norm = 1.0;
  options.dropout = -1.0;
  options.attention_dropout = -1.0;
  options.head_dropout = -1.0;
  options.head_init = HeadInit::normal;
  options.max_length = 128;
  options.group_by_length = false;
  options.target_scale = 1.0;
}

// Mosbach, Andriushchenko, Klakow 2021, "On the stability of fine-tuning BERT": long and debiased;
// the middle of their learning rates {1, 2, 3}e-5.
void mosbach(Trial& trial, std::string_view task) {
  Options& options = trial.train;
  hf_default(trial, task);
  options.lr = 2e-5;
  options.batch_size = 16;
  options.epochs = 20;
  options.warmup = 0.1;
  options.eps = 1e-6;
  options.weight_decay = 0.01;
  options.group_by_length = true;
}

// Jang et al. 2024, "Model fusion through Bayesian optimization in language model fine-tuning"
// (BOMF, arXiv 2411.06710): a constant rate after warm-up keeps the snapshots apart.
void bomf(Trial& trial, std::string_view task) {
  Options& options = trial.train;
  hf_default(trial, task);
  options.lr = 2e-5;
  options.batch_size = 16;
  options.epochs = 10;
  options.schedule = Schedule::constant;
  options.warmup = 0.2;
  options.beta2 = 0.98;
  options.eps = 1e-6;
  options.weight_decay = 0.1;
  options.max_length = 512;
  options.group_by_length = true;
  options.snapshots = 15;
  options.snapshot_start = 0.5;
  trial.fusion.evaluations = 46;  // 15 snapshots make 23 starts in bf16; the model gets half
}

constexpr std::array kPresets = {
    Preset{"roberta_paper",
           "fairseq's GLUE settings for RoBERTa: 10 epochs, warm-up 6 %, lr and batch by task",
           roberta_paper},
    Preset{"hf_default", "Hugging Face's run_glue.py as it comes: 3 epochs, lr 5e-5, batch 8",
           hf_default},
    Preset{"mosbach", "Mosbach et al. 2021: 20 epochs, warm-up 10 %, lr 2e-5, batch 16", mosbach},
    Preset{
        "bomf",
        "BOMF's training: 10 epochs, warm-up 20 % then a constant lr, 15 snapshots of the second "
        "half",
        bomf},
};

}  // namespace

std::span<const Preset> presets() { return kPresets; }

}  // namespace runner::spec
