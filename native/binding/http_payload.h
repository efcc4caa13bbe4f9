// What JavaScript gives as a response: strings and views, as bytes.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "text.h"
#include "values.h"

namespace stackful::binding {

// What a response is made of, as bytes that stay where they are until the destructor.
class Payload {
 public:
  Payload() = default;
  ~Payload() { free(owned_); }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

  // `value` is a string, a Uint8Array, or anything else for nothing. What is at most `room` bytes is put into
  // `scratch`, which the next coroutine overwrites, or stays where it is: it must be used before anything can park.
  // False when there is no memory.
  bool load(v8::Isolate* isolate, v8::Local<v8::Value> value, char* scratch, size_t room) {
    if (value->IsString()) return loadString(isolate, value.As<v8::String>(), scratch, room);
    if (value->IsArrayBufferView()) return loadView(value.As<v8::ArrayBufferView>(), scratch, room);
    return true;
  }

  // The same for header lines, which are Latin-1.
  bool loadFields(v8::Isolate* isolate, v8::Local<v8::Value> value, char* scratch, size_t room) {
    if (!value->IsString()) return true;
    auto text = value.As<v8::String>();
    auto length = static_cast<size_t>(text->Length());
    char* to = scratch;
    if (length > room) {
      if (!own(length)) return false;
      to = owned_;
    }
    // The upper half of anything beyond has been refused: see lib/http/fields.ts.
    writeOneByte(isolate, text, to, static_cast<int>(length));
    data_ = to;
    size_ = length;
    return true;
  }

 private:
  bool own(size_t size) {
    owned_ = static_cast<char*>(malloc(size));
    data_ = owned_;
    size_ = size;
    return owned_ != nullptr;
  }

  bool loadString(v8::Isolate* isolate, v8::Local<v8::String> text, char* scratch, size_t room) {
    auto length = static_cast<size_t>(text->Length());
    if (length <= room && text->IsOneByte()) {
      writeOneByte(isolate, text, scratch, static_cast<int>(length));
      data_ = scratch;
      size_ = length;
      if (isAscii(scratch, length)) return true;
    }
    if (!own(utf8Length(isolate, text))) return false;
    writeUtf8(isolate, text, owned_, size_);
    return true;
  }

  bool loadView(v8::Local<v8::ArrayBufferView> view, char* scratch, size_t room) {
    size_t size = view->ByteLength();
    if (size <= room) {
      size_ = size;
      if (view->HasBuffer()) {
        data_ = static_cast<const char*>(view->Buffer()->Data()) + view->ByteOffset();
      } else {
        data_ = scratch;  // in V8's heap, where it may move
        view->CopyContents(scratch, size);
      }
      return true;
    }
    auto backing = view->Buffer()->GetBackingStore();
    // Made smaller while this is being sent, its pages would be gone.
    if (backing->IsResizableByUserJavaScript()) {
      if (!own(size)) return false;
      memcpy(owned_, static_cast<const char*>(backing->Data()) + view->ByteOffset(), size);
      return true;
    }
    data_ = static_cast<const char*>(backing->Data()) + view->ByteOffset();
    size_ = size;
    held_ = std::move(backing);
    return true;
  }

  const char* data_ = "";
  size_t size_ = 0;
  char* owned_ = nullptr;
  std::shared_ptr<v8::BackingStore> held_;
};

}  // namespace stackful::binding
