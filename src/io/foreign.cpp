#include "io/foreign.hpp"

#include <algorithm>
#include <array>

namespace runner::io {
namespace {

struct Kind {
  std::string_view begin;  // in lower case
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::string_view kPage =
    "an HTML page, as a server answers instead of a file: download the file itself";
constexpr std::string_view kPickle =
    "PyTorch's pickle, which is not read: safetensors are needed (docs/models.md says how)";

constexpr std::array kKinds = {
    Kind{"version https://git-lfs"sv,
         "a Git LFS pointer and not the file itself: run `git lfs pull` in its repository"},
    Kind{"<!doctype html"sv, kPage},
    Kind{"<html"sv, kPage},
    Kind{"\x1f\x8b"sv, "packed by gzip: unpack it with gunzip"},
    Kind{"\xfd"
         "7zxz"sv,
         "packed by xz: unpack it with unxz"},
    Kind{"\x28\xb5\x2f\xfd"sv, "packed by zstd: unpack it with unzstd"},
    Kind{"bzh"sv, "packed by bzip2: unpack it with bunzip2"},
    Kind{"pk\x03\x04"sv,
         "a zip archive, as PyTorch's pickles are: unpack it, or convert it to "
         "safetensors (docs/models.md says how)"},
    Kind{"\x80\x02"sv, kPickle},
    Kind{"\x89hdf"sv, "TensorFlow's HDF5, which is not read: safetensors are needed"},
    Kind{"gguf"sv, "llama.cpp's GGUF, which is not read: safetensors are needed"},
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view foreign_kind(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const std::size_t text = bytes.find_first_not_of(" \t\r\n");
  for (const Kind& kind : kKinds) {
    const std::string_view rest =
        kind.begin.front() == '<' && text != bytes.npos ? bytes.substr(text) : bytes;
    if (std::ranges::equal(rest.substr(0, kind.begin.size()), kind.begin, {}, lower))
      return kind.what;
  }
  return {};
}

}  // namespace runner::io
