#include "reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "mask.h"

namespace stackful::websocket {
namespace {

// As much is taken for a message before its bytes are there.
constexpr size_t kFirstRoom = 64 * 1024;

}  // namespace

Reader::~Reader() {
  std::free(kept_);
  std::free(message_);
}

void Reader::give(char* data, size_t size) noexcept {
  std::free(kept_);
  kept_ = nullptr;
  at_ = data;
  end_ = data + size;
}

void Reader::adopt(char* memory, char* data, size_t size) noexcept {
  give(data, size);
  kept_ = memory;
}

bool Reader::keep() noexcept {
  if (at_ == end_) {
    std::free(kept_);
    kept_ = at_ = end_ = nullptr;
    return true;
  }
  if (kept_) return true;
  const auto size = static_cast<size_t>(end_ - at_);
  kept_ = static_cast<char*>(std::malloc(size));
  if (!kept_) {
    at_ = end_ = nullptr;
    return false;
  }
  std::memcpy(kept_, at_, size);
  at_ = kept_;
  end_ = kept_ + size;
  return true;
}

bool Reader::add(const char* data, size_t size) noexcept {
  const auto before = static_cast<size_t>(end_ - at_);
  if (before + size == 0) return true;
  auto* all = static_cast<char*>(std::malloc(before + size));
  if (!all) return false;
  if (before > 0) std::memcpy(all, at_, before);
  std::memcpy(all + before, data, size);
  std::free(kept_);
  kept_ = at_ = all;
  end_ = all + before + size;
  return true;
}

char* Reader::takeMemory() noexcept {
  char* memory = message_;
  message_ = nullptr;
  room_ = 0;
  return memory;
}

bool Reader::own() noexcept {
  if (view_ == message_ || size_ == 0) return true;
  message_ = static_cast<char*>(std::malloc(size_));
  if (!message_) return false;
  room_ = size_;
  std::memcpy(message_, view_, size_);
  view_ = message_;
  return true;
}

Reader::Found Reader::fail(Violation violation) noexcept {
  stage_ = Stage::kFailed;
  violation_ = violation;
  std::free(takeMemory());
  return Found::kViolation;
}

// Whether `size` bytes of the header are there.
bool Reader::takeHeader(size_t size) noexcept {
  const size_t n = std::min(size - headerSize_, static_cast<size_t>(end_ - at_));
  if (n > 0) std::memcpy(header_ + headerSize_, at_, n);
  headerSize_ = static_cast<uint8_t>(headerSize_ + n);
  at_ += n;
  return headerSize_ == size;
}

// What the first two bytes tell.
Violation Reader::checkStart() const noexcept {
  const uint8_t length = header_[1] & 0x7f;
  const bool dataBegins = opcode() == kText || opcode() == kBinary;
  if (header_[0] & kReservedBits) return Violation::kReservedBits;
  if ((header_[0] & kCompressed) && !(terms_.mayBeCompressed && dataBegins)) return Violation::kReservedBits;
  if (isControl(opcode())) {
    if (opcode() > kPong) return Violation::kReservedOpcode;
    if (!(header_[0] & kFinal)) return Violation::kFragmentedControl;
    if (length > kMostControl) return Violation::kLongControl;
  } else {
    if (opcode() > kBinary) return Violation::kReservedOpcode;
    if (dataBegins && inMessage_) return Violation::kUnfinishedMessage;
    if (!dataBegins && !inMessage_) return Violation::kNothingToContinue;
  }
  const bool masked = header_[1] & kMasked;
  if (masked == terms_.masked) return Violation::kNone;
  return masked ? Violation::kMasked : Violation::kUnmasked;
}

// The header is whole.
Violation Reader::beginFrame() noexcept {
  const uint8_t length = header_[1] & 0x7f;
  const int bytes = length < 126 ? 0 : length == 126 ? 2 : 8;
  left_ = bytes == 0 ? length : 0;
  for (int i = 0; i < bytes; ++i) left_ = left_ << 8 | header_[2 + i];
  if (bytes == 2 && left_ < 126) return Violation::kLongLength;
  if (bytes == 8) {
    if (left_ >> 63) return Violation::kNegativeLength;
    if (left_ <= 0xffff) return Violation::kLongLength;
  }
  if (terms_.masked) std::memcpy(&key_, header_ + 2 + bytes, sizeof key_);
  headerSize_ = 0;
  if (isControl(opcode())) {
    controlOpcode_ = static_cast<Opcode>(opcode());
    controlSize_ = 0;
    stage_ = Stage::kControl;
    return Violation::kNone;
  }
  if (opcode() != kContinuation) {
    inMessage_ = true;
    text_ = opcode() == kText;
    compressed_ = header_[0] & kCompressed;
    size_ = 0;
    utf8_.reset();
  }
  if (left_ > terms_.mostBytes - size_) return Violation::kTooLong;
  stage_ = Stage::kPayload;
  return Violation::kNone;
}

Reader::Found Reader::next() noexcept {
  for (;;) {
    switch (stage_) {
      case Stage::kFailed:
        return Found::kViolation;
      case Stage::kHeader: {
        if (headerSize_ < 2) {
          if (!takeHeader(2)) return Found::kNothing;
          if (const Violation v = checkStart(); v != Violation::kNone) return fail(v);
        }
        const uint8_t length = header_[1] & 0x7f;
        const size_t whole = 2 +
                             (length < 126    ? 0
                              : length == 126 ? 2
                                              : 8) +
                             (terms_.masked ? sizeof key_ : 0);
        if (!takeHeader(whole)) return Found::kNothing;
        if (const Violation v = beginFrame(); v != Violation::kNone) return fail(v);
        break;
      }
      case Stage::kControl:
        return takeControl();
      case Stage::kPayload:
        if (const Found found = takePayload(); found != Found::kNothing || stage_ == Stage::kPayload)
          return found;
        break;
    }
  }
}

Reader::Found Reader::takeControl() noexcept {
  const auto n = static_cast<size_t>(std::min<uint64_t>(left_, static_cast<size_t>(end_ - at_)));
  if (terms_.masked) {
    applyMask(control_ + controlSize_, at_, n, key_);
    key_ = keyFrom(key_, n);
  } else if (n > 0) {
    std::memcpy(control_ + controlSize_, at_, n);
  }
  at_ += n;
  left_ -= n;
  controlSize_ = static_cast<uint8_t>(controlSize_ + n);
  if (left_ > 0) return Found::kNothing;
  stage_ = Stage::kHeader;
  return Found::kControl;
}

// kNothing in kHeader: the frame is whole, its message goes on.
Reader::Found Reader::takePayload() noexcept {
  const auto there = static_cast<size_t>(end_ - at_);
  const bool last = header_[0] & kFinal;
  if (last && size_ == 0 && there >= left_) {
    // By far the most frequent case: nothing is copied.
    size_ = static_cast<size_t>(left_);
    if (terms_.masked) applyMask(at_, at_, size_, key_);
    if (!noteText(at_, size_)) return fail(Violation::kNotUtf8);
    view_ = at_;
    at_ += size_;
  } else {
    if (!takePiece(static_cast<size_t>(std::min<uint64_t>(left_, there)))) return Found::kViolation;
    if (left_ > 0) return Found::kNothing;
    view_ = message_;
  }
  left_ = 0;
  stage_ = Stage::kHeader;
  if (!last) return Found::kNothing;
  if (text_ && !compressed_ && !utf8_.complete()) return fail(Violation::kNotUtf8);
  inMessage_ = false;
  return Found::kMessage;
}

// Moves bytes of the input into the message. False after a violation.
bool Reader::takePiece(size_t size) noexcept {
  if (size == 0) return true;
  if (!makeRoom(size)) {
    fail(Violation::kNoMemory);
    return false;
  }
  std::memcpy(message_ + size_, at_, size);
  at_ += size;
  received(size);
  return stage_ != Stage::kFailed;
}

void Reader::received(size_t size) noexcept {
  char* const piece = message_ + size_;
  if (terms_.masked) {
    applyMask(piece, piece, size, key_);
    key_ = keyFrom(key_, size);
  }
  size_ += size;
  left_ -= size;
  if (!noteText(piece, size)) fail(Violation::kNotUtf8);
}

bool Reader::noteText(const char* data, size_t size) noexcept {
  // Compressed text is looked at when it is not any more.
  return !text_ || compressed_ || utf8_.take(data, size);
}

// For `size` bytes more; up to the end of the frame where that is not far.
bool Reader::makeRoom(size_t size) noexcept {
  const size_t wanted = size_ + size;
  if (wanted <= room_) return true;
  const uint64_t frame = size_ + left_;
  const auto room = static_cast<size_t>(std::min<uint64_t>(frame, std::max(2 * wanted, kFirstRoom)));
  auto* grown = static_cast<char*>(std::realloc(message_, room));
  if (!grown) return false;
  message_ = grown;
  room_ = room;
  return true;
}

Reader::Space Reader::spaceFor(size_t least) noexcept {
  if (stage_ != Stage::kPayload || left_ < least || !makeRoom(least)) return {nullptr, 0};
  return {message_ + size_, static_cast<size_t>(std::min<uint64_t>(left_, room_ - size_))};
}

}  // namespace stackful::websocket
