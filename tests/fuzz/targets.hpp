#pragma once

#include <span>
#include <string_view>

// What is fuzzed: every reader of bytes that come from others, or back from the disk. The short
// form (readers_test.cpp) is one of the ordinary tests; the long form (run.sh) is libFuzzer over
// the same table. Both begin with the files in corpus/TARGET/.
namespace runner::fuzz {

struct Target {
  std::string_view name;
  std::string_view what;  // is read
  // Returns when the bytes were read, throws InputError where they are refused. Anything else is a
  // fault of the reader: another exception, also where a property does not hold (std::logic_error),
  // and what the sanitizers see.
  void (*read)(std::string_view bytes);
};

std::span<const Target> targets();
const Target* find_target(std::string_view name);  // null: there is none

// As Target::read; false where the bytes were refused.
bool accepts(const Target& target, std::string_view bytes);

}  // namespace runner::fuzz
