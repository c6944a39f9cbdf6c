#include "io/foreign.hpp"

#include <algorithm>
#include <array>

namespace runner::io {
namespace {

struct Kind {
  std::string_view begin;  // of a page in lower case, whatever the file's
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::string_view kPage =
    "an HTML page, as a server answers instead of a file: download the file itself";
constexpr std::string_view kPickle =
    "PyTorch's pickle, which is not read: safetensors are needed (docs/models.md says how)";
constexpr std::string_view kUtf16 = "UTF-16 and not UTF-8";

constexpr std::array kKinds = {
    Kind{"version https://git-lfs"sv,
         "a Git LFS pointer and not the file itself: run `git lfs pull` in its repository"},
    Kind{"<!doctype html"sv, kPage},
    Kind{"<html"sv, kPage},
    Kind{"\x1f\x8b"sv, "packed by gzip: unpack it with gunzip"},
    Kind{"\xfd"
         "7zXZ"sv,
         "packed by xz: unpack it with unxz"},
    Kind{"\x28\xb5\x2f\xfd"sv, "packed by zstd: unpack it with unzstd"},
    Kind{"BZh"sv, "packed by bzip2: unpack it with bunzip2"},
    Kind{"PK\x03\x04"sv,
         "a zip archive, as PyTorch's pickles are: unpack it, or convert it to "
         "safetensors (docs/models.md says how)"},
    Kind{"\x80\x02"sv, kPickle},
    Kind{"\x89HDF"sv, "TensorFlow's HDF5, which is not read: safetensors are needed"},
    Kind{"GGUF"sv, "llama.cpp's GGUF, which is not read: safetensors are needed"},
    Kind{"PAR1"sv, "a Parquet file, which is not read: write it as CSV or JSON lines"},
    Kind{"\xff\xfe"sv, kUtf16},
    Kind{"\xfe\xff"sv, kUtf16},
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view foreign_kind(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const std::string_view text =
      bytes.substr(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  for (const Kind& kind : kKinds) {
    const bool page = kind.begin.front() == '<';
    const std::string_view begin = (page ? text : bytes).substr(0, kind.begin.size());
    if (page ? std::ranges::equal(begin, kind.begin, {}, lower) : begin == kind.begin) {
      return kind.what;
    }
  }
  return {};
}

}  // namespace runner::io
