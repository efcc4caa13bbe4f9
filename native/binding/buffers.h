// Bytes on their way between JavaScript and the kernel.
#pragma once

#include <cstdlib>
#include <memory>

#include "../disk/file.h"
#include "text.h"
#include "values.h"

namespace stackful::binding {

// Makes Buffers. A Buffer with memory of its own costs 300 ns, a slice of a shared one 80.
class Buffers {
 public:
  static constexpr size_t kScratch = size_t{64} << 10;
  // Up to here Buffers are slices of a shared one.
  static constexpr size_t kMostShared = size_t{4} << 10;

  // This environment's. Null once it is being torn down.
  static Buffers* current() noexcept { return current_; }
  // Also exports shareBuffers(markAsUntransferable); before that is called no memory is shared.
  static void create(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

  // For data whose size is not known before it arrives. All coroutines share it: its content must be taken
  // out before another one can run.
  char* scratch() noexcept { return scratch_; }
  // The first `size` bytes of it as a Buffer.
  v8::Local<v8::Value> fromScratch(v8::Isolate* isolate, size_t size);
  v8::Local<v8::Value> copy(v8::Isolate* isolate, const char* data, size_t size);
  // Takes over memory from malloc.
  v8::Local<v8::Value> adopt(v8::Isolate* isolate, char* data, size_t size);

 private:
  // As Node's own pool: small enough that a Buffer kept for long does not keep much besides itself.
  static constexpr size_t kSlab = size_t{32} << 10;

  Buffers();
  ~Buffers();
  void renew(v8::Isolate* isolate);
  static void share(const Info& info);

  static thread_local Buffers* current_;

  char* scratch_;
  v8::Global<v8::Function> marker_;
  v8::Global<v8::ArrayBuffer> slab_;
  // Holds the slab's memory, so that nothing is written into freed memory even if JavaScript detaches the
  // ArrayBuffer.
  std::shared_ptr<v8::BackingStore> store_;
  size_t used_ = kSlab;
};

// A string's bytes in UTF-8, with a final zero. They stay while a call parks.
class Text {
 public:
  Text(v8::Isolate* isolate, v8::Local<v8::String> text);
  ~Text() {
    if (data_ != inline_) free(data_);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  // False when there was no memory for it.
  explicit operator bool() const noexcept { return data_ != nullptr; }
  const char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  // On the coroutine's stack, where a page more is a page more for as long as it lives.
  char inline_[1000];
  char* data_ = inline_;
  size_t size_ = 0;
};

// A view's bytes, kept in place while a call parks, whatever happens to the view.
class PinnedBytes {
 public:
  explicit PinnedBytes(v8::Local<v8::Value> view)
      : store_(view.As<v8::ArrayBufferView>()->Buffer()->GetBackingStore()),
        data_(static_cast<char*>(store_->Data()) + view.As<v8::ArrayBufferView>()->ByteOffset()),
        size_(view.As<v8::ArrayBufferView>()->ByteLength()) {}

  const char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  std::shared_ptr<v8::BackingStore> store_;
  const char* data_;
  size_t size_;
};

// The same for pool threads: `view` is asked only if one of them gets to use the memory.
inline disk::KeepAlive keepAlive(v8::Local<v8::Value>& view) {
  return {[](void* subject) -> void* {
            auto& local = *static_cast<v8::Local<v8::Value>*>(subject);
            return new std::shared_ptr<v8::BackingStore>(
                local.As<v8::ArrayBufferView>()->Buffer()->GetBackingStore());
          },
          [](void* held) { delete static_cast<std::shared_ptr<v8::BackingStore>*>(held); }, &view};
}

}  // namespace stackful::binding
