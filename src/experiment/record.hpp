#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bo/suggest.hpp"
#include "experiment/trainer.hpp"
#include "io/json_fwd.hpp"

namespace runner::experiment {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// What was spent. Everything but the seconds is a function of the spec.
struct Budget {
  std::int64_t examples = 0;  // rows through the network: training, fusion subset, evaluation
  std::int64_t tokens = 0;    // of training, as computed
  double flops = 0.0;         // as `examples`
  double train_seconds = 0.0;
  double fusion_seconds = 0.0;    // the inner loop
  double evaluate_seconds = 0.0;  // selection and report splits
};

// Why a point was chosen and what the model behind the choice expected of it.
struct Proposal {
  std::string source{};  // bo::Suggestion::source, or "recipe", "restart", "grid"
  double acquisition_value = kUnknown;
  double mean = kUnknown, stddev = kUnknown;  // predicted, in units of the minimised objective
  std::vector<double> warm_start{};           // bo::Suggestion::warm_start
  std::vector<double> nominees{};             // bo::Suggestion::nominees
  bo::Fit fit{};

  bool is_modelled() const { return !fit.lengthscales.empty(); }  // else by design or a fallback
};

Proposal make_proposal(const bo::Suggestion& suggestion);

// One evaluation of the inner loop.
struct InnerRecord {
  int trial = 0;
  std::vector<double> alpha{};     // [K], >= 0, sum 1
  double loss = kUnknown;          // mean training loss on the fusion subset; NaN: not asked
  std::vector<double> gradient{};  // [K] of that loss by alpha, where the rule asks for it
  double selection_loss = kUnknown, selection_score = kUnknown;  // NaN: not asked
  int rows = 0;                                                  // of the fusion subset
  bool incumbent = false;  // the best so far in this trial by what the rule minimises
  Proposal proposal{};
  std::int64_t examples = 0;  // spent on this point
  double flops = 0.0;
  double seconds = 0.0;
};

// One evaluation of the outer loop: a training run, its fusion and its metrics.
struct TrialRecord {
  std::string task{}, method{};
  std::uint64_t seed = 0;                                // of the cell
  int trial = 0;                                         // 0-based in the cell
  std::uint64_t run_seed = 0;                            // of the training run
  std::string run{};                                     // TrainedRun::key
  std::vector<std::pair<std::string, double>> lambda{};  // searched variables, in the spec's order
  std::vector<Rung> rungs{};                             // the request's
  std::vector<double> rung_scores{};                     // on as many of them as the run came to
  Proposal proposal{};
  // ok, collapsed: finished and evaluated. diverged: no result. pruned: no result either, but no
  // failure.
  train::Status status = train::Status::ok;
  std::string why{};            // empty when ok
  double objective = kUnknown;  // minimised: minus the selection score; NaN without a result
  double train_loss = kUnknown;
  double fusion_loss = kUnknown;  // of the fused model; NaN unless its rule measured it
  int inner_evaluations = 0;
  std::vector<double> alpha{};  // [K]; empty for the exponential moving average
  Evaluation evaluation{};      // without a result: no scores; predictions: see is_incumbent
  Budget budget{};
  int snapshots = 0;
  std::vector<StepRecord> curve{};  // thinned

  bool has_result() const {
    return status == train::Status::ok || status == train::Status::collapsed;
  }
  bool is_pruned() const { return status == train::Status::pruned; }
  bool has_failed() const { return !has_result() && !is_pruned(); }
};

// At most `points` points, as evenly spaced as they can be: each stands for the steps since the one
// before it, with their mean loss and gradient norm and the last one's learning rate.
std::vector<StepRecord> thin(const std::vector<StepRecord>& curve, std::size_t points);

// Exact both ways: doubles read back to the same bits, not-a-number and infinities included.
void to_json(io::Json& json, const RunRecord& record);
void from_json(const io::Json& json, RunRecord& record);
void to_json(io::Json& json, const InnerRecord& record);
void from_json(const io::Json& json, InnerRecord& record);
void to_json(io::Json& json, const TrialRecord& record);
void from_json(const io::Json& json, TrialRecord& record);

// Index of the trial with the lowest objective, the first of equals; -1 when none has a result.
int best_trial(std::span<const TrialRecord> trials);

// Is a trial better than all that came before it? Such trials alone are ever chosen, whatever their
// number becomes, so they alone keep their predictions in the journal.
bool is_incumbent(const TrialRecord& trial, std::span<const TrialRecord> earlier);

}  // namespace runner::experiment
