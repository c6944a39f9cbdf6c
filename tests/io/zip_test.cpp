#include "io/zip.hpp"

#include <stdlib.h>

#include <array>
#include <filesystem>
#include <string>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner;
namespace fs = std::filesystem;

TEST_CASE("a zip is what unzip reads, and the same bytes for the same files") {
  std::string name = (fs::temp_directory_path() / "runner_zip_XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  const std::string large(300'000, 'x');
  const std::array<io::ZipEntry, 3> entries = {
      {{"RTE.tsv", "index\tprediction\n0\tentailment\n"}, {"empty.tsv", ""}, {"large.tsv", large}}};
  io::write_zip_atomic(folder / "a.zip", entries);
  io::write_zip_atomic(folder / "deeper" / "b.zip", entries);
  const std::string bytes = io::read_file(folder / "a.zip");
  CHECK(bytes == io::read_file(folder / "deeper" / "b.zip"));
  CHECK(bytes.size() < 3000);  // packed
  const std::string command = "cd '" + folder.string() +
                              "' && python3 -c \"import zipfile; z = zipfile.ZipFile('a.zip'); "
                              "assert z.testzip() is None; z.extractall('out'); "
                              "print(z.namelist())\" >names";
  if (std::system("python3 --version >/dev/null 2>&1") == 0) {
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(io::read_file(folder / "names") == "['RTE.tsv', 'empty.tsv', 'large.tsv']\n");
    for (const io::ZipEntry& entry : entries) {
      CHECK(io::read_file(folder / "out" / entry.name) == entry.bytes);
    }
  }
  CHECK_THROWS_AS(io::write_zip_atomic(folder / "a.zip" / "no", entries), InputError);
  fs::remove_all(folder);
}
