#pragma once

#include <vector>

#include "experiment/cells.hpp"
#include "experiment/pool.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// Memory that a cell on a CPU may need, in bytes, from above: while it trains, or while it fuses
// its snapshots, which are read from their files, and what a layer keeps for its backward pass.
double cell_bytes(const spec::Spec& spec);

// For these cells, or for so many training runs that share nothing: the spec's word, else what
// suits the machine. What fits on a GPU only the spec can say.
experiment::Pool pool_of(const spec::Spec& spec, const std::vector<experiment::Cell>& cells,
                         int runs = 0);

// Throws InputError where the shell's limit on the address space (ulimit -v) is below what that
// needs: it would show in the middle of a run, and not always as an error, since OpenBLAS tries for
// ever to get its buffer.
void require_address_space(const spec::Spec& spec, const experiment::Pool& pool);

}  // namespace runner::cli
