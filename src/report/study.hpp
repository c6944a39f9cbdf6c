#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "report/compare.hpp"
#include "report/family.hpp"
#include "report/scores.hpp"

namespace runner::report {

// One experiment's journals and what follows from them: read once, shown by the tables and the
// page. The spec must outlive it. Throws InputError on a damaged journal.
class Study {
 public:
  explicit Study(const spec::Spec& spec);
  Study(const Study&) = delete;
  Study& operator=(const Study&) = delete;

  const Comparing& all() const { return all_; }
  // Cells that are not complete: "RTE/swa/seed3: 0 of 1 trials".
  std::vector<std::string> missing() const;

 private:
  std::vector<CellData> cells_;
  Scores scores_;
  std::vector<Comparison> comparisons_;
  std::string signature_;
  Comparing all_;
};

}  // namespace runner::report
