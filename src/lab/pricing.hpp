#pragma once

#include <memory>

#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::lab {

// A trainer that computes nothing: its runs say at once what training would have reported of its
// cost, and count what evaluations would have cost, to the example and the FLOP, from the lengths
// of the rows. Losses and scores are made up, finite and a function of what is asked. Needs the
// data, the vocabulary and config.json, but no weights. Throws InputError on what is wrong with
// them. The spec must outlive it.
std::unique_ptr<experiment::Trainer> make_pricing(const spec::Spec& spec);

}  // namespace runner::lab
