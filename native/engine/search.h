// Finding V8's private words: the search that discovery.cc drives, in parts by what is sought. `locate...` finds
// something, `confirm...` checks a find by what V8 does with it and relies on nothing that locate concluded.
// Every part returns false, with the name of what did not fit, rather than go on with a doubtful find.
#pragma once

#include <v8.h>

#include <string>
#include <vector>

#include "discovery.h"
#include "external.h"
#include "v8_layout.h"

namespace stackful::engine {

inline uint64_t bits(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

inline uint64_t* words(uint64_t address) {
  return reinterpret_cast<uint64_t*>(address);
}

// No machine stack we meet is larger; a word within this distance above the stack pointer may be a stack address.
inline constexpr uint64_t kStackReach = uint64_t{1} << 30;

class Search {
 public:
  Search(v8::Isolate* isolate, Discovery& found, std::string& reason, const Layout& layout)
      : isolate_(isolate),
        base_(reinterpret_cast<uint64_t*>(isolate)),
        found_(found),
        reason_(reason),
        layout_(layout) {
    found_.isolate = base_;
  }

  bool locate();
  bool confirm();

 private:
  // search_isolate.cc
  bool isolateSize();
  bool locateGuard();
  bool confirmGuard();
  bool confirmInterruptFlags(bool& isOne);
  bool locateThreadTop();
  bool confirmThreadTop();
  bool confirmRehomedWords();
  bool locateManager();
  bool confirmManager();
  std::vector<uint64_t> managersInUse(const std::vector<uint64_t>& managers);
  bool locateAsyncContext();
  bool confirmAsyncContext();
  // search_handles.cc
  bool locateHandleData();
  bool confirmHandleData();
  bool locateImplementer();
  bool confirmImplementer();
  bool holds(const uint64_t vector[3], uint64_t slot) const;
  bool isImplementerSlot(uint64_t* slot) const;
  // search_stack.cc
  bool locateStackStarts();
  bool confirmStackStarts();
  void heapCopies(uint64_t value, std::vector<uint64_t*>& out) const;
  bool locateStackReach();
  bool confirmStackReach();
  std::vector<uint64_t*> wordsOfReach(uint64_t bytes);
  bool locateRelocatable();
  bool confirmRelocatable();
  bool isRelocatable(uint64_t address) const;
  bool locateShutdownList();
  bool confirmShutdownList();
  bool isShutdownList(const uint64_t* vector) const;
  // search_exceptions.cc
  bool locateExceptions();
  bool confirmExceptions();

  // Runs `look` inside a native callback, where what lies on the stack can be seen.
  enum class CalledBy { kCpp, kJavaScript, kStringify };
  template <typename Look>
  bool lookInside(CalledBy how, Look look);

  bool runScript(const char* source, v8::Local<v8::Value>* result = nullptr);

  bool fail(const char* what) {
    reason_ = what;
    return false;
  }

  // All plausible pointers among the isolate's words, with the index of the word.
  void pointers(std::vector<uint64_t>& targets, std::vector<size_t>& where) const;

  v8::Isolate* isolate_;
  uint64_t* base_;
  Discovery& found_;
  std::string& reason_;
  const Layout layout_;
  size_t count_ = 0;  // words of the isolate that may be read
};

template <typename Look>
bool Search::lookInside(CalledBy how, Look look) {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::Function> f;
  v8::Local<v8::External> data = external(isolate_, &look);
  auto callback = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    (*static_cast<Look*>(externalValue(info.Data())))();
  };
  if (!v8::Function::New(context, callback, data).ToLocal(&f)) return false;
  if (how == CalledBy::kCpp) return !f->Call(context, v8::Undefined(isolate_), 0, nullptr).IsEmpty();
  v8::Local<v8::Object> object = v8::Object::New(isolate_);
  v8::Local<v8::String> name = v8::String::NewFromUtf8Literal(isolate_, "toJSON");
  if (!object->Set(context, name, f).FromMaybe(false)) return false;
  if (how == CalledBy::kStringify) return !v8::JSON::Stringify(context, object).IsEmpty();
  v8::Local<v8::Value> caller, argument = object;
  return runScript("(function (object) { object.toJSON(); })", &caller) &&
         !caller.As<v8::Function>()->Call(context, v8::Undefined(isolate_), 1, &argument).IsEmpty();
}

}  // namespace stackful::engine
