#include "model/safetensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "io/error.hpp"
#include "io/foreign.hpp"
#include "io/json.hpp"

namespace runner::model {
namespace {

using Json = io::Json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit

struct Dtype {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Dtype, 15> kDtypes = {{{"BOOL", 1},
                                            {"U8", 1},
                                            {"I8", 1},
                                            {"F8_E5M2", 1},
                                            {"F8_E4M3", 1},
                                            {"I16", 2},
                                            {"U16", 2},
                                            {"F16", 2},
                                            {"BF16", 2},
                                            {"I32", 4},
                                            {"U32", 4},
                                            {"F32", 4},
                                            {"I64", 8},
                                            {"U64", 8},
                                            {"F64", 8}}};

// More than the largest mixtures of experts keep in a file; a header of 100 MB could name a
// million, and take seconds and gigabytes.
constexpr std::size_t kMostTensors = 100'000;

// Finds what the library lets pass, before it builds the whole: a name that an object gives twice,
// and too many of them. Not by the parser's callback: with one it looks through all of an object's
// members after each of them.
class Names : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }  // empty: none up to where JSON ends

  bool start_object(std::size_t) override {
    names_.emplace_back();
    return names_.size() < 100;  // deeper ones are refused below
  }
  bool key(std::string& name) override {
    if (!names_.back().insert(name).second) problem_ = fmt::format("'{}' is given twice", name);
    if (names_.back().size() > kMostTensors)
      problem_ = fmt::format("more than {} tensors", kMostTensors);
    return problem_.empty();
  }
  bool end_object() override {
    names_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  std::vector<std::set<std::string>> names_;  // of the objects that are open
  std::string problem_;
};

Json parse_header(const std::string& where, std::string_view text) {
  Names names;
  if (!Json::sax_parse(text, &names) && !names.problem().empty())
    throw InputError(fmt::format("{}: header: {}", where, names.problem()));
  Json header = io::parse_json(text, where + ": header");
  if (!header.is_object()) throw InputError(where + ": header must be a JSON object");
  return header;
}

// A list of numbers >= 0, or false.
bool read_numbers(const Json& json, std::vector<std::int64_t>& out) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    const auto number = io::whole_number<std::int64_t>(item);
    if (!number || *number < 0 || *number > (std::int64_t{1} << 60)) return false;
    out.push_back(*number);
  }
  return true;
}

// Product of the shape times the item size; -1 where it leaves 2^60.
std::int64_t byte_count(const std::vector<std::int64_t>& shape, std::int64_t item) {
  std::int64_t product = item;
  for (const std::int64_t extent : shape) {
    if (extent != 0 && product > (std::int64_t{1} << 60) / extent) return -1;
    product *= extent;
  }
  return product;
}

float from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t rest = half & 0x7FFFu;
  // Re-biasing by multiplication by 2^112 makes subnormals right too.
  const float scaled = std::bit_cast<float>(rest << 13) * 0x1.0p112f;
  const std::uint32_t special = rest >= 0x7C00u ? 0x7F800000u | (rest << 13) : 0u;
  return std::bit_cast<float>(sign |
                              (special != 0 ? special : std::bit_cast<std::uint32_t>(scaled)));
}

}  // namespace

std::int64_t TensorView::elements() const { return byte_count(shape, 1); }

Safetensors::Safetensors(const std::filesystem::path& path) : path_(path), file_(path) {
  const std::string where = path.string();
  const std::string_view bytes = file_.bytes();
  const std::string_view foreign = io::foreign_kind(bytes);
  if (!foreign.empty()) throw InputError(fmt::format("{} is {}", where, foreign));
  if (bytes.size() < 8)
    throw InputError(
        fmt::format("{}: {} bytes are too few for a safetensors file", where, bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > bytes.size() - 8)
    throw InputError(fmt::format("{}: the header's length is {} bytes, but the file has {}", where,
                                 length, bytes.size()));
  if (length > kMaxHeader)
    throw InputError(fmt::format("{}: the header's length is {} bytes, more than the format's {}",
                                 where, length, kMaxHeader));
  const Json header = parse_header(where, bytes.substr(8, length));
  const std::string_view data = bytes.substr(8 + length);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto fail = [&](const std::string& what) {
      throw InputError(fmt::format("{}: tensor '{}': {}", where, name, what));
    };
    TensorView tensor;
    tensor.name = name;
    std::vector<std::int64_t> range;
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets") || !entry["dtype"].is_string() ||
        !read_numbers(entry["shape"], tensor.shape) ||
        !read_numbers(entry["data_offsets"], range) || range.size() != 2)
      fail("dtype, shape and two data_offsets are needed");
    tensor.dtype = entry["dtype"].get<std::string>();
    const auto dtype = std::ranges::find(kDtypes, tensor.dtype, &Dtype::name);
    if (dtype == kDtypes.end()) fail(fmt::format("unknown dtype '{}'", tensor.dtype));
    if (range[0] > range[1] || range[1] > static_cast<std::int64_t>(data.size()))
      fail(fmt::format("data_offsets [{}, {}] do not lie in the {} bytes of data", range[0],
                       range[1], data.size()));
    const std::int64_t size = range[1] - range[0];
    if (byte_count(tensor.shape, dtype->bytes) != size)
      fail(fmt::format("{} of shape [{}] does not take {} bytes", tensor.dtype,
                       fmt::join(tensor.shape, ", "), size));
    tensor.bytes = data.substr(static_cast<std::size_t>(range[0]), static_cast<std::size_t>(size));
    tensors_.push_back(std::move(tensor));
  }
  std::ranges::stable_sort(tensors_, {}, [](const TensorView& tensor) {
    return std::pair(tensor.bytes.data(), tensor.bytes.size());
  });
  const char* expected = data.data();
  for (const TensorView& tensor : tensors_) {
    if (tensor.bytes.data() != expected)
      throw InputError(fmt::format(
          "{}: tensor '{}': {} {} bytes", where, tensor.name,
          tensor.bytes.data() < expected ? "overlaps its predecessor by" : "comes after a hole of",
          std::abs(tensor.bytes.data() - expected)));
    expected += tensor.bytes.size();
  }
  if (expected != data.data() + data.size())
    throw InputError(fmt::format("{}: {} bytes after the last tensor belong to none", where,
                                 data.data() + data.size() - expected));
}

bool is_float(const TensorView& tensor) {
  return tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16";
}

std::int64_t read_floats(const TensorView& tensor, std::span<float> out) {
  const std::size_t count = out.size();
  if (tensor.dtype == "F32") {
    if (count > 0) std::memcpy(out.data(), tensor.bytes.data(), count * sizeof(float));
  } else {
    const bool half = tensor.dtype == "F16";
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t word = 0;  // the header's length decides the alignment: any
      std::memcpy(&word, tensor.bytes.data() + 2 * i, 2);
      out[i] = half ? from_half(word) : std::bit_cast<float>(std::uint32_t{word} << 16);
    }
  }
  std::int64_t bad = 0;
  for (const float value : out)
    bad += (std::bit_cast<std::uint32_t>(value) & 0x7F800000u) == 0x7F800000u ? 1 : 0;
  return bad;
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors) {
  auto header = nlohmann::ordered_json::object();
  header["__metadata__"] = {{"format", "pt"}};
  std::size_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    const std::size_t end = offset + tensor.values.size_bytes();
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // keeps the data aligned
  const std::uint64_t length = text.size();
  io::AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), 8});
  file.write(text);
  for (const NamedTensor& tensor : tensors)
    file.write({reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size_bytes()});
  file.commit();
}

}  // namespace runner::model
