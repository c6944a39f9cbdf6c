#include "spec/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "io/file.hpp"

namespace runner::spec {
namespace {

// ASCII only, in any locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr std::size_t kDeepest = 32;
constexpr int kMostValues = 100'000;  // a few lines of nested aliases would unfold to billions

Place place_of(const YAML::Mark& mark, const Source& source) {
  return {&source, std::max(mark.line, 0), std::max(mark.column, 0)};
}

// Builds the tree of one document from the parser's events. (The parser's own tree drops what
// stands behind a document, and asking it for all documents never ends on some broken input.)
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const Source& source) : source_(source) { root.place.source = &source; }

  Node root;
  Place start;  // of the document

  void OnDocumentStart(const YAML::Mark& mark) override { start = place_of(mark, source_); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    put(mark, make(Node::Kind::null, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YAML::ParserException(mark, "an alias inside its anchor");
    values_ += count(found->second);
    put(mark, found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = make(Node::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    put(mark, std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::list, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::map, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map that is not complete yet.
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::optional<Node> key;  // map: waits for its value
  };

  Node make(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.place = place_of(mark, source_);
    return node;
  }

  void open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() == kDeepest) throw YAML::ParserException(mark, "nested too deeply");
    open_.push_back({make(kind, mark), anchor, mark, {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(done.mark, std::move(done.node), done.anchor);
  }

  // Adds a complete node to what is open.
  void put(const YAML::Mark& mark, Node node, YAML::anchor_t anchor) {
    if (++values_ > kMostValues) throw YAML::ParserException(mark, "too large when unfolded");
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (node.kind != Node::Kind::scalar)
        throw YAML::ParserException(mark, "a key must be a name");
      parent.key = std::move(node);
    } else {
      parent.node.entries.push_back({parent.key->text, parent.key->place, std::move(node)});
      parent.key.reset();
    }
  }

  static int count(const Node& node) {
    int values = 1;
    for (const Node& item : node.items) values += count(item);
    for (const Node::Entry& entry : node.entries) values += count(entry.value);
    return values;
  }

  const Source& source_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  int values_ = 0;
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
  Builder first(source), second(source);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(first) || !parser.HandleNextDocument(second)) return first.root;
    problems.add(second.start, "a second document, or text that does not belong to the first");
  } catch (const YAML::Exception& error) {
    problems.add(place_of(error.mark, source), "not valid YAML: " + error.msg);
  }
  return Builder(source).root;
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
