// Finding V8's private words: the search that discovery.cc drives, in parts by what is sought.
// Every part returns false, with the name of what did not fit, rather than go on with a doubtful find.
#pragma once

#include <v8.h>

#include <string>
#include <vector>

#include "discovery.h"
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
  Search(v8::Isolate* isolate, Discovery& found, std::string& reason)
      : isolate_(isolate), base_(reinterpret_cast<uint64_t*>(isolate)), found_(found), reason_(reason) {}

  bool run();

 private:
  // search_isolate.cc
  bool isolateSize();
  bool stackGuard();
  bool threadTop();
  bool manager();
  bool asyncContext();
  // search_handles.cc
  bool handleData();
  bool implementer();
  bool isImplementerSlot(uint64_t* slot) const;
  // search_stack.cc
  bool stackStarts();
  void heapCopies(uint64_t value, std::vector<uint64_t*>& out) const;
  bool relocatable();
  bool shutdownList();

  struct StackProbe {
    Search* search;
    std::vector<uint64_t> before;  // the isolate's words before the call: what did not change since is not it
    std::vector<size_t> hits;
  };
  static void relocatableCallback(const v8::FunctionCallbackInfo<v8::Value>& info);
  static void shutdownCallback(const v8::FunctionCallbackInfo<v8::Value>& info);

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
  size_t count_ = 0;  // words of the isolate that may be read
};

}  // namespace stackful::engine
