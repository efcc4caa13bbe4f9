// Strings of JavaScript as bytes. V8 renamed the functions in 13 and dropped the old ones in 14.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stackful::binding {

// Its `length` characters, one byte each (Latin-1); of those beyond U+00FF the lower half. Flattens the string.
inline void writeOneByte(v8::Isolate* isolate, v8::Local<v8::String> text, char* to, int length) {
  auto* bytes = reinterpret_cast<uint8_t*>(to);
#if V8_MAJOR_VERSION >= 13
  text->WriteOneByteV2(isolate, 0, static_cast<uint32_t>(length), bytes);
#else
  text->WriteOneByte(isolate, bytes, 0, length, v8::String::NO_NULL_TERMINATION);
#endif
}

// Its `length` characters, two bytes each. Flattens the string.
inline void writeTwoByte(v8::Isolate* isolate, v8::Local<v8::String> text, char* to, int length) {
  auto* units = reinterpret_cast<uint16_t*>(to);
#if V8_MAJOR_VERSION >= 13
  text->WriteV2(isolate, 0, static_cast<uint32_t>(length), units);
#else
  text->Write(isolate, units, 0, length, v8::String::NO_NULL_TERMINATION);
#endif
}

inline size_t utf8Length(v8::Isolate* isolate, v8::Local<v8::String> text) {
#if V8_MAJOR_VERSION >= 13
  return text->Utf8LengthV2(isolate);
#else
  return static_cast<size_t>(text->Utf8Length(isolate));
#endif
}

// All of it, in a space of utf8Length bytes. Half a surrogate pair becomes U+FFFD, which takes as many bytes.
inline void writeUtf8(v8::Isolate* isolate, v8::Local<v8::String> text, char* to, size_t size) {
#if V8_MAJOR_VERSION >= 13
  text->WriteUtf8V2(isolate, to, size, v8::String::WriteFlags::kReplaceInvalidUtf8);
#else
  text->WriteUtf8(isolate, to, static_cast<int>(size), nullptr,
                  v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
#endif
}

inline bool isAscii(const char* text, size_t length) {
  uint64_t seen = 0;
  for (; length >= 8; text += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, text, 8);
    seen |= word;
  }
  for (; length > 0; ++text, --length) seen |= static_cast<unsigned char>(*text);
  return (seen & 0x8080808080808080) == 0;
}

}  // namespace stackful::binding
