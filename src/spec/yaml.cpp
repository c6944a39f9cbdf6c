#include "spec/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "io/file.hpp"

namespace runner::spec {
namespace {

// ASCII only, in any locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr int kDeepest = 32;
constexpr int kMostValues = 100'000;  // a few lines of nested aliases would unfold to billions

Place place_of(const YAML::Mark& mark, const Source& source) {
  return {&source, std::max(mark.line, 0), std::max(mark.column, 0)};
}

class Conversion {
 public:
  Conversion(const Source& source, Problems& problems) : source_(source), problems_(problems) {}

  Node convert(const YAML::Node& yaml, int depth = 0) {
    Node node;
    node.place = place_of(yaml.Mark(), source_);
    if (depth > kDeepest || ++values_ > kMostValues) {
      if (!refused_) problems_.add(node.place, "nested too deeply, or too large when unfolded");
      refused_ = true;
      return node;
    }
    if (yaml.IsScalar()) {
      node.kind = Node::Kind::scalar;
      node.text = yaml.Scalar();
      node.quoted = yaml.Tag() == "!";
    } else if (yaml.IsSequence()) {
      node.kind = Node::Kind::list;
      for (const auto& item : yaml) {
        if (refused_) break;
        node.items.push_back(convert(item, depth + 1));
      }
    } else if (yaml.IsMap()) {
      node.kind = Node::Kind::map;
      for (const auto& entry : yaml) {
        if (refused_) break;
        const Place place = place_of(entry.first.Mark(), source_);
        if (!entry.first.IsScalar()) {
          problems_.add(place, "a key must be a name");
          continue;
        }
        node.entries.push_back({entry.first.Scalar(), place, convert(entry.second, depth + 1)});
      }
    }
    return node;
  }

  bool refused() const { return refused_; }

 private:
  const Source& source_;
  Problems& problems_;
  int values_ = 0;
  bool refused_ = false;
};

std::vector<std::string> split_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

Node* find_entry(Node& map, std::string_view key) {
  for (Node::Entry& entry : map.entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

// The node at `path` below `root`, made if it is not there. Null after a problem.
Node* descend(Node& root, std::string_view path, const Place& place, Problems& problems) {
  Node* node = &root;
  std::string_view rest = path;
  for (bool more = true; more;) {
    const std::string_view walked = path.substr(0, path.size() - rest.size());
    const std::string_view at = walked.substr(0, walked.empty() ? 0 : walked.size() - 1);
    const std::size_t dot = rest.find('.');
    const std::string_view key = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more) rest.remove_prefix(dot + 1);
    if (key.empty()) {
      problems.add(place, fmt::format("'{}' has an empty part", path));
      return nullptr;
    }
    if (node->kind == Node::Kind::null) {
      node->kind = Node::Kind::map;
      node->place = place;
    }
    if (node->kind == Node::Kind::list) {
      const bool digits = key.size() < 10 && std::ranges::all_of(key, is_digit);
      const std::size_t index = digits ? std::stoul(std::string(key)) : node->items.size();
      if (index >= node->items.size()) {
        problems.add(place, fmt::format("'{}' is not an index into {}, a list of {}", key, at,
                                        node->items.size()));
        return nullptr;
      }
      node = &node->items[index];
    } else if (node->kind == Node::Kind::map) {
      Node* const found = find_entry(*node, key);
      if (found == nullptr) node->entries.push_back({std::string(key), place, {}});
      node = found != nullptr ? found : &node->entries.back().value;
    } else {
      problems.add(place, fmt::format("{} is '{}' and has nothing below it", at, node->text));
      return nullptr;
    }
  }
  return node;
}

void apply_override(Document& document, const std::string& override, Problems& problems) {
  document.sources.push_back(std::make_unique<Source>(
      Source{"command line: " + override, std::filesystem::current_path(), {}}));
  const Source& source = *document.sources.back();
  const Place place{&source, 0, 0};
  const std::size_t equals = override.find('=');
  if (equals == std::string::npos) {
    problems.add(place, "expected key.path=value");
    return;
  }
  const std::size_t before = problems.size();
  Node value = parse_yaml(override.substr(equals + 1), source, problems);
  if (problems.size() > before) return;
  Node* const node =
      descend(document.root, std::string_view(override).substr(0, equals), place, problems);
  if (node != nullptr) *node = std::move(value);
}

}  // namespace

Node parse_yaml(const std::string& text, const Source& source, Problems& problems) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      problems.add(place_of(documents[1].Mark(), source), "a second YAML document");
    } else if (!documents.empty()) {
      Conversion conversion(source, problems);
      Node root = conversion.convert(documents[0]);
      if (!conversion.refused()) return root;
    }
  } catch (const YAML::Exception& error) {
    problems.add(place_of(error.mark, source), "not valid YAML: " + error.msg);
  }
  Node none;
  none.place.source = &source;
  return none;
}

std::string yaml_text(std::string_view text) {
  const auto plain = [](char c) {
    return is_digit(c) || is_letter(c) || c == '_' || c == '/' || c == '.';
  };
  const auto inside = [&plain](char c) { return plain(c) || c == '-' || c == '+' || c == ' '; };
  const bool null = text == "null" || text == "Null" || text == "NULL";
  if (!text.empty() && !null && plain(text.front()) && plain(text.back()) &&
      std::ranges::all_of(text, inside)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

Document load_document(const std::filesystem::path& file, const std::vector<std::string>& overrides,
                       Problems& problems) {
  const std::string text = io::read_file(file);
  Document document;
  document.sources.push_back(std::make_unique<Source>(
      Source{file.string(), std::filesystem::absolute(file).parent_path(), split_lines(text)}));
  document.root = parse_yaml(text, *document.sources.front(), problems);
  // A file that is not YAML has no tree to write into, and its one problem is the one to show.
  if (document.root.kind == Node::Kind::null && !problems.empty()) return document;
  for (const std::string& override : overrides) apply_override(document, override, problems);
  return document;
}

}  // namespace runner::spec
