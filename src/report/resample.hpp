#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/task.hpp"
#include "experiment/trainer.hpp"
#include "report/statistics.hpp"

namespace runner::report {

// Crossed resampling: rows and seeds are drawn with replacement independently of each other (the
// pigeonhole bootstrap, Owen 2007), every method and seed scored on the same rows. What the
// intervals say of seeds is as poor as any bootstrap of so few; what they say of rows is what
// repeated seeds on the same rows cannot.

// The chosen models of one task. All have seen the same rows.
struct TaskPredictions {
  const data::Task* task = nullptr;
  // By method (index in the spec) and seed: part by part; no entry without a result.
  std::map<std::pair<std::size_t, std::uint64_t>, const std::vector<experiment::Predictions>*>
      models;
};

class Resampled {
 public:
  // Scores every model on `resamples` draws of its task's rows.
  Resampled(const std::vector<TaskPredictions>& tasks, int resamples);

  // Percentile interval of the mean over tasks (given by index) of the mean over seeds of the
  // scores' difference x 100. A pair that is alone with its seed is not resampled: the interval is
  // then one over rows alone, "for these trained models". NaN where a task has no pair.
  Interval interval(std::span<const std::size_t> tasks, std::size_t method, std::size_t against,
                    double level) const;

 private:
  using Models = std::map<std::pair<std::size_t, std::uint64_t>, std::vector<double>>;
  int resamples_;
  std::vector<std::string> names_;
  std::vector<Models> scores_;  // by task: of each model, by resample
};

}  // namespace runner::report
