#pragma once

#include <string>
#include <string_view>

namespace runner::io {

// One line of JSON with a checksum of what it says, for files that are read back:
//   {"check":"<XXH3-128 of the record's bytes>","record":{...}}
// `record` is JSON without a line break; the line ends with one.
std::string checked_line(std::string_view record);

// The record's bytes of a line (its line break aside); empty when any byte was changed or is
// missing.
std::string_view checked_record(std::string_view line);

}  // namespace runner::io
