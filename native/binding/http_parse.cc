// The parsers by themselves, without a socket, for the differential fuzzer (test/fuzz).
#include "../http/chunked.h"
#include "../http/parser.h"
#include "http_records.h"

#include <string>

namespace stackful::binding {
namespace {

std::string_view bytesFrom(const Info& info) {
  Bytes all = bytesAt(info, 0);
  auto from = static_cast<size_t>(numberAt(info, 1));
  return {all.data + from, all.size - from};
}

// httpParse(bytes, from): 0 when more is needed, the status of an error, or
// [consumed, method, target, minor version, Content-Length or -1, flags, name, value, ...]; flags: 1 chunked,
// 2 keep-alive, 4 upgrade.
void parse(const Info& info) {
  std::string_view text = bytesFrom(info);
  http::Head head;
  http::ParseResult result = http::parseHead(text.data(), text.size(), http::HeadLimits(), head);
  if (result.status == http::ParseStatus::kNeedMore) return returnInt(info, 0);
  if (result.status == http::ParseStatus::kError) return returnInt(info, result.error);
  v8::Isolate* isolate = info.GetIsolate();
  constexpr size_t kFixed = 6;
  v8::Local<v8::Value> parts[kFixed + 2 * http::Head::kMostFields];
  parts[0] = v8::Integer::NewFromUnsigned(isolate, result.consumed);
  parts[1] = asciiString(isolate, head.methodName());
  parts[2] = asciiString(isolate, head.target());
  parts[3] = v8::Integer::New(isolate, head.minorVersion);
  parts[4] = v8::Number::New(isolate, static_cast<double>(head.contentLength));
  parts[5] = v8::Integer::New(isolate, head.chunked | head.keepAlive << 1 | head.upgrade << 2);
  for (size_t i = 0; i < head.fieldCount; ++i) {
    parts[kFixed + 2 * i] = asciiString(isolate, head.name(i));
    parts[kFixed + 2 * i + 1] = asciiString(isolate, head.value(i));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, kFixed + 2 * size_t{head.fieldCount}));
}

// httpDecodeChunked(bytes, from): [0 more is needed, 1 done, 2 error; consumed; payload].
void decodeChunked(const Info& info) {
  using Status = http::ChunkedDecoder::Status;
  std::string_view text = bytesFrom(info);
  http::ChunkedDecoder decoder;
  std::string payload;
  size_t at = 0;
  Status status;
  do {
    http::ChunkedDecoder::Step step = decoder.feed(text.data() + at, text.size() - at);
    status = step.status;
    at += step.consumed;
    if (status == Status::kData) payload.append(step.data, step.length);
  } while (status == Status::kData);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, status == Status::kDone    ? 1
                                                            : status == Status::kError ? 2
                                                                                       : 0),
                                  v8::Number::New(isolate, static_cast<double>(at)),
                                  asciiString(isolate, payload)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3));
}

}  // namespace

void defineHttpParse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "httpParse", parse);
  define(context, exports, "httpDecodeChunked", decodeChunked);
}

}  // namespace stackful::binding
