#include "lab/engine.hpp"
#include "lab/laboratory.hpp"
#include "lab/pricing.hpp"
#include "lab/scorer.hpp"
#include "train/device.hpp"

extern "C" __attribute__((visibility("default"))) const runner::lab::Engine* runner_engine() {
  static constexpr runner::lab::Engine kEngine = {
      .make_laboratory = runner::lab::make_laboratory,
      .make_pricing = runner::lab::make_pricing,
      .make_scorer = runner::lab::make_scorer,
      .libtorch_has_cuda = runner::train::libtorch_has_cuda,
      .resolve_device = runner::train::resolve_device,
      .resolve_devices = runner::train::resolve_devices,
      .auto_threads = runner::train::auto_threads,
      .auto_memory = runner::train::auto_memory,
      .set_threads = runner::train::set_threads,
      .measure_training = runner::train::measure_training,
      .measure_evaluation = runner::train::measure_evaluation,
      .libtorch_version = RUNNER_LIBTORCH,
  };
  return &kEngine;
}
