// What nghttp2 is told once for all sessions of a kind.
#pragma once

#include "nghttp2.h"

namespace stackful::http2 {

// Calls the static functions of `Functions`. nullptr without memory.
template <class Functions>
const nghttp2_session_callbacks* callbacksOf() {
  static nghttp2_session_callbacks* const callbacks = []() -> nghttp2_session_callbacks* {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) return nullptr;
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, Functions::beginFrame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, Functions::invalidFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, Functions::beginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, Functions::field);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, Functions::invalidField);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, Functions::frameReceived);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Functions::chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, Functions::streamClosed);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, Functions::frameSent);
    nghttp2_session_callbacks_set_send_data_callback(made, Functions::sendData);
    return made;
  }();
  return callbacks;
}

// Windows are given back as coroutines read, and closed streams keep nothing. nullptr without memory.
inline nghttp2_option* makeOptions() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_closed_streams(made, 1);
  return made;
}

}  // namespace stackful::http2
