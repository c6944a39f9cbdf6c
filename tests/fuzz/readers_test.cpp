#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "places.hpp"
#include "random/philox.hpp"
#include "targets.hpp"

// The short form of the fuzzing: what is kept, changed a little, the same way every time.
using namespace runner;
using namespace runner::fuzz;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMutations = 2000;  // of each target's corpus, together

std::vector<std::string> corpus(const Target& target) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::directory_iterator(source_dir() / "tests" / "fuzz" / "corpus" / target.name))
    files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> inputs;
  for (const fs::path& file : files) inputs.push_back(io::read_file(file));
  return inputs;
}

// What readers trip over, in the place of a number or anywhere.
constexpr auto kWords = std::to_array<std::string_view>(
    {"-1", "0", "1e400", "nan", "18446744073709551616", "2147483648", "null", "{}", "[]", "\"\"",
     "\xFF", "\xEF\xBB\xBF", "\n", "\r\n", "\"", "[[[[[[[[", "{\"a\":", ": &a *a", "true"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void mutate(std::string& input, const std::vector<std::string>& others, random::Stream& stream) {
  const std::size_t at = stream.below(input.size() + 1);
  const std::size_t length = stream.below(std::min<std::size_t>(input.size() - at, 64) + 1);
  const std::string_view word = kWords[stream.below(kWords.size())];
  switch (stream.below(6)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << stream.below(8)));
      break;
    case 1:
      input.resize(at);
      break;
    case 2:
      input.erase(at, length);
      break;
    case 3:
      input.insert(at, input.substr(at, length));
      break;
    case 4: {
      const std::string& other = others[stream.below(others.size())];
      const std::size_t from = stream.below(other.size() + 1);
      input.replace(at, length, other.substr(from, 1 + stream.below(64)));
      break;
    }
    default: {  // the next number
      const auto begin =
          std::find_if(input.begin() + static_cast<std::ptrdiff_t>(at), input.end(), is_digit);
      input.replace(begin, std::find_if_not(begin, input.end(), is_digit), word);
    }
  }
}

}  // namespace

TEST_CASE("every reader takes or refuses what is kept and what becomes of it by changes") {
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    const std::vector<std::string> inputs = corpus(target);
    REQUIRE(!inputs.empty());
    bool accepted = false, refused = false;
    const auto check = [&](const std::string& input) {
      CAPTURE(input);
      bool taken = false;
      CHECK_NOTHROW(taken = accepts(target, input));
      (taken ? accepted : refused) = true;
    };
    for (const std::string& input : inputs) check(input);
    CHECK_MESSAGE(accepted, "no input of the corpus is valid");
    random::Stream stream(random::derive(0, target.name));
    for (std::size_t i = 0; i < kMutations; ++i) {
      std::string input = inputs[stream.below(inputs.size())];
      for (std::uint64_t changes = 1 + stream.below(3); changes > 0; --changes)
        mutate(input, inputs, stream);
      check(input);
    }
    check("");
    CHECK((refused || target.name == "lease"));  // who holds one that says nothing is nobody
  }
}

TEST_CASE("every reader takes or refuses much of the same") {
  constexpr std::size_t kSize = 1 << 17;
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    std::vector<std::string> parts(kWords.begin(), kWords.end());
    for (const char* part :
         {"[", "{\"a\":[", "- ", "? ", "a: {b: ", "a,", ",", "\t", "a b ", "=== "})
      parts.emplace_back(part);
    for (const std::string& input : corpus(target)) parts.push_back(input);
    for (const std::string& part : parts) {
      if (part.empty()) continue;
      std::string input;
      while (input.size() + part.size() <= kSize) input += part;
      CAPTURE(part);
      CHECK_NOTHROW(accepts(target, input));
    }
  }
}
