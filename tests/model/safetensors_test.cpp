#include "model/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>

#include "doctest/doctest.h"
#include "io/error.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

const fs::path kFile = fs::temp_directory_path() / "runner_safetensors_test.safetensors";

std::string file_bytes(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

// What reading these bytes complains of, without the path; empty when nothing is wrong.
std::string complaint(const std::string& bytes) {
  io::write_file_atomic(kFile, bytes);
  try {
    const model::Safetensors file(kFile);
  } catch (const InputError& error) {
    const std::string message = error.what();
    REQUIRE(message.starts_with(kFile.string() + ": "));
    return message.substr(kFile.string().size() + 2);
  }
  return "";
}

std::string complaint(const std::string& header, const std::string& data) {
  return complaint(file_bytes(header, data));
}

std::string data(std::size_t bytes) { return std::string(bytes, '\1'); }

}  // namespace

TEST_CASE("malformed safetensors files are refused with their place") {
  CHECK(complaint("") == "0 bytes are too few for a safetensors file");
  CHECK(complaint(file_bytes("{}", "").replace(0, 1, "\xff")) ==
        "the header's length is 255 bytes, but the file has 10");
  CHECK(complaint("[1]", "") == "header must be a JSON object");
  CHECK(complaint("{\"a\"", "").starts_with("header: malformed JSON at byte 5: "));
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                      "a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  data(8)) == "header: 'a' is given twice");
  std::string many = "{";
  for (int i = 0; i <= 100'000; ++i)
    many += '"' + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)";
  many.back() = '}';
  CHECK(complaint(many, "") == "header: more than 100000 tensors");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[1]}})", data(4)) ==
        "tensor 'a': dtype, shape and two data_offsets are needed");
  CHECK(complaint(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", data(4)) ==
        "tensor 'a': unknown dtype 'F31'");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", data(4)) ==
        "tensor 'a': dtype, shape and two data_offsets are needed");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", data(4)) ==
        "tensor 'a': data_offsets [0, 8] do not lie in the 4 bytes of data");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", data(4)) ==
        "tensor 'a': data_offsets [4, 0] do not lie in the 4 bytes of data");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", data(20)) ==
        "tensor 'a': F32 of shape [2, 3] does not take 20 bytes");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                  "") == "tensor 'a': F32 of shape [4294967296, 4294967296] does not take 0 bytes");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                      "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                  data(12)) == "tensor 'b': overlaps its predecessor by 4 bytes");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                      "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                  data(12)) == "tensor 'b': comes after a hole of 4 bytes");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", data(7)) ==
        "3 bytes after the last tensor belong to none");
  fs::remove(kFile);
}

TEST_CASE("F32, F16 and BF16 read as the floats they stand for") {
  const std::string header = R"({"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},
      "f":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},
      "h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})";
  const std::uint16_t words[] = {0x3C00, 0xC248, 0x0001, 0x83FF,  // 1, -3.140625, subnormals
                                 0x3F80, 0xC049};                 // 1, -3.140625
  const float single = 0.1F;
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), words, 12);
  std::memcpy(bytes.data() + 12, &single, 4);
  REQUIRE(complaint(header, bytes).empty());
  const model::Safetensors file(kFile);
  REQUIRE(file.tensors().size() == 3);
  std::vector<float> half(4), brain(2), full(1);
  CHECK(model::read_floats(file.tensors()[0], half) == 0);
  CHECK(model::read_floats(file.tensors()[1], brain) == 0);
  CHECK(model::read_floats(file.tensors()[2], full) == 0);
  CHECK(half == std::vector<float>{1.0F, -3.140625F, 0x1p-24F, -1023 * 0x1p-24F});
  CHECK(brain == std::vector<float>{1.0F, -3.140625F});
  CHECK(full == std::vector<float>{0.1F});
  fs::remove(kFile);
}

TEST_CASE("values that are not finite are counted in each dtype") {
  const std::string header = R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})";
  const std::uint16_t words[] = {0x7C00, 0xFC00, 0x7E01, 0x7BFF};  // inf, -inf, nan, 65504
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), words, 8);
  REQUIRE(complaint(header, bytes).empty());
  const model::Safetensors file(kFile);
  std::vector<float> values(4);
  CHECK(model::read_floats(file.tensors()[0], values) == 3);
  CHECK(values[0] == std::numeric_limits<float>::infinity());
  CHECK(values[1] == -std::numeric_limits<float>::infinity());
  CHECK(values[2] != values[2]);
  CHECK(values[3] == 65504.0F);
  fs::remove(kFile);
}

TEST_CASE("what is written reads back") {
  const std::vector<float> matrix = {1, 2, 3, 4, 5, 6}, vector = {-0.5F};
  model::write_safetensors(
      kFile, std::vector<model::NamedTensor>{{"z", {2, 3}, matrix}, {"a", {1}, vector}});
  const model::Safetensors file(kFile);
  REQUIRE(file.tensors().size() == 2);
  CHECK(file.tensors()[0].name == "z");
  CHECK(file.tensors()[0].shape == std::vector<std::int64_t>{2, 3});
  std::vector<float> back(6);
  model::read_floats(file.tensors()[0], back);
  CHECK(back == matrix);
  fs::remove(kFile);
}
