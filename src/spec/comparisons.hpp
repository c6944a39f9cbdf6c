#pragma once

#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// What is compared with what, fixed before anything runs:
//   baseline: fine_tune
//   primary: bilevel(ei,ucb) against bo          # one question, tested by itself
//   comparisons: [swa against fine_tune, ...]    # one family, corrected together
//   equivalence: 0.5                             # points within which two methods count as equal
//   at_chance: [RTE, WNLI]                       # or auto, as measured; or none
//   published: paper.csv                         # rows to stand beside the measured ones
// A method is named as tables name it, or by what stands before its '(' where that is unambiguous.
// Reads them after the methods and the tasks; what is not there gets its default.
void read_comparisons(Section& top, Spec& spec, Problems& problems);

// The defaults: fine_tune as the baseline; bilevel(ei,ucb) against bo; each method against the
// baseline and each method with an acquisition at both levels against bo and random_search, without
// the primary comparison. What names a method that the spec does not have is left out.
void choose_comparisons(Spec& spec);

// The method of that name; null when there is none or more than one.
const Method* find_method(const Spec& spec, std::string_view name);

}  // namespace runner::spec
