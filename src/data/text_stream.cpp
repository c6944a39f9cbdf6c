#include "data/text_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/error.hpp"

namespace runner::data {

TextStream::TextStream(const std::filesystem::path& path)
    : name_(path.empty() ? "standard input" : path.string()), file_(STDIN_FILENO) {
  if (path.empty()) return;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ == -1) throw InputError(fmt::format("{}: {}", name_, std::strerror(errno)));
}

TextStream::~TextStream() {
  if (file_ != STDIN_FILENO) ::close(file_);
}

bool TextStream::read() {
  if (ended_) return false;
  text_.erase(0, at_);
  searched_ -= at_;
  at_ = 0;
  char part[1 << 16];
  ssize_t got = 0;
  do {
    got = ::read(file_, part, sizeof part);
  } while (got == -1 && errno == EINTR);
  if (got == -1) throw InputError(fmt::format("{}: {}", name_, std::strerror(errno)));
  std::string_view bytes(part, static_cast<std::size_t>(got));
  ended_ = bytes.empty();
  if (gunzip_ != nullptr) {
    ended_ ? gunzip_->finish() : gunzip_->add(bytes, text_);
  } else {
    text_ += bytes;
  }
  // What a file is shows in its first line, or the first bytes of a longer one.
  constexpr std::size_t kTelling = 32;
  const auto tells = [&] {
    return ended_ || text_.size() >= kTelling || text_.find('\n') != std::string::npos;
  };
  if (begun_ || !tells()) return true;
  if (gunzip_ == nullptr && is_gzip(text_)) {
    gunzip_ = std::make_unique<Gunzip>(name_);
    const std::string packed = std::move(text_);
    text_.clear();
    gunzip_->add(packed, text_);
    if (ended_) gunzip_->finish();
    if (!tells()) return true;
  }
  begun_ = true;
  text_ = take_mark(text_, name_);
  return true;
}

// The next line, blank or not, as far as it has come: false when more must be read.
bool TextStream::take(std::string_view& line) {
  if (!begun_) return false;
  const std::string_view rest = std::string_view(text_).substr(at_);
  const std::size_t end = rest.find('\n', searched_ - at_);
  if (end == std::string_view::npos) {
    searched_ = text_.size();
    if (!ended_ || rest.empty()) return false;
  }
  line = rest.substr(0, end);
  at_ = end == std::string_view::npos ? text_.size() : at_ + end + 1;
  searched_ = at_;
  ++read_lines_;
  check_utf8(line, name_, read_lines_);
  carriage_ = line.ends_with('\r');
  if (carriage_) line.remove_suffix(1);
  return true;
}

bool TextStream::ready() {
  if (blank_ > 0 && held_) return true;
  while (text_.find('\n', searched_) == std::string::npos && !ended_) {
    pollfd waiting{file_, POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 0) return false;
    read();
  }
  return true;
}

bool TextStream::next(std::string_view& line) {
  while (!held_) {
    std::string_view taken;
    if (!take(taken)) {
      if (!read()) return false;
    } else if (taken.empty()) {
      ++blank_;
    } else if (blank_ == 0) {
      line = taken;
      ++number_;
      return true;
    } else {
      line_ = taken;
      held_ = true;
    }
  }
  ++number_;
  if (blank_ > 0) {
    --blank_;
    line = {};
  } else {
    held_ = false;
    line = line_;
  }
  return true;
}

}  // namespace runner::data
