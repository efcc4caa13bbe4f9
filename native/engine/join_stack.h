// The arrays that are being joined. Array.prototype.join, toString and toLocaleString (and so `${array}`) note each array
// while they convert its elements, so that one that contains itself ends there. V8 keeps one list for each realm, and takes
// for granted that the first in is the last out: where an element's conversion parks, the list of one coroutine was given up
// by another, which ends the process, or an array was taken for its own element, which gives ''.
//
// So each coroutine takes its list along: while it is parked the realm has none, which V8 makes anew. The usual case, no
// coroutine inside a join, costs a switch a few loads of what lies in the cache.
//
// The list is an element of V8's NativeContext, of which all that exist are linked. Both are found by what a join, and what
// making a realm, does to them.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>

namespace stackful::engine {

class JoinStacks {
 public:
  // `isolateWords` of the isolate may be read. Null, or what does not fit.
  const char* find(v8::Isolate* isolate, v8::Local<v8::Context> context, uint64_t* words,
                   size_t isolateWords);

  // Whether the running stack is inside a join.
  bool joining() const noexcept {
    const uint64_t main = *main_;
    if (*newest_ != main) [[unlikely]]
      return joiningAnywhere();
    return joiningIn(main);
  }
  // 0 if it is not; else it may be, or there is more than one realm, or none has been joined in since a list was taken off.
  uint64_t maybeJoining() const noexcept {
    const uint64_t main = *main_;
    return (*newest_ ^ main) | (*at(*at(main, slot_), kFirstElement) ^ hole_);
  }
  // Takes the running stack's lists off, and keeps them in the returned block. May collect.
  void* save() noexcept;
  // Puts them back, and discards the block. May collect.
  void restore(void* saved) noexcept;
  static void discard(void* saved) noexcept;
  // Takes them off for good.
  void drop() noexcept;

 private:
  struct Saved;

  static uint64_t* at(uint64_t object, size_t offset) noexcept {
    return reinterpret_cast<uint64_t*>(object - kTag + offset);
  }
  bool joiningIn(uint64_t realm) const noexcept {
    const uint64_t list = *at(realm, slot_);
    return list != undefined_ && *at(list, kFirstElement) != hole_;
  }
  bool joiningAnywhere() const noexcept;
  template <typename Visit>
  void forEachRealm(Visit visit) const noexcept;
  bool findSlot(v8::Local<v8::Context> context);
  bool findRealms(v8::Local<v8::Context> context, uint64_t* words, size_t isolateWords);
  bool works(v8::Local<v8::Context> context);
  void store(v8::Local<v8::Value> realm, v8::Local<v8::Value> list) noexcept;

  static constexpr uint64_t kTag = 1;
  static constexpr size_t kElements = 16, kLength = 24;  // of a JSArray
  static constexpr size_t kFirstElement = 16;            // of a FixedArray, and of a context

  v8::Isolate* isolate_ = nullptr;
  v8::Global<v8::Context> context_;
  const uint64_t* main_ = nullptr;  // the main realm, where the handle keeps it
  uint64_t* newest_ = nullptr;      // Heap::native_contexts_list_
  size_t slot_ = 0;                 // of the list in a realm, in bytes
  size_t next_ = 0;                 // of the link to the realm made before
  uint64_t undefined_ = 0;
  uint64_t hole_ = 0;
};

}  // namespace stackful::engine
