#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <cstdint>

#include "data/tokenizer_files.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::data {
namespace {

// Reads a message of Protocol Buffers field by field. SentencePiece's library keeps some of its
// file's fields to itself; it has checked the message before it is read here.
class Message {
 public:
  explicit Message(std::string_view message) : rest_(message) {}
  int field = 0;
  std::uint64_t number = 0;  // of a field that is a number
  std::string_view bytes;    // of one that is a string or a message

  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    field = static_cast<int>(tag >> 3);
    number = 0;
    bytes = {};
    switch (tag & 7) {
      case 0:
        number = varint();
        return true;
      case 1:
        return take(8);
      case 2:
        return take(varint());
      case 5:
        return take(4);
      default:
        return false;
    }
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; !rest_.empty() && shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  bool take(std::uint64_t size) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::string_view rest_;
};

// Numbers of fields and values in sentencepiece_model.proto.
enum { kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3 };  // of ModelProto
constexpr int kPieceType = 3, kUserDefined = 4;
constexpr int kModelType = 3, kCharsmap = 2;
constexpr std::uint64_t kUnigram = 1;

}  // namespace

SentencePieceFile read_sentencepiece(const std::filesystem::path& path) {
  const std::string bytes = io::read_file(path);
  sentencepiece::SentencePieceProcessor library;
  if (const auto status = library.LoadFromSerializedProto(bytes); !status.ok()) {
    throw InputError(
        fmt::format("{}: not a SentencePiece model: {}", path.string(), status.message()));
  }
  SentencePieceFile file;
  file.content_hash = io::content_hash(bytes);
  std::uint64_t model_type = kUnigram;
  std::vector<bool> user_defined;
  for (Message model(bytes); model.next();) {
    if (model.field == kPieces) {
      std::uint64_t type = 0;
      for (Message piece(model.bytes); piece.next();) {
        if (piece.field == kPieceType) type = piece.number;
      }
      user_defined.push_back(type == kUserDefined);
    } else if (model.field == kTrainerSpec) {
      for (Message spec(model.bytes); spec.next();) {
        if (spec.field == kModelType) model_type = spec.number;
      }
    } else if (model.field == kNormalizerSpec) {
      for (Message spec(model.bytes); spec.next();) {
        if (spec.field == kCharsmap) file.charsmap = spec.bytes;
      }
    }
  }
  if (model_type != kUnigram) {
    throw InputError(fmt::format("{}: model_type {} is not supported, only unigram, which is {}",
                                 path.string(), model_type, kUnigram));
  }
  const int size = library.GetPieceSize();
  if (static_cast<std::size_t>(size) != user_defined.size()) {
    throw InputError(fmt::format("{}: {} pieces, but the library sees {}", path.string(),
                                 user_defined.size(), size));
  }
  using Kind = SentencePieceFile::Piece::Kind;
  for (int id = 0; id < size; ++id) {
    const Kind kind = library.IsUnknown(id)                        ? Kind::unknown
                      : library.IsControl(id)                      ? Kind::control
                      : user_defined[static_cast<std::size_t>(id)] ? Kind::user_defined
                                                                   : Kind::plain;
    file.pieces.push_back({library.IdToPiece(id), library.GetScore(id), kind});
  }
  return file;
}

}  // namespace runner::data
