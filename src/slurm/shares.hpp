#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::slurm {

// What has to be done in one place, by its names on the command line, and its cost in FLOPs.
struct Item {
  std::vector<std::string> names;
  double cost = 0.0;
};

// What is left of an experiment.
struct Work {
  std::vector<Item> runs;   // that are known beforehand (experiment/ahead.hpp), one each
  std::vector<Item> cells;  // with trials that are not; a cell together with those it takes from
  int trials = 0;           // that the runs will make
};

// The items in the order of work. Costs are `pricing`'s, which computes nothing (lab/pricing.hpp):
// of a run what it is, of a trial that is not known yet the recipe's.
Work work_of(const spec::Spec& spec, experiment::Trainer& pricing);

const Item* costliest(std::span<const Item> items);  // null of none

// When `workers`, at least one, are done with the items, each taking the next when it is done with
// one: in units of their cost. Graham (1969), "Bounds on multiprocessing timing anomalies": at most
// twice the best order's.
double makespan(std::span<const Item> items, int workers);

// Cuts the items, in their order, into at most `count` shares of neighbours, so that the costliest
// share is as cheap as it can be. Neighbours share data, and a start of the program is not free.
std::vector<Item> cut(std::span<const Item> items, int count);

}  // namespace runner::slurm
