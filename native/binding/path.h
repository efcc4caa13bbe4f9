#pragma once

#include <string>

#include "buffers.h"

namespace stackful::binding {

// A path from a string or a view; the caller has seen that there is no zero byte in it.
class Path {
 public:
  explicit Path(v8::Isolate* isolate, v8::Local<v8::Value> value)
      : text_(isolate, value->IsString() ? value.As<v8::String>() : v8::String::Empty(isolate)) {
    if (value->IsString()) return;
    bytes_.assign(node::Buffer::Data(value), node::Buffer::Length(value));
    isBytes_ = true;
  }
  const char* c_str() const { return isBytes_ ? bytes_.c_str() : text_.data(); }
  // 0, or why the path cannot be used. (Paths that are too long are the kernel's to refuse.)
  int error() const { return text_ ? 0 : -ENOMEM; }

 private:
  Text text_;
  std::string bytes_;
  bool isBytes_ = false;
};

// A name from the kernel, as text or as bytes.
inline v8::Local<v8::Value> name(v8::Isolate* isolate, std::string_view text, bool asBuffer) {
  if (asBuffer) return Buffers::current()->copy(isolate, text.data(), text.size());
  return isAscii(text.data(), text.size()) ? asciiString(isolate, text) : string(isolate, text);
}

}  // namespace stackful::binding
