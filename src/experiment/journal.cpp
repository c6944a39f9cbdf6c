#include "experiment/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/checked.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

using json = io::Json;

// Raised when a record's fields change, so that none is read for what it is not.
constexpr int kFormat = 2;

std::string make_line(std::string_view kind, const json& record) {
  return io::checked_line(json{{kind, record}}.dump());
}

std::string owner_line(const JournalOwner& owner) {
  return make_line(
      "cell",
      {{"format", kFormat}, {"task", owner.task}, {"method", owner.method}, {"seed", owner.seed}});
}

// A record that is whole and not the next one, as where two hosts came to write to one journal.
struct OutOfTurn : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void apply(const json& record, bool first, const JournalOwner& owner, History& history) {
  if (!record.is_object() || record.size() != 1) throw std::runtime_error("not one record");
  const auto entry = record.get_ref<const json::object_t&>().begin();
  const std::string& kind = entry->first;
  const json& value = entry->second;
  if (first != (kind == "cell")) throw std::runtime_error("a '" + kind + "' record out of place");
  if (kind == "cell") {
    if (const int format = value.value("format", 1); format != kFormat) {
      throw std::runtime_error(
          fmt::format("written by another version of this program (format {}, not {}); give the "
                      "run another name (name=...), or begin anew with --fresh",
                      format, kFormat));
    }
    const JournalOwner found{value.at("task").get<std::string>(),
                             value.at("method").get<std::string>(),
                             value.at("seed").get<std::uint64_t>()};
    if (found != owner) {
      throw std::runtime_error(
          fmt::format("the journal of {}, {}, seed {}, where that of {}, {}, seed {} belongs",
                      found.task, found.method, found.seed, owner.task, owner.method, owner.seed));
    }
    return;
  }
  const auto next = static_cast<int>(history.trials.size());
  const int trial = value.at("trial").get<int>();
  if (trial != next) {
    throw OutOfTurn(fmt::format("a record of trial {}, where {} is next", trial, next));
  }
  if (kind == "inner") {
    history.inner.push_back(value.get<InnerRecord>());
  } else if (kind == "trial") {
    history.trials.push_back(value.get<TrialRecord>());
  } else {
    throw std::runtime_error("an unknown record '" + kind + "'");
  }
}

// Reads the whole lines of `bytes` that nothing damaged precedes, and returns their length.
std::size_t parse(std::string_view bytes, const fs::path& path, const JournalOwner& owner,
                  History& history) {
  std::size_t at = 0;
  for (int line = 1; at < bytes.size(); ++line) {
    const std::size_t end = bytes.find('\n', at);
    if (end == std::string_view::npos) return at;  // torn
    const auto damaged = [&](std::string_view how) {
      history.damage =
          fmt::format("{}:{}: {}; what begins here counts as not done", path.string(), line, how);
      return at;
    };
    const std::string_view record = io::checked_record(bytes.substr(at, end - at));
    if (record.empty()) {
      return damaged("this line was changed after it was written (its checksum differs)");
    }
    try {
      apply(io::parse_json(record, "the record"), line == 1, owner, history);
    } catch (const OutOfTurn& error) {
      return damaged(error.what());
    } catch (const std::exception& error) {
      throw InputError(fmt::format("{}:{}: {}", path.string(), line, error.what()));
    }
    at = end + 1;
  }
  return at;
}

}  // namespace

void History::cut(int count) {
  if (static_cast<int>(trials.size()) > count) trials.resize(static_cast<std::size_t>(count));
  std::erase_if(inner, [count](const InnerRecord& record) { return record.trial >= count; });
}

std::vector<InnerRecord> History::inner_of(int trial) const {
  std::vector<InnerRecord> records;
  std::ranges::copy_if(inner, std::back_inserter(records),
                       [trial](const InnerRecord& record) { return record.trial == trial; });
  return records;
}

History read_journal(const fs::path& path, const JournalOwner& owner) {
  History history;
  if (!fs::exists(path)) return history;
  parse(io::read_file(path), path, owner, history);
  return history;
}

Journal::Journal(fs::path path, const JournalOwner& owner) : path_(std::move(path)), owner_(owner) {
  std::size_t whole = 0;
  std::size_t size = 0;
  io::refuse_link(path_);
  if (fs::exists(path_)) {
    const std::string bytes = io::read_file(path_);
    size = bytes.size();
    whole = parse(bytes, path_, owner_, history_);
  }
  if (whole == 0) {
    io::write_file_atomic(path_, owner_line(owner_));
  } else if (whole < size) {
    fs::resize_file(path_, whole);
  }
  open();
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

void Journal::open() {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0) {
    throw InputError(fmt::format("{}: cannot append: {}", path_.string(), std::strerror(errno)));
  }
}

void Journal::write(std::string_view line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = ::write(fd_, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  if (done < line.size() || ::fsync(fd_) != 0) {
    throw WriteError(fmt::format("{}: cannot append: {}", path_.string(), std::strerror(errno)));
  }
  struct stat open {};
  struct stat named {};
  if (::fstat(fd_, &open) != 0 || ::stat(path_.c_str(), &named) != 0 ||
      open.st_ino != named.st_ino || open.st_dev != named.st_dev) {
    throw WriteError(path_.string() + ": was removed or replaced while this process wrote to it");
  }
}

void Journal::append(InnerRecord record) {
  write(make_line("inner", record));
  history_.inner.push_back(std::move(record));
}

void Journal::append(TrialRecord record) {
  write(make_line("trial", record));
  history_.trials.push_back(std::move(record));
}

void Journal::rewind(int trial) {
  History kept;
  std::string bytes = owner_line(owner_);
  for (int i = 0; i < trial; ++i) {
    for (InnerRecord& record : history_.inner_of(i)) {
      bytes += make_line("inner", record);
      kept.inner.push_back(std::move(record));
    }
    kept.trials.push_back(history_.trials[static_cast<std::size_t>(i)]);
    bytes += make_line("trial", kept.trials.back());
  }
  io::write_file_atomic(path_, bytes);
  ::close(fd_);
  history_ = std::move(kept);
  open();
}

}  // namespace runner::experiment
