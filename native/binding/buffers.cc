#include "buffers.h"

#include <cstring>

#include "../stack/cache_line.h"
#include "block_pool.h"

namespace stackful::binding {
namespace {

void freeMemory(void* data, size_t, void*) {
  free(data);
}

// Bytes from 0x80 on become two, from the end backwards so that none is overwritten before it is read.
size_t latin1ToUtf8(char* text, size_t length) {
  size_t more = 0;
  for (size_t i = 0; i < length; ++i) more += static_cast<unsigned char>(text[i]) >> 7;
  char* to = text + length + more;
  for (const char* from = text + length; from != to;) {
    const auto c = static_cast<unsigned char>(*--from);
    if (c < 0x80) {
      *--to = static_cast<char>(c);
    } else {
      *--to = static_cast<char>(0x80 | (c & 0x3f));
      *--to = static_cast<char>(0xc0 | (c >> 6));
    }
  }
  return length + more;
}

}  // namespace

thread_local Buffers* Buffers::current_ = nullptr;

Buffers::Buffers() : scratch_(stack::allocateLines(kScratch)) {
  if (!scratch_) abort();
}

Buffers::~Buffers() {
  free(scratch_);
}

void Buffers::share(const Info& info) {
  current_->marker_.Reset(info.GetIsolate(), info[0].As<v8::Function>());
}

void Buffers::create(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "shareBuffers", share);
  if (current_) return;
  current_ = new Buffers;
  node::AddEnvironmentCleanupHook(
      v8::Isolate::GetCurrent(),
      [](void*) {
        delete current_;
        current_ = nullptr;
      },
      nullptr);
}

void Buffers::renew(v8::Isolate* isolate) {
  if (marker_.IsEmpty()) return;
  // Zeroed: JavaScript that has a slice can see the whole slab.
  void* memory = calloc(1, kSlab);
  if (!memory) return;
  std::shared_ptr<v8::BackingStore> store =
      v8::ArrayBuffer::NewBackingStore(memory, kSlab, freeMemory, nullptr);
  v8::Local<v8::ArrayBuffer> slab = v8::ArrayBuffer::New(isolate, store);
  // Transferring one slice would take the others' memory away. (A detach key would also refuse to let
  // ArrayBuffer.prototype.transfer do it, but V8 up to 13 ends the process instead of throwing.)
  v8::Local<v8::Value> argument = slab;
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (marker_.Get(isolate)->Call(context, v8::Undefined(isolate), 1, &argument).IsEmpty()) return;
  slab_.Reset(isolate, slab);
  store_ = std::move(store);
  used_ = 0;
}

namespace {

v8::Local<v8::Value> copyAlone(v8::Isolate* isolate, const char* data, size_t size) {
  std::unique_ptr<v8::BackingStore> block;
  if (size > Buffers::kMostShared && size <= kMostBlock) block = takeBlock(size);
  if (!block) return node::Buffer::Copy(isolate, data, size).FromMaybe(v8::Local<v8::Object>());
  memcpy(block->Data(), data, size);
  return node::Buffer::New(isolate, v8::ArrayBuffer::New(isolate, std::move(block)), 0, size)
      .FromMaybe(v8::Local<v8::Uint8Array>());
}

}  // namespace

v8::Local<v8::Value> Buffers::copy(v8::Isolate* isolate, const char* data, size_t size) {
  if (size == 0) return node::Buffer::New(isolate, size_t{0}).FromMaybe(v8::Local<v8::Object>());
  const bool fits = size <= kSlab - used_ && slab_.Get(isolate)->ByteLength() == kSlab;
  if (size > kMostShared || !fits) {
    v8::Local<v8::Value> alone = copyAlone(isolate, data, size);
    // Afterwards: it calls JavaScript, where other coroutines may get to run and use the scratch area.
    if (size <= kMostShared) renew(isolate);
    return alone;
  }
  memcpy(static_cast<char*>(store_->Data()) + used_, data, size);
  const size_t from = used_;
  // Aligned, so that a slice can be the memory of another kind of array.
  used_ = (used_ + size + 7) & ~size_t{7};
  return node::Buffer::New(isolate, slab_.Get(isolate), from, size).FromMaybe(v8::Local<v8::Uint8Array>());
}

v8::Local<v8::Value> Buffers::adopt(v8::Isolate* isolate, char* data, size_t size) {
  if (size > kMostShared) return node::Buffer::New(isolate, data, size).FromMaybe(v8::Local<v8::Object>());
  v8::Local<v8::Value> buffer = copy(isolate, data, size);
  free(data);
  return buffer;
}

v8::Local<v8::Value> Buffers::fromScratch(v8::Isolate* isolate, size_t size) {
  if (size < kScratch / 2) return copy(isolate, scratch_, size);
  // More than half of the area is in use: giving it away is cheaper than copying it.
  char* fresh = stack::allocateLines(kScratch);
  if (!fresh) return copy(isolate, scratch_, size);
  char* full = scratch_;
  scratch_ = fresh;
  return adopt(isolate, full, size);
}

Text::Text(v8::Isolate* isolate, v8::Local<v8::String> text) {
  const auto length = static_cast<size_t>(text->Length());
  const bool oneByte = text->IsOneByte();
  // Small: what it could take at most. Large: what it takes, which costs a pass over the string.
  size_t most = oneByte ? 2 * length : 3 * length;
  if (most >= sizeof inline_) {
    most = oneByte ? 2 * length : utf8Length(isolate, text);
    data_ = static_cast<char*>(malloc(most + 1));
    if (!data_) return;
  }
  if (oneByte) {
    writeOneByte(isolate, text, data_, static_cast<int>(length));
    size_ = isAscii(data_, length) ? length : latin1ToUtf8(data_, length);
  } else {
    size_ = utf8Length(isolate, text);
    writeUtf8(isolate, text, data_, size_);
  }
  data_[size_] = 0;
}

}  // namespace stackful::binding
