#pragma once

namespace runner::experiment {

// Cells that a process works on at once, and the threads of each.
struct Pool {
  int workers = 1, threads = 1;
};

// The pool that is through `cells` soonest on the cores of a CPU. A training run on t threads takes
// t^-0.85 of the time on one: it waits for the slowest of them at the end of every operator (two
// threads were 1.69 times as fast as one with MiniLM, 1.85 with RoBERTa-base, on two cores of a Zen
// 4). So many cells go one per core, but one is not left to a single core at the end while the
// others idle. Cells of one of the `groups` share training runs and would wait for each other:
// there are no more workers than groups. At most `most` cells at once, for memory; it and
// cores are >= 1.
Pool choose_pool(int cores, int cells, int groups, int most);

}  // namespace runner::experiment
