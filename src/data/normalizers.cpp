#include "data/normalizers.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "data/charsmap.hpp"
#include "data/pattern.hpp"
#include "data/unicode.hpp"

namespace runner::data {
namespace {

// Rewrites a text character by character: `rewrite(c, out)` appends what becomes of c. When that is
// nothing for the first character, the text is trimmed.
template <typename Rewrite>
void rewrite_characters(NormalText& normal, Rewrite rewrite) {
  std::string out;
  out.reserve(normal.text.size());
  for (std::size_t at = 0; at < normal.text.size();) {
    const bool first = at == 0;
    rewrite(unicode::decode(normal.text, at), out);
    if (first && out.empty()) normal.trimmed = true;
  }
  normal.text = std::move(out);
}

void lower_case(NormalText& normal) {
  rewrite_characters(normal, [](char32_t c, std::string& out) {
    char32_t buffer[2];
    for (const char32_t lower : unicode::lower(c, buffer)) unicode::append(out, lower);
  });
}

template <bool (*kDropped)(char32_t)>
void drop(NormalText& normal) {
  rewrite_characters(normal, [](char32_t c, std::string& out) {
    if (!kDropped(c)) unicode::append(out, c);
  });
}

template <unicode::Form kForm>
Normalizer make_form(Component&) {
  return [](NormalText& normal) { normal.text = unicode::normalize(normal.text, kForm); };
}

Normalizer make_bert(Component& component) {
  const bool clean = component.flag("clean_text", true);
  const bool chinese = component.flag("handle_chinese_chars", true);
  const bool lower = component.flag("lowercase", true);
  const bool strip = component.flag("strip_accents", lower);
  return [=](NormalText& normal) {
    if (clean) {
      rewrite_characters(normal, [](char32_t c, std::string& out) {
        if (!unicode::is_removed(c)) unicode::append(out, unicode::is_space(c) ? U' ' : c);
      });
    }
    if (chinese) {
      rewrite_characters(normal, [](char32_t c, std::string& out) {
        const bool alone = unicode::is_chinese(c);
        if (alone) out += ' ';
        unicode::append(out, c);
        if (alone) out += ' ';
      });
    }
    if (strip) {
      normal.text = unicode::normalize(normal.text, unicode::Form::nfd);
      drop<unicode::is_nonspacing>(normal);
    }
    if (lower) lower_case(normal);
  };
}

Normalizer make_strip(Component& component) {
  const bool left = component.flag("strip_left", true), right = component.flag("strip_right", true);
  return [=](NormalText& normal) {
    const std::string_view text = normal.text;
    std::size_t begin = text.size(), end = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t start = at;
      if (unicode::is_space(unicode::decode(text, at))) continue;
      begin = std::min(begin, start);
      end = at;
    }
    if (!left) begin = 0;
    if (!right) end = text.size();
    normal.trimmed |= begin > 0;
    normal.text = begin < end ? normal.text.substr(begin, end - begin) : "";
  };
}

// SentencePiece's rules for machine translation.
Normalizer make_nmt(Component&) {
  return [](NormalText& normal) {
    rewrite_characters(normal, [](char32_t c, std::string& out) {
      const bool dropped = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) ||
                           c == 0x7F || c == 0x8F || c == 0x9F;
      const bool blank = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
                         c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      if (!dropped) unicode::append(out, blank ? U' ' : c);
    });
  };
}

Normalizer make_precompiled(Component& component) {
  const io::Json& value = component.value("precompiled_charsmap");
  std::optional<std::string> bytes;
  if (value.is_binary()) bytes.emplace(value.get_binary().begin(), value.get_binary().end());
  if (value.is_string()) bytes = decode_base64(value.get_ref<const std::string&>());
  if (!bytes) component.refuse("precompiled_charsmap", "base 64");
  const auto map = std::make_shared<const Charsmap>(*bytes, component.place());
  return [map](NormalText& normal) { normal.text = map->normalize(normal.text); };
}

Normalizer make_replace(Component& component) {
  const Pattern pattern(component, "pattern");
  const std::string content = component.text("content", "");
  return [=](NormalText& normal) {
    std::string out;
    std::size_t done = 0;
    pattern.find_all(normal.text, [&](std::size_t begin, std::size_t end) {
      if (begin == 0 && end > 0 && content.empty()) normal.trimmed = true;
      out.append(normal.text, done, begin - done).append(content);
      done = end;
    });
    if (done == 0 && out.empty()) return;
    normal.text = out.append(normal.text, done);
  };
}

Normalizer make_prepend(Component& component) {
  const std::string content = component.text("prepend", "");
  return [=](NormalText& normal) {
    if (!normal.text.empty()) normal.text.insert(0, content);
  };
}

struct Row {
  std::string_view type;
  Normalizer (*make)(Component&);
};

constexpr std::array kNormalizers = {
    Row{"BertNormalizer", make_bert},
    Row{"Strip", make_strip},
    Row{"StripAccents", [](Component&) { return Normalizer(drop<unicode::is_mark>); }},
    Row{"NFC", make_form<unicode::Form::nfc>},
    Row{"NFD", make_form<unicode::Form::nfd>},
    Row{"NFKC", make_form<unicode::Form::nfkc>},
    Row{"NFKD", make_form<unicode::Form::nfkd>},
    Row{"Lowercase", [](Component&) { return Normalizer(lower_case); }},
    Row{"Nmt", make_nmt},
    Row{"Precompiled", make_precompiled},
    Row{"Replace", make_replace},
    Row{"Prepend", make_prepend},
};

}  // namespace

std::vector<Normalizer> make_normalizers(const io::Json& json, const std::string& place) {
  std::vector<Normalizer> steps;
  for_each_component(json, "normalizers", place, [&](Component& component) {
    steps.push_back(find_row(kNormalizers, component).make(component));
  });
  return steps;
}

}  // namespace runner::data
