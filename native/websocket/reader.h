// Takes a stream of bytes apart into messages and control frames; RFC 6455, sections 5 and 8.1.
//
// Where it stands:
//
//   kHeader   between frames, or in the header of one: what has come of it is in header_   header whole, a data frame -> kPayload
//                                                                                          ..., a control frame -> kControl
//   kPayload  in the payload of a data frame: what has come is in message_, unless the     payload whole -> kHeader
//             frame is whole in the input and the only one of its message
//   kControl  in the payload of a control frame, of which 125 bytes at most are in control_  payload whole -> kHeader
//   kFailed   the peer has broken the protocol, or there was no memory: next() says so      none
//
// From every other stage a violation leads to kFailed, as soon as the byte that makes it one is there: a length beyond the limit
// when the header says so, before memory is taken for it; text that is no UTF-8 at its first wrong byte.
//
// Beside it stands inMessage_: a message has begun whose last frame has not ended; control frames come in between.
//
// Memory: message_ grows with what has come, not with what a header announces. The input is the caller's, up to keep(), which
// moves what is left of it here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "frame.h"
#include "utf8.h"

namespace stackful::websocket {

// What the peer has done wrong; lib/websocket/violations.ts says it in words, in this order.
enum class Violation : uint8_t {
  kNone,
  kReservedBits,
  kReservedOpcode,
  kUnmasked,
  kMasked,
  kFragmentedControl,
  kLongControl,
  kNothingToContinue,
  kUnfinishedMessage,
  kLongLength,      // encoded with more bytes than it needs
  kNegativeLength,  // the highest of its 64 bits is set
  kTooLong,
  kNotUtf8,
  kNoMemory,
};

class Reader {
 public:
  struct Terms {
    bool masked;           // frames of the peer have to be; else they must not be
    bool mayBeCompressed;  // permessage-deflate was agreed upon
    uint64_t mostBytes;    // of a message
  };
  enum class Found : uint8_t { kNothing, kMessage, kControl, kViolation };
  struct Space {
    char* data;
    size_t size;
  };

  explicit Reader(const Terms& terms) noexcept : terms_(terms) {}
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The next bytes of the stream, which may be changed; all earlier ones were taken (next() gave kNothing). They have to stay until
  // the next call of keep().
  void give(char* data, size_t size) noexcept;
  // What is left of the input moves to memory of this object. False when there is none.
  bool keep() noexcept;
  // As give and keep of bytes in `memory`, from malloc, which is this object's from now on.
  void adopt(char* memory, char* data, size_t size) noexcept;
  // As give and keep, behind what is left.
  bool add(const char* data, size_t size) noexcept;
  bool hasInput() const noexcept { return at_ != end_; }

  // After kNothing: where at least `least` bytes of the payload that is under way can be received directly; a null `data` when fewer
  // are to come. Then received() tells how many did.
  Space spaceFor(size_t least) noexcept;
  void received(size_t size) noexcept;

  // kNothing: more input is needed.
  Found next() noexcept;
  // After kMessage, up to the next call of next(), give() or keep().
  std::string_view message() const noexcept { return {view_, size_}; }
  bool isText() const noexcept { return text_; }
  bool isCompressed() const noexcept { return compressed_; }
  // The message's memory, from malloc, which is the caller's then; nullptr when it is in the input.
  char* takeMemory() noexcept;
  // After kMessage: it stays through keep(). False when there is no memory.
  bool own() noexcept;
  // After kControl.
  Opcode controlOpcode() const noexcept { return controlOpcode_; }
  std::string_view control() const noexcept { return {control_, controlSize_}; }
  // After kViolation.
  Violation violation() const noexcept { return violation_; }

 private:
  enum class Stage : uint8_t { kHeader, kPayload, kControl, kFailed };

  bool takeHeader(size_t size) noexcept;
  Violation checkStart() const noexcept;
  Violation beginFrame() noexcept;
  Found takeControl() noexcept;
  Found takePayload() noexcept;
  bool takePiece(size_t size) noexcept;
  bool noteText(const char* data, size_t size) noexcept;
  bool makeRoom(size_t size) noexcept;
  Found fail(Violation violation) noexcept;
  uint8_t opcode() const noexcept { return header_[0] & 0x0f; }

  Terms terms_;
  char* at_ = nullptr;
  char* end_ = nullptr;
  char* kept_ = nullptr;  // what at_ points into, when it is memory of this object
  char* message_ = nullptr;
  const char* view_ = nullptr;
  size_t size_ = 0;    // of the message, so far
  size_t room_ = 0;    // in message_
  uint64_t left_ = 0;  // of the frame's payload
  uint32_t key_ = 0;   // for the next byte of it
  uint8_t header_[kMostHeader] = {};
  uint8_t headerSize_ = 0;
  uint8_t controlSize_ = 0;
  Stage stage_ = Stage::kHeader;
  Violation violation_ = Violation::kNone;
  Opcode controlOpcode_ = kClose;
  bool inMessage_ = false;
  bool text_ = false;
  bool compressed_ = false;
  Utf8 utf8_;
  char control_[kMostControl];
};

}  // namespace stackful::websocket
