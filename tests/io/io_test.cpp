#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

// A fresh folder that goes away with the test.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "runner_io_XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("a size is told in three digits and its unit") {
  CHECK(io::size_text(0) == "0 B");
  CHECK(io::size_text(999) == "999 B");
  CHECK(io::size_text(168'000) == "168 kB");
  CHECK(io::size_text(999'499) == "999 kB");
  CHECK(io::size_text(999'500) == "1 MB");
  CHECK(io::size_text(3.84e9) == "3.84 GB");
  CHECK(io::size_text(2.5e15) == "2500 TB");
}

TEST_CASE("what is gone, or is no file, has no bytes") {
  const Folder folder;
  io::write_file_atomic(folder.path / "five", "12345");
  CHECK(io::size_of(folder.path / "five") == 5);
  CHECK(io::size_of(folder.path / "gone") == 0);
  CHECK(io::size_of(folder.path) == 0);
}

TEST_CASE("an atomic write creates folders, replaces the file and leaves nothing beside it") {
  const Folder folder;
  const fs::path file = folder.path / "a" / "b.txt";
  io::write_file_atomic(file, "first");
  io::write_file_atomic(file, std::string("sec\0ond", 7));
  CHECK(io::read_file(file) == std::string("sec\0ond", 7));
  int entries = 0;
  for (const auto& entry : fs::directory_iterator(file.parent_path())) {
    (void)entry;
    ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("a write that cannot succeed names the path and keeps the old file") {
  const Folder folder;
  io::write_file_atomic(folder.path / "file", "old");
  try {
    io::write_file_atomic(folder.path / "file" / "below", "new");
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find("file: cannot create") != std::string::npos);
  }
  CHECK(io::read_file(folder.path / "file") == "old");
}

TEST_CASE("reading a missing file or a folder says which and why") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(
      io::read_file(folder.path / "none"),
      ((folder.path / "none").string() + ": cannot read: No such file or directory").c_str(),
      InputError);
  CHECK_THROWS_WITH_AS(io::read_file(folder.path),
                       (folder.path.string() + ": is a folder, not a file").c_str(), InputError);
  CHECK_THROWS_AS(io::MappedFile(folder.path / "none"), InputError);
}

TEST_CASE("a mapped file shows the bytes, also of an empty file") {
  const Folder folder;
  io::write_file_atomic(folder.path / "some", "abc");
  io::write_file_atomic(folder.path / "empty", "");
  CHECK(io::MappedFile(folder.path / "some").bytes() == "abc");
  CHECK(io::MappedFile(folder.path / "empty").bytes().empty());
}

TEST_CASE("equal content has equal names") {
  CHECK(io::content_hash("abc") == io::content_hash("abc"));
  CHECK(io::content_hash("abc") != io::content_hash("abd"));
  CHECK(io::content_hash("") == "99aa06d3014798d86001c324468d497f");  // XXH3-128's own vector
}

TEST_CASE("what csv_row writes, parse_csv reads back") {
  const std::vector<std::string> fields = {"plain", "a,b", "say \"hi\"", "two\nlines", "", " x "};
  const auto records = io::parse_csv(io::csv_row(fields) + "1,2\r\n\n3,", "t.csv");
  REQUIRE(records.size() == 3);
  CHECK(records[0].fields == fields);
  CHECK(records[1].fields == std::vector<std::string>{"1", "2"});
  CHECK(records[1].line == 3);
  CHECK(records[2].fields == std::vector<std::string>{"3", ""});
  CHECK(records[2].line == 5);
}

TEST_CASE("fields may be separated as spreadsheets do where the comma is the decimal point") {
  CHECK(io::find_separator("a,b;c\n") == ',');
  CHECK(io::find_separator("\"a,b\";c\nd,e") == ';');
  CHECK(io::find_separator("a\tb\r\n1,2\t3") == '\t');
  CHECK(io::find_separator("a") == ',');
  const auto records = io::parse_csv(
      "\xEF\xBB\xBF"
      "a;b\r1,5;\"x;y\"\r\n",
      "t.csv", ';');
  REQUIRE(records.size() == 2);
  CHECK(records[1].fields == std::vector<std::string>{"1,5", "x;y"});
  CHECK(records[1].line == 2);
}

TEST_CASE("what no double holds is infinite or zero") {
  double value = 1.0;
  CHECK(io::parse_number("4e400", value));
  CHECK(value == std::numeric_limits<double>::infinity());
  CHECK(io::parse_number("-1" + std::string(400, '0') + ".0", value));
  CHECK(value == -std::numeric_limits<double>::infinity());
  CHECK(io::parse_number("1e-400", value));
  CHECK(value == 0.0);
  CHECK(io::parse_number("0." + std::string(400, '0') + "1", value));
  CHECK(value == 0.0);
  CHECK(io::parse_number("5e-324", value));
  CHECK(value == 5e-324);
  CHECK_FALSE(io::parse_number("4e400x", value));
}

TEST_CASE("broken quotes in CSV are named by line") {
  CHECK_THROWS_WITH_AS(io::parse_csv("a\n\"b", "t.csv"), "t.csv:2: a quoted field is never closed",
                       InputError);
  CHECK_THROWS_WITH_AS(io::parse_csv("\"a\"b", "t.csv"),
                       doctest::Contains("t.csv:1: text after a closing quote; within"),
                       InputError);
}

TEST_CASE("numbers read back as the same double and never depend on the locale") {
  for (const double value : {0.1, 1e-300, -3.0, 1e22, 5e-324, 1.0 / 3.0}) {
    double back = 0.0;
    REQUIRE(io::parse_number(io::number(value), back));
    CHECK(back == value);
  }
  CHECK(io::number(-std::numeric_limits<double>::quiet_NaN()) == "nan");
  double value = 0.0;
  CHECK(io::parse_number("1e-5", value));
  CHECK(value == 1e-5);
  CHECK(io::parse_number("+2", value));
  for (const char* bad : {"", "1,5", "1x", " 1", "+", "0x10"})
    CHECK_FALSE(io::parse_number(bad, value));
}
