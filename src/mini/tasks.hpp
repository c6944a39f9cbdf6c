#pragma once

#include <string>

#include "random/philox.hpp"

namespace runner::mini {

// One row of a task. `twin` is the hypothesis that has the contrary label (WNLI only).
struct Example {
  std::string a, b;
  std::string label;
  std::string twin;
};

// Each draws one row. About one label in sixteen is wrong on purpose: annotators disagree.
Example cola(random::Stream& draw);
Example sst2(random::Stream& draw);
Example mrpc(random::Stream& draw);
Example stsb(random::Stream& draw);
Example qqp(random::Stream& draw);
Example mnli(random::Stream& draw);
Example qnli(random::Stream& draw);
Example rte(random::Stream& draw);
Example wnli(random::Stream& draw);

}  // namespace runner::mini
