// Where the frames of a session are put together before they are sent.
#pragma once

#include <cstring>

#include "nghttp2.h"

namespace stackful::http2 {

class FrameSink {
 public:
  // The longest frame.
  static constexpr size_t kLeastRoom = 9 + (16 << 10);

  // Puts frames into [to, to + room), which has to be at least kLeastRoom; returns their bytes.
  size_t fill(nghttp2_session* session, char* to, size_t room) noexcept {
    at_ = to;
    end_ = to + room;
    while (static_cast<size_t>(end_ - at_) >= kLeastRoom) {
      const uint8_t* frame = nullptr;
      const ssize_t n = nghttp2_session_mem_send(session, &frame);
      // Without memory for a frame the session cannot go on: what it has sent is not what it says it has.
      if (n < 0) nghttp2_session_terminate_session(session, kInternalError);
      if (n <= 0) break;
      std::memcpy(at_, frame, static_cast<size_t>(n));
      at_ += n;
    }
    const auto bytes = static_cast<size_t>(at_ - to);
    at_ = end_ = nullptr;
    return bytes;
  }

  // A frame of DATA, from nghttp2's callback for that. False when it has no room: it comes again.
  bool putData(const uint8_t* frameHead, const char* data, size_t n) noexcept {
    constexpr size_t kFrameHead = 9;
    if (static_cast<size_t>(end_ - at_) < kFrameHead + n) return false;
    std::memcpy(at_, frameHead, kFrameHead);
    if (n > 0) std::memcpy(at_ + kFrameHead, data, n);
    at_ += kFrameHead + n;
    return true;
  }

 private:
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace stackful::http2
