#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::lab {

// The real trainer behind an experiment: GLUE data, the pretrained encoder, LibTorch, and a store
// of finished runs. Data and weights are read when a task is first asked for, once for all threads.
class Laboratory : public experiment::Trainer {
 public:
  // `store` keeps runs by the hash of all that determines them: run.json (what training reported)
  // and the trajectory, which is dropped, least recently used first, beyond `store_bytes` and
  // trained again, to the same bits, when it is asked for once more.
  // `threads` are those of one caller's matrix products.
  Laboratory(const spec::Spec& spec, std::filesystem::path store, int threads,
             std::uintmax_t store_bytes);
  ~Laboratory() override;

  std::unique_ptr<experiment::TrainedRun> train(const experiment::RunRequest& request,
                                                const std::function<bool()>& should_stop) override;

  // What a reader of the results should know: rows used and cut by max_length per task, a replaced
  // head. One line each, complete once every task has been asked for.
  std::vector<std::string> notes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace runner::lab
