#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/problems.hpp"

namespace runner::spec {

// A YAML value that knows where it stands. Scalars stay as they are written: what a text means
// (`1e-5`, `false`, `MRPC`) is decided by who reads it.
struct Node {
  struct Entry;
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;            // scalar
  bool quoted = false;         // scalar in quotes: a text, never a number
  std::vector<Node> items;     // list
  std::vector<Entry> entries;  // map, in the order of the file, duplicates kept
  Place place;
};

struct Node::Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

// One YAML document. Aliases are expanded; more than one document, or a tree deeper than 32 levels
// or larger than 100,000 values, is a problem. Null after a problem.
Node parse_yaml(const std::string& text, const Source& source, Problems& problems);

// A text as a YAML scalar, quoted where it needs to be; parse_yaml reads it back.
std::string yaml_text(std::string_view text);

// A spec's tree and the sources its places point into.
struct Document {
  std::vector<std::unique_ptr<Source>> sources;
  Node root;
};

// The file with the overrides written into it. Throws InputError when the file cannot be read.
Document load_document(const std::filesystem::path& file, const std::vector<std::string>& overrides,
                       Problems& problems);

}  // namespace runner::spec
