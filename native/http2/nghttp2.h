// The nghttp2 that the node binary carries and exports (1.61 in Node 20, 1.69 in 22). Its headers do not come with Node's: what is
// used of its interface is declared here, which has been the same since 1.0.
//
// Every function is a weak symbol and on the list. In a host that lacks one the rest of the addon still loads; missing() says
// which, and HTTP/2 is refused with that. The library's version, which node does not export, is looked at in
// lib/http/http2/settings.ts.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

extern "C" {

struct nghttp2_session;
struct nghttp2_session_callbacks;
struct nghttp2_option;

struct nghttp2_nv {
  uint8_t* name;
  uint8_t* value;
  size_t namelen;
  size_t valuelen;
  uint8_t flags;
};

struct nghttp2_settings_entry {
  int32_t settings_id;
  uint32_t value;
};

struct nghttp2_frame_hd {
  size_t length;
  int32_t stream_id;
  uint8_t type;
  uint8_t flags;
  uint8_t reserved;
};

struct nghttp2_priority_spec {
  int32_t stream_id;
  int32_t weight;
  uint8_t exclusive;
};

struct nghttp2_data {
  nghttp2_frame_hd hd;
  size_t padlen;
};

struct nghttp2_headers {
  nghttp2_frame_hd hd;
  size_t padlen;
  nghttp2_priority_spec pri_spec;
  nghttp2_nv* nva;
  size_t nvlen;
  int cat;
};

struct nghttp2_rst_stream {
  nghttp2_frame_hd hd;
  uint32_t error_code;
};

struct nghttp2_push_promise {
  nghttp2_frame_hd hd;
  size_t padlen;
  nghttp2_nv* nva;
  size_t nvlen;
  int32_t promised_stream_id;
  uint8_t reserved;
};

struct nghttp2_goaway {
  nghttp2_frame_hd hd;
  int32_t last_stream_id;
  uint32_t error_code;
  uint8_t* opaque_data;
  size_t opaque_data_len;
  uint8_t reserved;
};

// Of a union with more members: only ever received by reference.
union nghttp2_frame {
  nghttp2_frame_hd hd;
  nghttp2_data data;
  nghttp2_headers headers;
  nghttp2_rst_stream rst_stream;
  nghttp2_push_promise push_promise;
  nghttp2_goaway goaway;
};

union nghttp2_data_source {
  int fd;
  void* ptr;
};

using nghttp2_data_source_read_callback = ssize_t (*)(nghttp2_session*, int32_t stream, uint8_t* to,
                                                      size_t length, uint32_t* flags, nghttp2_data_source*,
                                                      void* user);
struct nghttp2_data_provider {
  nghttp2_data_source source;
  nghttp2_data_source_read_callback read_callback;
};

using nghttp2_on_frame_recv_callback = int (*)(nghttp2_session*, const nghttp2_frame*, void*);
using nghttp2_on_frame_send_callback = int (*)(nghttp2_session*, const nghttp2_frame*, void*);
using nghttp2_on_begin_frame_callback = int (*)(nghttp2_session*, const nghttp2_frame_hd*, void*);
using nghttp2_on_begin_headers_callback = int (*)(nghttp2_session*, const nghttp2_frame*, void*);
using nghttp2_on_header_callback = int (*)(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
                                           size_t nameLength, const uint8_t* value, size_t valueLength,
                                           uint8_t flags, void*);
using nghttp2_on_data_chunk_recv_callback = int (*)(nghttp2_session*, uint8_t flags, int32_t stream,
                                                    const uint8_t* data, size_t length, void*);
using nghttp2_on_stream_close_callback = int (*)(nghttp2_session*, int32_t stream, uint32_t error, void*);
using nghttp2_on_invalid_frame_recv_callback = int (*)(nghttp2_session*, const nghttp2_frame*, int error,
                                                       void*);
using nghttp2_send_data_callback = int (*)(nghttp2_session*, nghttp2_frame*, const uint8_t* head,
                                           size_t length, nghttp2_data_source*, void*);

#define STACKFUL_WEAK __attribute__((weak))
STACKFUL_WEAK int nghttp2_option_new(nghttp2_option**);
STACKFUL_WEAK void nghttp2_option_del(nghttp2_option*);
STACKFUL_WEAK void nghttp2_option_set_no_auto_window_update(nghttp2_option*, int);
STACKFUL_WEAK void nghttp2_option_set_no_closed_streams(nghttp2_option*, int);
STACKFUL_WEAK void nghttp2_option_set_max_outbound_ack(nghttp2_option*, size_t);
STACKFUL_WEAK void nghttp2_option_set_builtin_recv_extension_type(nghttp2_option*, uint8_t type);
STACKFUL_WEAK int nghttp2_session_callbacks_new(nghttp2_session_callbacks**);
STACKFUL_WEAK void nghttp2_session_callbacks_del(nghttp2_session_callbacks*);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_frame_recv_callback(nghttp2_session_callbacks*,
                                                                        nghttp2_on_frame_recv_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_frame_send_callback(nghttp2_session_callbacks*,
                                                                        nghttp2_on_frame_send_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_begin_frame_callback(nghttp2_session_callbacks*,
                                                                         nghttp2_on_begin_frame_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_begin_headers_callback(nghttp2_session_callbacks*,
                                                                           nghttp2_on_begin_headers_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_header_callback(nghttp2_session_callbacks*,
                                                                    nghttp2_on_header_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_invalid_header_callback(nghttp2_session_callbacks*,
                                                                            nghttp2_on_header_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
    nghttp2_session_callbacks*, nghttp2_on_data_chunk_recv_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_stream_close_callback(nghttp2_session_callbacks*,
                                                                          nghttp2_on_stream_close_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
    nghttp2_session_callbacks*, nghttp2_on_invalid_frame_recv_callback);
STACKFUL_WEAK void nghttp2_session_callbacks_set_send_data_callback(nghttp2_session_callbacks*,
                                                                    nghttp2_send_data_callback);
STACKFUL_WEAK int nghttp2_session_server_new2(nghttp2_session**, const nghttp2_session_callbacks*, void* user,
                                              const nghttp2_option*);
STACKFUL_WEAK int nghttp2_session_client_new2(nghttp2_session**, const nghttp2_session_callbacks*, void* user,
                                              const nghttp2_option*);
STACKFUL_WEAK void nghttp2_session_del(nghttp2_session*);
STACKFUL_WEAK ssize_t nghttp2_session_mem_recv(nghttp2_session*, const uint8_t* from, size_t length);
STACKFUL_WEAK ssize_t nghttp2_session_mem_send(nghttp2_session*, const uint8_t** data);
STACKFUL_WEAK int nghttp2_session_want_read(nghttp2_session*);
STACKFUL_WEAK int nghttp2_session_want_write(nghttp2_session*);
STACKFUL_WEAK void* nghttp2_session_get_stream_user_data(nghttp2_session*, int32_t stream);
STACKFUL_WEAK int nghttp2_session_set_stream_user_data(nghttp2_session*, int32_t stream, void*);
STACKFUL_WEAK int nghttp2_session_consume(nghttp2_session*, int32_t stream, size_t);
STACKFUL_WEAK int nghttp2_session_consume_connection(nghttp2_session*, size_t);
STACKFUL_WEAK int nghttp2_session_set_local_window_size(nghttp2_session*, uint8_t flags, int32_t stream,
                                                        int32_t size);
STACKFUL_WEAK int32_t nghttp2_session_get_remote_window_size(nghttp2_session*);
STACKFUL_WEAK int32_t nghttp2_session_get_stream_remote_window_size(nghttp2_session*, int32_t stream);
STACKFUL_WEAK int32_t nghttp2_session_get_last_proc_stream_id(nghttp2_session*);
STACKFUL_WEAK uint32_t nghttp2_session_get_remote_settings(nghttp2_session*, int setting);
STACKFUL_WEAK int nghttp2_session_resume_data(nghttp2_session*, int32_t stream);
STACKFUL_WEAK int nghttp2_session_terminate_session(nghttp2_session*, uint32_t error);
STACKFUL_WEAK int nghttp2_submit_settings(nghttp2_session*, uint8_t flags, const nghttp2_settings_entry*,
                                          size_t);
STACKFUL_WEAK int nghttp2_submit_ping(nghttp2_session*, uint8_t flags, const uint8_t* data);
STACKFUL_WEAK int32_t nghttp2_submit_request(nghttp2_session*, const nghttp2_priority_spec*,
                                             const nghttp2_nv*, size_t, const nghttp2_data_provider*,
                                             void* streamUser);
STACKFUL_WEAK int nghttp2_submit_response(nghttp2_session*, int32_t stream, const nghttp2_nv*, size_t,
                                          const nghttp2_data_provider*);
STACKFUL_WEAK int32_t nghttp2_submit_headers(nghttp2_session*, uint8_t flags, int32_t stream,
                                             const nghttp2_priority_spec*, const nghttp2_nv*, size_t,
                                             void* streamUser);
STACKFUL_WEAK int nghttp2_submit_trailer(nghttp2_session*, int32_t stream, const nghttp2_nv*, size_t);
STACKFUL_WEAK int nghttp2_submit_rst_stream(nghttp2_session*, uint8_t flags, int32_t stream, uint32_t error);
STACKFUL_WEAK int nghttp2_submit_shutdown_notice(nghttp2_session*);
STACKFUL_WEAK int nghttp2_submit_goaway(nghttp2_session*, uint8_t flags, int32_t last, uint32_t error,
                                        const uint8_t* data, size_t);
#undef STACKFUL_WEAK

}  // extern "C"

// X(function)
#define STACKFUL_NGHTTP2(X)                                       \
  X(nghttp2_option_new)                                           \
  X(nghttp2_option_del)                                           \
  X(nghttp2_option_set_no_auto_window_update)                     \
  X(nghttp2_option_set_no_closed_streams)                         \
  X(nghttp2_option_set_max_outbound_ack)                          \
  X(nghttp2_option_set_builtin_recv_extension_type)               \
  X(nghttp2_session_callbacks_new)                                \
  X(nghttp2_session_callbacks_del)                                \
  X(nghttp2_session_callbacks_set_on_frame_recv_callback)         \
  X(nghttp2_session_callbacks_set_on_frame_send_callback)         \
  X(nghttp2_session_callbacks_set_on_begin_frame_callback)        \
  X(nghttp2_session_callbacks_set_on_begin_headers_callback)      \
  X(nghttp2_session_callbacks_set_on_header_callback)             \
  X(nghttp2_session_callbacks_set_on_invalid_header_callback)     \
  X(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)    \
  X(nghttp2_session_callbacks_set_on_stream_close_callback)       \
  X(nghttp2_session_callbacks_set_on_invalid_frame_recv_callback) \
  X(nghttp2_session_callbacks_set_send_data_callback)             \
  X(nghttp2_session_server_new2)                                  \
  X(nghttp2_session_client_new2)                                  \
  X(nghttp2_session_del)                                          \
  X(nghttp2_session_mem_recv)                                     \
  X(nghttp2_session_mem_send)                                     \
  X(nghttp2_session_want_read)                                    \
  X(nghttp2_session_want_write)                                   \
  X(nghttp2_session_get_stream_user_data)                         \
  X(nghttp2_session_set_stream_user_data)                         \
  X(nghttp2_session_consume)                                      \
  X(nghttp2_session_consume_connection)                           \
  X(nghttp2_session_set_local_window_size)                        \
  X(nghttp2_session_get_remote_window_size)                       \
  X(nghttp2_session_get_stream_remote_window_size)                \
  X(nghttp2_session_get_last_proc_stream_id)                      \
  X(nghttp2_session_get_remote_settings)                          \
  X(nghttp2_session_resume_data)                                  \
  X(nghttp2_session_terminate_session)                            \
  X(nghttp2_submit_settings)                                      \
  X(nghttp2_submit_ping)                                          \
  X(nghttp2_submit_request)                                       \
  X(nghttp2_submit_response)                                      \
  X(nghttp2_submit_headers)                                       \
  X(nghttp2_submit_trailer)                                       \
  X(nghttp2_submit_rst_stream)                                    \
  X(nghttp2_submit_shutdown_notice)                               \
  X(nghttp2_submit_goaway)

namespace stackful::http2 {

// What HTTP/2 cannot be spoken without and this host does not have, or null.
const char* missing() noexcept;

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
  kPriorityUpdate = 16,
};

enum FrameFlag : uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4 };

// HEADERS of which kind: nghttp2_headers::cat.
inline constexpr int kOfRequest = 0;

enum ErrorCode : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

enum SettingId : int32_t {
  kSettingEnablePush = 2,
  kSettingMaxConcurrentStreams = 3,
  kSettingInitialWindowSize = 4,
  kSettingMaxHeaderListSize = 6,
  kSettingEnableConnectProtocol = 8,
  kSettingNoRfc7540Priorities = 9,
};

// Flags of a nghttp2_data_source_read_callback, and what callbacks return.
inline constexpr uint32_t kDataEof = 1, kDataNoEndStream = 2, kDataNoCopy = 4;
inline constexpr int kWouldBlock = -504, kDeferred = -508;
// Of a nghttp2_nv: the memory stays until the frame is made.
inline constexpr uint8_t kNvNoCopyName = 2, kNvNoCopyValue = 4;

}  // namespace stackful::http2
